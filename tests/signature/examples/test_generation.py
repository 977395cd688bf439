"""Valid examples are accepted; invalid ones are rejected for the violation that they name."""

from __future__ import annotations

import itertools
import logging
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature

from modelpact._internal.mlflow_compat import enforce_inputs, enforce_params
from modelpact.errors import InputsError
from modelpact.signature import (
    InvalidExample,
    compile,
    generate_examples,
    generate_invalid_examples,
    parse,
)
from tests.support.many_cases import sample_params
from tests.support.strategies import signatures

RICH = parse(
    {
        "inputs": {
            "flag": "boolean",
            "count": "integer",
            "id": "long",
            "ratio": "float",
            "price": "double",
            "name": "string",
            "blob": "binary",
            "at": "datetime",
            "free": "any",
            "notes?": "string",
            "left?": "long",
            "tags": ["string"],
            "grid": [["integer"]],
            "scores": {"*": "double"},
            "author": {"name": "string", "orcid?": "string", "born": "datetime"},
            "lines": [{"sku": "string", "count": "integer", "more?": {"*": ["float"]}}],
        },
        "params": {
            "top": "integer = 3",
            "heat": "double = 0.7",
            "stop": "[string] = []",
            "when": "datetime = 2024-01-31",
            "how": '{a: long, "b?": string} = {"a": 1}',
        },
    }
)
SIGNATURES = {
    "rich": RICH,
    "unnamed": parse({"inputs": ["double", ["long"], {"a": "string"}]}),
    "one unnamed": parse({"inputs": ["string"]}),
    "tensor": parse({"inputs": "float32[-1, 4, 3]"}),
    "tensors": parse(
        {
            "inputs": {
                "image": "uint8[-1, 8, 8]",
                "mask": "bool[-1, -1]",
                "when": "datetime64[s][-1]",
                "word": "str[-1, 2]",
            }
        }
    ),
    "params": parse({"params": {"top": "long = 3"}}),
    "anything": parse({"inputs": ["any"]}),
}


@pytest.fixture(autouse=True)
def quiet_mlflow() -> Any:
    """Silence MLflow, which warns about each unknown param."""
    logger = logging.getLogger("mlflow.models.utils")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def mlflow_takes(signature: ModelSignature, inputs: Any, params: Any) -> None:
    """Run MLflow on pickled copies: it changes nested values, which copies of frames share."""
    if signature.inputs is not None:
        enforce_inputs(pickle.loads(pickle.dumps(inputs)), signature.inputs)
    enforce_params(pickle.loads(pickle.dumps(params)), signature.params)


def modelpact_takes(signature: ModelSignature, inputs: Any, params: Any) -> None:
    enforcer = compile(signature)
    if signature.inputs is not None:
        enforcer.enforce_inputs(inputs)
    enforcer.enforce_params(params)


def usable(signature: ModelSignature) -> bool:
    """Return whether MLflow can find all columns; it reads the names "" and 0 as positions."""
    return all(
        spec.name is None or spec.name or spec.name == index
        for index, spec in enumerate(signature.inputs or ())
    )


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_valid_examples_pass_modelpact_and_mlflow(signature: ModelSignature) -> None:
    for inputs, params in generate_examples(signature, 50):
        mlflow_takes(signature, inputs, params)
        modelpact_takes(signature, inputs, params)


@given(signatures(), st.integers(0, 2**32))
def test_valid_examples_of_any_signature_pass(signature: ModelSignature, seed: int) -> None:
    assume(usable(signature))
    for inputs, params in generate_examples(signature, 2, seed=seed):
        mlflow_takes(signature, inputs, params)
        modelpact_takes(signature, inputs, params)


@pytest.mark.parametrize("signature", sample_params(SIGNATURES.values(), every=3), ids=SIGNATURES)
def test_invalid_examples_are_rejected(signature: ModelSignature) -> None:
    for broken in generate_invalid_examples(signature, 150):
        refused(signature, broken)


@given(signatures(), st.integers(0, 2**32))
def test_invalid_examples_of_any_signature_are_rejected(
    signature: ModelSignature, seed: int
) -> None:
    assume(usable(signature))
    for broken in generate_invalid_examples(signature, 4, seed=seed):
        refused(signature, broken)


def refused(signature: ModelSignature, broken: InvalidExample) -> None:
    with pytest.raises(InputsError):
        modelpact_takes(signature, broken.inputs, broken.params)
    if broken.rejected_by_mlflow:
        with pytest.raises((MlflowException, KeyError)):
            mlflow_takes(signature, broken.inputs, broken.params)
    else:
        mlflow_takes(signature, broken.inputs, broken.params)


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_only_one_side_is_invalid(signature: ModelSignature) -> None:
    for broken in generate_invalid_examples(signature, 60):
        enforcer = compile(signature)
        if broken.path.startswith("params"):
            if signature.inputs is not None:
                enforcer.enforce_inputs(broken.inputs)
        else:
            enforcer.enforce_params(broken.params)


def test_every_kind_of_mutation_is_generated_before_any_repeats() -> None:
    names = [broken.kind for broken in generate_invalid_examples(RICH, 200)]
    kinds = set(names)
    assert kinds == {
        *(
            "MISSING_REQUIRED",
            "WRONG_TYPE",
            "OUT_OF_RANGE",
            "NOT_WHOLE",
            "NULL_FOR_REQUIRED",
            "WRONG_KEY",
            "UNKNOWN_PROPERTY",
        ),
        *("PARAM_TYPE", "PARAM_SHAPE", "UNKNOWN_PARAM"),
    }
    assert set(names[: len(kinds)]) == kinds
    assert {broken.kind for broken in generate_invalid_examples(SIGNATURES["tensors"], 50)} == {
        "MISSING_REQUIRED",
        "WRONG_SHAPE",
        "WRONG_DTYPE",
        "UNKNOWN_PARAM",
    }


