"""Pydantic models and the enforcer accept the same JSON, with known exceptions."""

from __future__ import annotations

import collections
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from pydantic import ValidationError

from modelpact.signature import Violation, compile, parse, to_pydantic
from tests.support.json_payloads import generate_calls, through_json
from tests.support.json_verdicts import PAYLOADS, VALUES, find_violations, schemas, seeded
from tests.support.strategies import param_schemas

pytestmark = pytest.mark.usefixtures("quiet")


def module(signature: ModelSignature) -> dict[str, Any]:
    """Return the namespace of the generated module."""
    names: dict[str, Any] = {}
    exec(compile_text(to_pydantic(signature, "models:/made/1")), names)
    return names


def compile_text(text: str) -> Any:
    import builtins

    return builtins.compile(text, "made.py", "exec", dont_inherit=True)


def accepts(names: dict[str, Any], call: Any) -> bool:
    try:
        names["Request"].model_validate(call)
    except ValidationError:
        return False
    return True


def signed(inputs: Any) -> ModelSignature:
    """Return a signature with the given inputs."""
    if inputs == "sparkml_vector":
        inputs = {"type": "sparkml_vector"}
    return parse({"inputs": inputs})


@pytest.mark.parametrize(
    ("dtype", "right", "wrong"), VALUES, ids=[str(dtype) for dtype, _, _ in VALUES]
)
def test_values_of_a_required_column(dtype: Any, right: list[Any], wrong: list[Any]) -> None:
    kind = {"type": "sparkml_vector"} if dtype == "sparkml_vector" else dtype
    names = module(parse({"inputs": {"x": kind}}))
    assert [
        value for value in right if not accepts(names, {"inputs": [{"x": value, "more": 1}]})
    ] == []
    assert [value for value in wrong if accepts(names, {"inputs": [{"x": value}]})] == []


@pytest.mark.parametrize(
    ("inputs", "right", "wrong"), PAYLOADS, ids=[str(inputs) for inputs, _, _ in PAYLOADS]
)
def test_invalid_payloads(inputs: Any, right: list[Any], wrong: list[Any]) -> None:
    names = module(signed(inputs))
    assert [payload for payload in wrong if accepts(names, {"inputs": payload})] == []
    calls = [{"inputs": payload} for payload in right]
    assert [
        call
        for call in calls
        if not accepts(names, call) and not _another_form(signed(inputs), call)
    ] == []


LIMITS = [
    ("float", [0.1, 2**24], [2**24 + 1, 1e39]),
    ("double", [0.1, 2**53], [2**53 + 1, True]),
]


@pytest.mark.parametrize(("dtype", "right", "wrong"), LIMITS)
def test_widths_that_json_schema_cannot_express(
    dtype: str, right: list[Any], wrong: list[Any]
) -> None:
    signature = parse({"inputs": {"x": dtype}})
    names, enforcer = module(signature), compile(signature)
    for value in [*right, *wrong]:
        call = {"inputs": [{"x": value}]}
        assert (
            accepts(names, call) is (value in right) is not bool(find_violations(enforcer, call))
        ), value


def _depends_on_numpy(found: list[Violation]) -> bool:
    """Return whether NumPy explains the violations: it reads all items of a list as one dtype."""
    return all(
        re.fullmatch(r"(object|datetime64\[.*\])\[.*\]", violation.expected)
        or (
            re.fullmatch(r"u?int64\[.*\]", violation.expected)
            and violation.code in {"WRONG_TYPE", "LOSSY"}
        )
        for violation in found
    )


def _another_form(signature: ModelSignature, call: Any) -> bool:
    """Return whether only the enforcer accepts this form of a table, or an empty tensor."""
    schema, data = signature.inputs, call["inputs"]
    if schema is None:
        return False
    if schema.is_tensor_spec():
        # NumPy reads integers next to fractions as fractions, however large they are. An empty
        # list of objects counts as ragged rows, of which there are none.
        tensors = list(data.values()) if isinstance(data, dict) else [data]
        has_objects = any(spec.type == np.dtype("O") for spec in schema.inputs)
        return (has_objects and [] in tensors) or bool(re.search(r"\d{4}", str(data)))
    if not isinstance(data, list) or not schema.has_input_names():
        return True
    required = {spec.name for spec in schema.inputs if spec.required}
    return not all(isinstance(row, dict) and required <= row.keys() for row in data)


