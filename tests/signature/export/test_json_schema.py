"""JSON Schemas accept the valid values of each type, and reject the invalid ones."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from modelpact.signature import parse, rows_schema, strict_rows_schema, to_json_schema
from tests.support.json_verdicts import (
    DATETIMES,
    INVALID_DATETIMES,
    PAYLOADS,
    VALUES,
    is_valid,
    schema_and_enforcer_accept,
)

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(
    ("dtype", "right", "wrong"), VALUES, ids=[str(dtype) for dtype, _, _ in VALUES]
)
class TestValues:
    def test_of_a_required_column(self, dtype: Any, right: list[Any], wrong: list[Any]) -> None:
        signature = ModelSignature(Schema([ColSpec(_type(dtype), "x", required=True)]))
        for value, good in [
            *((value, True) for value in right),
            *((value, False) for value in wrong),
        ]:
            assert schema_and_enforcer_accept(signature, {"inputs": [{"x": value}]}) == (
                good,
                good,
            ), value
            assert is_valid(rows_schema(signature.inputs), {"x": value, "more": 1}) is good

    def test_of_an_optional_column_can_be_null_or_missing(
        self, dtype: Any, right: list[Any], wrong: list[Any]
    ) -> None:
        signature = ModelSignature(Schema([ColSpec(_type(dtype), "x", required=False)]))
        for row in [{}, {"x": None}, {"y": 1}, *({"x": value} for value in right)]:
            assert schema_and_enforcer_accept(signature, {"inputs": [row]}) == (True, True), row
        inside_a_map = (
            isinstance(dtype, dict) and "*" in dtype
        )  # the values of an optional map may be null
        for value in wrong:
            if value not in (None, {}) and not inside_a_map:
                assert schema_and_enforcer_accept(signature, {"inputs": [{"x": value}]}) == (
                    False,
                    False,
                ), value

    def test_of_one_unnamed_column(self, dtype: Any, right: list[Any], wrong: list[Any]) -> None:
        signature = ModelSignature(Schema([ColSpec(_type(dtype))]))
        assert schema_and_enforcer_accept(signature, {"inputs": right}) == (True, True)
        for value in [value for value in wrong if not isinstance(value, list)]:
            assert schema_and_enforcer_accept(signature, {"inputs": [value]}) == (False, False), (
                value
            )
            assert not is_valid(rows_schema(signature.inputs), value)


def _type(written: Any) -> Any:
    return (
        parse(
            {
                "inputs": {
                    "x": {"type": "sparkml_vector"} if written == "sparkml_vector" else written
                }
            }
        )
        .inputs.inputs[0]
        .type
    )


@pytest.mark.parametrize(
    ("inputs", "right", "wrong"), PAYLOADS, ids=[str(inputs) for inputs, _, _ in PAYLOADS]
)
def test_payloads(inputs: Any, right: list[Any], wrong: list[Any]) -> None:
    signature = parse({"inputs": inputs})
    for payload in right:
        assert schema_and_enforcer_accept(signature, {"inputs": payload}) == (True, True), payload
    for payload in wrong:
        assert schema_and_enforcer_accept(signature, {"inputs": payload}) == (False, False), payload


def test_a_column_with_a_numeric_name_is_rejected() -> None:
    required, optional = (
        Schema([ColSpec("long", 1, required=needed), ColSpec("long", "x")])  # type: ignore[arg-type]
        for needed in (True, False)
    )
    assert schema_and_enforcer_accept(ModelSignature(required), {"inputs": [{"1": 1, "x": 1}]}) == (
        False,
        False,
    )
    assert schema_and_enforcer_accept(
        ModelSignature(optional), {"inputs": [{"1": "not looked at", "x": 1}]}
    ) == (
        True,
        True,
    )
    assert rows_schema(required) == {"not": {}}
    assert strict_rows_schema(optional) is None
    tensors = ModelSignature(Schema([TensorSpec(np.dtype("int64"), (-1,), 1)]))  # type: ignore[arg-type]
    assert schema_and_enforcer_accept(tensors, {"inputs": {"1": [1]}}) == (False, False)


PARAMS: list[tuple[str, list[Any], list[Any]]] = [
    ("long = 3", [1, 2.0, None, -(2**63)], [0.5, "1", True, [1], 2**63]),
    ("float = 0.5", [0.1, 2**24, float(np.finfo("float32").max), None], [3.5e38, "1", True]),
    ("double = 0.5", [0.1, 1e308], ["1", True, []]),
    ("boolean = true", [False, None], [0, "true"]),
    ("string = x", ["", None], [5, ["a"]]),
    ("datetime = 2024-05-06", [*DATETIMES, None], INVALID_DATETIMES),
    ('"[long] = [1]"', [[], [1, None, 2.0]], [1, None, ["x"], {}]),
]


@pytest.mark.parametrize(("written", "right", "wrong"), PARAMS)
def test_params(written: str, right: list[Any], wrong: list[Any]) -> None:
    signature = parse({"params": {"p": json.loads(written) if written[0] == '"' else written}})
    for value in right:
        assert schema_and_enforcer_accept(signature, {"inputs": None, "params": {"p": value}}) == (
            True,
            True,
        ), value
    for value in wrong:
        assert schema_and_enforcer_accept(signature, {"inputs": None, "params": {"p": value}}) == (
            False,
            False,
        ), value
    payloads: list[tuple[Any, bool]] = [
        ({}, True),
        (None, True),
        ({"other": 1}, False),
        ([], False),
    ]
    for params, good in payloads:
        assert schema_and_enforcer_accept(signature, {"inputs": None, "params": params}) == (
            good,
            good,
        )


def test_object_params() -> None:
    signature = parse(
        {"params": {"p": {"type": {"a": "long", "b?": "string"}, "default": {"a": 1}}}}
    )
    for value, good in [
        ({"a": 2, "b": None}, True),
        ({}, False),
        (None, False),
        ({"a": 1, "c": 1}, False),
    ]:
        assert schema_and_enforcer_accept(signature, {"inputs": None, "params": {"p": value}}) == (
            good,
            good,
        ), value


def test_params_have_json_defaults() -> None:
    specs = [
        ParamSpec("moment", DataType.datetime, np.datetime64("2024-05-06T07:08")),
        ParamSpec("unset", DataType.string, None),
        ParamSpec("list", DataType.long, [1, 2], (-1,)),
        ParamSpec("endless", DataType.double, float("inf")),
    ]
    stated = to_json_schema(ModelSignature(params=ParamSchema(specs)))["properties"]["params"][
        "properties"
    ]
    assert {name: schema.get("default", "none") for name, schema in stated.items()} == {
        "moment": "2024-05-06T07:08:00",
        "unset": None,
        "list": [1, 2],
        "endless": "none",
    }


def test_absent_sides_are_omitted() -> None:
    both = to_json_schema(parse({"inputs": {"a": "long"}, "outputs": ["double"]}))
    assert list(both["properties"]) == ["inputs", "outputs"]
    assert both["properties"]["outputs"]["anyOf"][0] == {
        "type": "array",
        "items": {"type": ["number", "null"]},
    }
    assert both["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_tensors_have_no_rows() -> None:
    schema = parse({"inputs": "float32[-1, 2]"}).inputs
    with pytest.raises(ValueError, match="a schema of tensors has no rows"):
        rows_schema(schema)
    assert strict_rows_schema(schema) is None