def test_mutations_reach_every_depth() -> None:
    places = {broken.path for broken in generate_invalid_examples(RICH, 200)}
    assert {
        "inputs.author.orcid",
        "inputs.tags[]",
        "inputs.grid[][]",
        "inputs.scores.*",
        "inputs.lines[].sku",
        "inputs.lines[].more.*[]",
    } <= places
    assert {"params.top", "params.stop", "params.how.a", "params.how.b"} <= places


def test_a_signature_of_any_can_be_violated() -> None:
    assert {broken.kind for broken in generate_invalid_examples(SIGNATURES["anything"], 5)} == {
        "UNKNOWN_PARAM"
    }


CODES = {
    "MISSING_REQUIRED": {"MISSING_COLUMN", "MISSING_PROPERTY"},
    "WRONG_TYPE": {"WRONG_TYPE"},
    "WRONG_KEY": {"WRONG_TYPE"},
    "WRONG_DTYPE": {"WRONG_TYPE"},
    "WRONG_SHAPE": {"WRONG_SHAPE"},
    "OUT_OF_RANGE": {"OUT_OF_RANGE", "LOSSY"},
    "NOT_WHOLE": {"LOSSY"},
    "NULL_FOR_REQUIRED": {"NULL"},
    "UNKNOWN_PROPERTY": {"UNKNOWN_PROPERTY"},
    "UNKNOWN_PARAM": {"UNKNOWN_PARAM"},
    "PARAM_TYPE": {"WRONG_TYPE"},
    "PARAM_SHAPE": {"WRONG_TYPE", "WRONG_SHAPE"},
}
"""The violation codes of each kind of invalid example."""


@pytest.mark.parametrize("signature", sample_params(SIGNATURES.values(), every=2), ids=SIGNATURES)
def test_the_enforcer_finds_only_the_mutation(signature: ModelSignature) -> None:
    for broken in generate_invalid_examples(signature, 150):
        with pytest.raises(InputsError) as caught:
            modelpact_takes(signature, broken.inputs, broken.params)
        assert {failure.code for failure in caught.value.failures} <= CODES[broken.kind], (
            broken.path
        )


def test_the_message_names_the_mutated_column() -> None:
    for broken in generate_invalid_examples(RICH, 100):
        with pytest.raises(InputsError) as caught:
            modelpact_takes(RICH, broken.inputs, broken.params)
        top = broken.path.split(".")[1].split("[")[0]
        assert top in str(caught.value), broken.path


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_examples_depend_on_the_seed(
    signature: ModelSignature,
) -> None:
    for valid in (True, False):
        assert show(generate_examples(signature, 6, valid, seed=7)) == show(
            generate_examples(signature, 6, valid, seed=7)
        )
        assert show(generate_examples(signature, 9, valid, seed=7)[:6]) == show(
            generate_examples(signature, 6, valid, seed=7)
        )
        assert show(generate_examples(signature, 6, valid, seed=8)) != show(
            generate_examples(signature, 6, valid, seed=7)
        )
    assert generate_examples(signature, 0) == generate_examples(signature, 0, valid=False) == []


def show(found: list[tuple[Any, Any]]) -> str:
    return "\n".join(
        f"{inputs.to_dict('list') if isinstance(inputs, pd.DataFrame) else inputs!r} {params!r}"
        for inputs, params in found
    )


@pytest.mark.slow
def test_another_process_generates_the_same_examples() -> None:
    script = (
        "from modelpact.signature import generate_examples, parse\n"
        "signature = parse({'inputs': {'a': 'double', 'b?': [{'c': 'string'}]}, 'params': {'p': 'string = x'}})\n"
        "for inputs, params in generate_examples(signature, 5, seed=3):\n"
        "    print(inputs.to_dict('list'), params)\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert told[0] == told[1] != ""


def test_shapes_of_examples() -> None:
    for inputs, params in generate_examples(RICH, 20):
        assert isinstance(inputs, pd.DataFrame)
        assert 1 <= len(inputs) <= 4
        assert isinstance(params, dict)
    for inputs, params in generate_examples(SIGNATURES["tensor"], 20):
        assert (inputs.dtype, inputs.shape[1:], params) == (np.float32, (4, 3), None)
    for inputs, _ in generate_examples(SIGNATURES["tensors"], 20):
        assert len({len(array) for array in inputs.values()}) == 1, (
            "tensors of one call have the same rows"
        )
    assert all(inputs is None for inputs, _ in generate_examples(SIGNATURES["params"], 3))


def test_optional_columns_are_sometimes_missing_and_sometimes_null() -> None:
    frames = [inputs for inputs, _ in generate_examples(RICH, 60)]
    present = [frame["notes"] for frame in frames if "notes" in frame]
    assert 0 < len(present) < len(frames)
    assert any(notes.isna().any() for notes in present)


def test_a_mutation_does_not_change_the_original_data() -> None:
    """Invalid examples do not share data."""
    made = generate_invalid_examples(RICH, 120)
    for one, two in itertools.pairwise(made):
        assert one.inputs is not two.inputs
    with pytest.raises(AttributeError):
        made[0].kind = "OTHER"  # type: ignore[misc]
