"""Digests: equal for equal signatures, in every process, and different for different ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types.schema import (
    ColSpec,
    DataType,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

from modelpact.errors import SignError
from modelpact.signature import digest, parse, to_spec
from modelpact.signature.canonical import canonical_form
from tests.support.strategies import signatures

PINNED: dict[str, dict[str, Any]] = {
    "3210275d102a25d154697e1da813b91f3255d320e8d6d7821d0db8be1a13c366": {"inputs": {"age": "long"}},
    "d9ffc26a3b40ba750bf68c826f492783fdb37921a18541048c5b65a620c7ee9e": {
        "inputs": "float32[-1, 64, 64, 3]",
        "outputs": ["double"],
    },
    "5fa58597bacf2acf9cc3222f64ea1a26ea3a8739040d25c092cda99742abd3d9": {
        "inputs": [{"name": "string", "orcid?": ["string"], "scores": {"*": "any"}}],
        "params": {"t": "double = 0.7", "d": "datetime = 2024-01-31"},
    },
}
"""Must not change: every registered version would look tampered with."""


@given(signatures())
def test_signatures_that_are_read_back_have_the_same_digest(signature: ModelSignature) -> None:
    found = digest(signature)
    assert len(found) == 64
    assert (
        digest(parse(to_spec(signature)))
        == digest(ModelSignature.from_dict(signature.to_dict()))
        == found
    )


@given(signatures(), signatures())
def test_digests_are_equal_if_and_only_if_signatures_are(
    one: ModelSignature, two: ModelSignature
) -> None:
    assert (digest(one) == digest(two)) == (one == two)


def shuffled(value: Any, random: Any) -> Any:
    """Return the data with the keys of every dict in another order."""
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key], random) for key in keys}
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


@given(signatures(), st.randoms())
def test_the_order_of_keys_does_not_matter(signature: ModelSignature, random: Any) -> None:
    stored = {
        part: json.dumps(shuffled(json.loads(text), random))
        for part, text in signature.to_dict().items()
        if text
    }
    assert digest(ModelSignature.from_dict(shuffled(stored, random))) == digest(signature)


@pytest.mark.slow
def test_digests_are_the_same_in_every_process() -> None:
    """Random signatures are read in processes with other hash seeds."""
    stored: list[dict[str, Any]] = []

    @given(signatures())
    def collect(signature: ModelSignature) -> None:
        stored.append(signature.to_dict())

    collect()
    expected = [digest(ModelSignature.from_dict(item)) for item in stored]
    script = (
        "import json, sys\n"
        "from mlflow.models import ModelSignature\n"
        "from modelpact.signature import digest\n"
        "items = json.load(sys.stdin)\n"
        "print(json.dumps([digest(ModelSignature.from_dict(item)) for item in items]))\n"
    )
    for seed in ("0", "1", "4711"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps(stored),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == expected


@pytest.mark.parametrize(("expected", "spec"), PINNED.items())
def test_digests_are_pinned(expected: str, spec: dict[str, Any]) -> None:
    assert digest(parse(spec)) == expected


BASE: dict[str, Any] = {
    "inputs": {"a": "long", "b": {"c": "string"}},
    "outputs": ["double"],
    "params": {"p": "long = 1"},
}


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"b": {"c": "string"}, "a": "long"}},
        {"inputs": {"a?": "long", "b": {"c": "string"}}},
        {"inputs": {"a": "integer", "b": {"c": "string"}}},
        {"inputs": {"a": "long", "b": {"c?": "string"}}},
        {"inputs": {"a": "long", "b": [{"c": "string"}]}},
        {"inputs": {"a": "long", "b": {"*": "string"}}},
        {"outputs": None},
        {"outputs": "float64[-1]"},
        {"outputs": "float64[-1, 1]"},
        {"outputs": "float32[-1]"},
        {"params": None},
        {"params": {"p": "long = 2"}},
        {"params": {"p": "long = null"}},
        {"params": {"p": "integer = 1"}},
        {"params": {"p": "double = 1"}},
        {"params": {"p": "[long] = [1]"}},
        {"params": {"q": "long = 1"}},
        {"inputs": ["double"], "outputs": {"a": "long"}},
    ],
    ids=str,
)
def test_any_change_changes_the_digest(change: dict[str, Any]) -> None:
    assert digest(parse(BASE | change)) != digest(parse(BASE))


def test_a_datetime_differs_from_its_text() -> None:
    text, moment = (
        parse({"params": {"p": f"{kind} = 2024-01-31"}}) for kind in ("string", "datetime")
    )
    assert (
        canonical_form(text)["params"][0]["default"]
        != canonical_form(moment)["params"][0]["default"]
    )


def test_order_of_properties_and_empty_params_do_not_matter() -> None:
    properties = [Property("x", DataType.long), Property("y", DataType.string)]
    one, two = (Schema([ColSpec(Object(order), "o")]) for order in (properties, properties[::-1]))
    assert (
        digest(ModelSignature(one))
        == digest(ModelSignature(two))
        == digest(ModelSignature(one, params=ParamSchema([])))
    )


def test_every_float_has_a_digest() -> None:
    found = {
        digest(ModelSignature(params=ParamSchema([ParamSpec("p", "double", value)])))
        for value in (np.inf, -np.inf, np.nan, 1e300, 0.1)
    }
    assert len(found) == 5


def test_numpy_numbers_are_numbers() -> None:
    axes: list[Any] = [-1, np.int64(-1)]
    plain, numpy = (Schema([TensorSpec(np.dtype("float32"), (axis, 3))]) for axis in axes)
    assert digest(ModelSignature(plain)) == digest(ModelSignature(numpy))


def test_defaults_that_are_not_json_are_rejected() -> None:
    signature = ModelSignature(Schema([ColSpec("long", "a")]))
    signature.params = ParamSchema([ParamSpec("p", "long", 1)])
    signature.params.params[0]._default = object()
    with pytest.raises(SignError, match=r"the default .* of a param is not JSON"):
        digest(signature)