def test_models_and_enforcer_agree_on_random_payloads() -> None:
    count: collections.Counter[str] = collections.Counter()
    unexplained: list[Any] = []

    @settings(seeded, max_examples=50)
    @given(schemas, st.none() | param_schemas(), st.integers(0, 2**32))
    def compare(inputs: Schema, params: ParamSchema | None, seed: int) -> None:
        signature = ModelSignature(inputs, None, params)  # type: ignore[arg-type]
        names, enforcer = module(signature), compile(signature)
        for made in generate_calls(signature, 24, seed):
            call = through_json(made if params is not None else {"inputs": made["inputs"]})
            if call is None:
                continue
            found = find_violations(enforcer, call)
            accepted = accepts(names, call)
            if accepted is not bool(found):
                count["accepted" if accepted else "refused"] += 1
            elif _depends_on_numpy(found) if accepted else _another_form(signature, call):
                count["explained"] += 1
            else:
                unexplained.append((str(signature), call, accepted, found))

    compare()
    assert not unexplained, unexplained[:3]
    assert min(count["accepted"], count["refused"]) >= 250, count
    assert count["explained"] <= count.total() / 10, count


NAMES = [
    "class",
    "e-mail",
    "1st",
    "_x",
    "copy",
    "model_config",
    "model_dump",
    "Any",
    "list",
    "Field",
    "int",
    "Row",
    "InputsRow",
]
NAMES += [
    "Inputs",
    "a b",
    "a_b",
    "ﬁ",
    "fi",
    "é",
    "e\u0301",
    "schema",
    "datetime",
    "'\"\\",
    "\n",
    "str",
    "None",
]


def test_invalid_and_reserved_identifiers() -> None:
    schema = Schema(
        [ColSpec(DataType.long, name, required=index % 2 == 0) for index, name in enumerate(NAMES)]
    )
    params = ParamSchema([ParamSpec(name, DataType.long, 3, None) for name in NAMES])
    names = module(ModelSignature(schema, None, params))
    row = {name: index for index, name in enumerate(NAMES)}
    call = {"inputs": [row], "params": row}
    found = names["Request"].model_validate(call)
    assert found.model_dump(mode="json") == call
    assert found.inputs.root[0].class_ == 0
    assert names["Params"]().class_ == 3
    for name in NAMES[::2]:
        assert not accepts(
            names, {"inputs": [{key: value for key, value in row.items() if key != name}]}
        )
    assert not accepts(names, {"inputs": [row | {"class": "x"}]})


def test_objects_with_the_same_name() -> None:
    signature = parse(
        {
            "inputs": {
                "row": {"a": "long"},
                "a": {"b": {"c": "long"}},
                "a_b": {"c": "string"},
                "A": {"*": {"x": "long"}},
            }
        }
    )
    names = module(signature)
    row = {"row": {"a": 1}, "a": {"b": {"c": 1}}, "a_b": {"c": "x"}, "A": {"k": {"x": 1}}}
    assert accepts(names, {"inputs": [row]})
    assert not accepts(names, {"inputs": [row | {"a_b": {"c": 1}}]})
    assert not accepts(names, {"inputs": [row | {"a": {"b": {"c": "x"}}}]})


def test_defaults_match_the_signature() -> None:
    spec = {
        "n": "long = 3",
        "x": "float = 0.1",
        "stop": '[string] = ["a"]',
        "when": {"type": "datetime", "default": "2024-05-06"},
    }
    names = module(parse({"inputs": ["double"], "params": spec}))
    found = names["Params"]()
    assert (found.n, found.x, found.stop, str(found.when)) == (3, 0.1, ["a"], "2024-05-06")
    assert names["Request"].model_validate({"inputs": [1]}).params is None


def test_outputs_are_typed() -> None:
    names = module(
        parse({"inputs": "float32[-1, 2]", "outputs": {"label": "string", "score": "double"}})
    )
    answer = {"prediction": [{"label": "a", "score": None}], "metadata": {"seconds": 0.5}}
    assert names["Response"].model_validate(answer).prediction.root[0].label == "a"
    with pytest.raises(ValidationError):
        names["Response"].model_validate({"prediction": [{"label": 5, "score": 1}], "metadata": {}})


def test_the_title_is_escaped() -> None:
    text = to_pydantic(parse({"inputs": ["long"]}), 'a"""\nimport os\n\\')
    assert "\nimport os" not in text
    compile_text(text)
