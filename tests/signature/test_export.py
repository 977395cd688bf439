"""JSON Schema and the enforcer give one verdict on JSON; where they cannot, `EXCUSES` says why."""

from __future__ import annotations

import collections
import datetime
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from json_payloads import carried, payloads, plain_call
from jsonschema import Draft202012Validator
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from strategies import any_names, column_schemas, param_schemas, row_shapes, tensor_schemas, types

from modelpact.errors import InputsError
from modelpact.signature import (
    Enforcer,
    Failure,
    compile,
    examples,
    parse,
    rows_schema,
    strict_rows_schema,
    to_json_schema,
)
from modelpact.signature.export import JsonSchema


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """MLflow logs and warns about most of this."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def matches(schema: JsonSchema, payload: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(payload))


def failures(enforcer: Enforcer, call: dict[str, Any]) -> list[Failure]:
    """What the enforcer has against a call; what it cannot even read counts as refused."""
    try:
        enforcer.call(call["inputs"], call.get("params"))
    except InputsError as error:
        return list(error.failures)
    except (OverflowError, UnicodeEncodeError) as error:  # a day before the year 1 in UTC; half a character
        return [Failure("UNREADABLE", "", None, "text", type(error).__name__)]
    return []


def says(signature: ModelSignature, call: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the schema accepts the call, and whether the enforcer does."""
    return matches(to_json_schema(signature), call), not failures(compile(signature), call)


WHOLE = [0, -3, 3.0, 2**31 - 1, -(2**31)]
MOMENTS = [
    *("2024-02-29", "2000-02-29", "0004-02-29", "2024-12-31T23", "2024-05-06T07:08", "2024-05-06 07:08:09"),
    *("2024-05-06T07:08:09.123456789", "2024-05-06T07:08:09,5Z", "2024-05-06T07:08+05:30", "2024-05-06T07:08:09-23:59"),
    *("0001-01-01", "9999-12-31T23:59:59.999999", "0001-01-02T00:00:00+05:00", "9999-12-31T23:59Z"),
]
NO_MOMENTS = [
    *("", "now", "2024", "2024-02-30", "2023-02-29", "1900-02-29", "0000-01-01", "0000-02-29", "2024-00-01", "2024-04-31"),
    *("2024-05-06\n", " 2024-05-06", "2024-05-06T", "2024-05-06T24:00", "2024-05-06T07:60", "2024-05-06T07:08:60Z"),
    *("2024-05-06t07:08z", "2024-05-06T07:08+24:00", "2024-05-06T07:08:09.", "٢٠٢٤-05-06", "0001-01-01T00:00+05:00"),
    *("9999-12-31T23:59-01:00", 5, 5.5, True, [], {}),
]

VALUES: list[tuple[Any, list[Any], list[Any]]] = [
    ("boolean", [True, False], [None, 0, 1, 1.0, "true", [], {}]),
    ("integer", WHOLE, [None, True, 2**31, -(2**31) - 1, 2.0**31, 0.5, 1e300, "1", [], {}]),
    ("long", [*WHOLE, 2**63 - 1, -(2**63), -(2.0**63)], [None, False, 2**63, 2.0**63, 0.5, 1e300, "1", []]),
    ("float", [0, 0.5, -3, 2**24, 1e10, float(np.finfo("float32").max), None], [True, 3.5e38, -1e300, "1", [], {}]),
    ("double", [0, 0.1, -3, 2**53, 1e308, -5e-324, None], [True, "1", [], {}]),
    ("string", ["", "é ✓", "x" * 99, "\n"], [None, 5, True, [], {}]),
    ("binary", [], [None, "", "YWJj", [97], 5, {}]),
    ("datetime", [*MOMENTS, None], NO_MOMENTS),
    ("any", [None, True, 5, 2**99, 0.1, "x", [1, "x"], {"a": [None]}], []),
    (["long"], [[], [1, 2.0], [None]], [None, 5, "x", {}, [0.5], [[1]], [True]]),
    ([["string"]], [[], [[]], [["a", None], None]], [None, ["a"], [[1]]]),
    (["any"], [[], [1, "x", None], None], [5, {}]),
    (["datetime"], [[], MOMENTS], [["2023-02-29"], [5]]),
    ({"a": "long", "b?": "string"}, [{"a": 1}, {"a": 1, "b": None}, {"a": 1, "b": ""}],
     [None, {}, {"b": ""}, {"a": None}, {"a": "1"}, {"a": 1, "b": 2}, {"a": 1, "c": 1}, [], 5, "x"]),
    ({"a?": "double"}, [{}, {"a": None}, {"a": 1}], [None, {"c": 1}, {"a": "1"}]),
    ([{"a": "double", "b": "long"}], [[{"a": 1, "b": 1}], [None], [{}]], [[{"a": 1}], [{"a": None, "b": 1}], [{"c": 1}]]),
    ({"o?": {"a": "long"}}, [{}, {"o": None}, {"o": {}}, {"o": {"a": 1}}], [{"o": {"a": None}}, {"o": {"b": 1}}, {"o": 5}]),
    ({"o": {"a": "long"}}, [{"o": {"a": 1}}], [{}, {"o": None}, {"o": {}}]),
    ({"*": "long"}, [{}, {"x": 1, "": 2.0}], [None, {"x": None}, {"x": "1"}, [], 5]),
    ({"m?": {"*": "long"}}, [{}, {"m": None}, {"m": {"x": None}}], [{"m": {"x": "1"}}, {"m": 5}]),
    ({"*": "any"}, [{}, {"x": None, "y": []}, None], [5, []]),
    ({"*": {"a": "long"}}, [{"x": {"a": 1}}], [{"x": None}, {"x": {}}, {"x": {"b": 1}}]),
    ("sparkml_vector", [[], [1, 0.5, None]], [None, ["x"], 5, {}]),
]  # fmt: skip
"""A type, what is of it in JSON, and what is not."""


@pytest.mark.parametrize(("dtype", "right", "wrong"), VALUES, ids=[str(dtype) for dtype, _, _ in VALUES])
class TestValues:
    def test_of_a_required_column(self, dtype: Any, right: list[Any], wrong: list[Any]) -> None:
        signature = ModelSignature(Schema([ColSpec(_type(dtype), "x", required=True)]))
        for value, good in [*((value, True) for value in right), *((value, False) for value in wrong)]:
            assert says(signature, {"inputs": [{"x": value}]}) == (good, good), value
            assert matches(rows_schema(signature.inputs), {"x": value, "more": 1}) is good

    def test_of_an_optional_column_may_be_null_or_missing(self, dtype: Any, right: list[Any], wrong: list[Any]) -> None:
        signature = ModelSignature(Schema([ColSpec(_type(dtype), "x", required=False)]))
        for row in [{}, {"x": None}, {"y": 1}, *({"x": value} for value in right)]:
            assert says(signature, {"inputs": [row]}) == (True, True), row
        inside_a_map = isinstance(dtype, dict) and "*" in dtype  # the values of an optional map may be null
        for value in wrong:
            if value not in (None, {}) and not inside_a_map:
                assert says(signature, {"inputs": [{"x": value}]}) == (False, False), value

    def test_of_one_unnamed_column(self, dtype: Any, right: list[Any], wrong: list[Any]) -> None:
        signature = ModelSignature(Schema([ColSpec(_type(dtype))]))
        assert says(signature, {"inputs": right}) == (True, True)
        for value in [value for value in wrong if not isinstance(value, list)]:
            assert says(signature, {"inputs": [value]}) == (False, False), value
            assert not matches(rows_schema(signature.inputs), value)


def _type(written: Any) -> Any:
    return parse({"inputs": {"x": {"type": "sparkml_vector"} if written == "sparkml_vector" else written}}).inputs.inputs[0].type


PAYLOADS: list[tuple[Any, list[Any], list[Any]]] = [
    ({"a": "long", "b?": "string"}, [[{"a": 1}], [{"a": 1, "c": {}}, {"a": 2, "b": None}]],
     [[], [{}], [{"a": 1}, {}], [{"a": 1}, 5]]),
    ({"a": "double", "b": "long"}, [[{"a": 1, "b": 1}, {"b": 2}]], [[{"b": 1}], [{"b": 1}, {"b": 2}], [{"a": 1}]]),
    ({"a?": "double"}, [[], [{}], [{"c": 1}]], [[{"a": "x"}]]),
    (["long"], [[], [1, 2.0], [[1], [2]], [[1, "more"]]], [[1, [2]], [[1], []], [None], [["x"]], "x", None]),
    (["double"], [[], [None], [0.5, None], [[0.5], []], [[], [0.5]]], [[[]], [[], []], [True]]),
    (["double", "long", "any"], [[[1, 2, {}]], [[1, 2, [], 4], [None, 3]]], [[], [[1, 2]], [[1], [1, 2, 3]], [1, 2, 3], {}]),
    ([["double"]], [[], [[], [1]], [[[1]], [[]]]], [[1], [[[[1]]]], [[[1], [2]]], [[[1]], [1]], None]),
    ([{"a": "long"}], [[], [{"a": 1}], [[{"a": 1}], [{"a": 2}]]], [[{}], [[{"a": 1}], {"a": 1}], 5]),
    (["any"], [[], [1, "x"], [[1], 2]], []),
    ("float32[-1, 2]", [[[1, 0.1]], [[1, 2], [3, 4]]], [[], [[]], [1, 2], [[1]], [[1, 2], [3]], [[1, None]], [[1, "x"]], {}, 5]),
    ("float32[-1]", [[], [0.1, 3.4028235677973362e38]], [[3.4028235677973366e38], [1e300], [True], [None], [[]]]),
    ("float16[-1]", [[65519.9, -65519.9]], [[65520.0]]),
    ("int8[2, -1]", [[[], []], [[1.0], [127]], [[1], [2, 3]]], [[[1]], [[1], [128]], [[1], [0.5]], [[True], [True]]]),
    ("uint64[-1]", [[2**64 - 1], [0, 5.0]], [[-1], [2**64]]),
    ("bool[-1]", [[True, False], []], [[0], [1], ["x"], [None], [True, 1]]),
    ("str[-1]", [["a", ""], []], [[1], ["a", 1], [None], [True, "a"]]),
    ("complex64[-1]", [[]], [[1], ["1j"]]),
    ("datetime64[ns][-1]", [[]], [["2024-05-06"], [5]]),
    ("bytes[-1]", [[]], [["a"]]),
    ("float64[]", [], [1.5, [], [1.5]]),
    ("float64[-1, 0, 2]", [], [[], [[]], [[[]]]]),
    ("float64[-1, 0]", [[[]], [[], []]], [[], [[1]]]),
    ("object[-1, 2]", [[["a", None]], [[{}, 1]]], [[], [["a"]], [[["a"], ["b"]]]]),
    ({"a": "float32[-1]", "b": "str[2]"}, [{"a": [1], "b": ["x", ""]}, {"a": [], "b": ["x", ""], "c": 1}],
     [{}, {"a": [1]}, {"a": [1], "b": ["x"]}, {"a": 1, "b": ["x", ""]}, [[1], ["x", ""]]]),
]  # fmt: skip
"""Inputs, whole payloads that conform to them, and some that do not."""


@pytest.mark.parametrize(("inputs", "right", "wrong"), PAYLOADS, ids=[str(inputs) for inputs, _, _ in PAYLOADS])
def test_payloads(inputs: Any, right: list[Any], wrong: list[Any]) -> None:
    signature = parse({"inputs": inputs})
    for payload in right:
        assert says(signature, {"inputs": payload}) == (True, True), payload
    for payload in wrong:
        assert says(signature, {"inputs": payload}) == (False, False), payload


def test_a_column_named_by_a_number_is_in_no_json() -> None:
    required, optional = (Schema([ColSpec("long", 1, required=needed), ColSpec("long", "x")]) for needed in (True, False))
    assert says(ModelSignature(required), {"inputs": [{"1": 1, "x": 1}]}) == (False, False)
    assert says(ModelSignature(optional), {"inputs": [{"1": "not looked at", "x": 1}]}) == (True, True)
    assert rows_schema(required) == {"not": {}}
    assert strict_rows_schema(optional) is None
    tensors = ModelSignature(Schema([TensorSpec(np.dtype("int64"), (-1,), 1)]))
    assert says(tensors, {"inputs": {"1": [1]}}) == (False, False)


PARAMS: list[tuple[str, list[Any], list[Any]]] = [
    ("long = 3", [1, 2.0, None, -(2**63)], [0.5, "1", True, [1], 2**63]),
    ("float = 0.5", [0.1, 2**24, float(np.finfo("float32").max), None], [3.5e38, "1", True]),
    ("double = 0.5", [0.1, 1e308], ["1", True, []]),
    ("boolean = true", [False, None], [0, "true"]),
    ("string = x", ["", None], [5, ["a"]]),
    ("datetime = 2024-05-06", [*MOMENTS, None], NO_MOMENTS),
    ('"[long] = [1]"', [[], [1, None, 2.0]], [1, None, ["x"], {}]),
]


@pytest.mark.parametrize(("written", "right", "wrong"), PARAMS)
def test_params(written: str, right: list[Any], wrong: list[Any]) -> None:
    signature = parse({"params": {"p": json.loads(written) if written[0] == '"' else written}})
    for value in right:
        assert says(signature, {"inputs": None, "params": {"p": value}}) == (True, True), value
    for value in wrong:
        assert says(signature, {"inputs": None, "params": {"p": value}}) == (False, False), value
    for params, good in [({}, True), (None, True), ({"other": 1}, False), ([], False)]:
        assert says(signature, {"inputs": None, "params": params}) == (good, good)


def test_a_param_that_is_an_object() -> None:
    signature = parse({"params": {"p": {"type": {"a": "long", "b?": "string"}, "default": {"a": 1}}}})
    for value, good in [({"a": 2, "b": None}, True), ({}, False), (None, False), ({"a": 1, "c": 1}, False)]:
        assert says(signature, {"inputs": None, "params": {"p": value}}) == (good, good), value


def test_params_state_their_defaults_as_json() -> None:
    specs = [
        ParamSpec("moment", DataType.datetime, np.datetime64("2024-05-06T07:08")),
        ParamSpec("unset", DataType.string, None),
        ParamSpec("list", DataType.long, [1, 2], (-1,)),
        ParamSpec("endless", DataType.double, float("inf")),
    ]
    stated = to_json_schema(ModelSignature(params=ParamSchema(specs)))["properties"]["params"]["properties"]
    assert {name: schema.get("default", "none") for name, schema in stated.items()} == {
        "moment": "2024-05-06T07:08:00",
        "unset": None,
        "list": [1, 2],
        "endless": "none",
    }


def test_only_the_sides_that_the_signature_has() -> None:
    both = to_json_schema(parse({"inputs": {"a": "long"}, "outputs": ["double"]}))
    assert list(both["properties"]) == ["inputs", "outputs"]
    assert both["properties"]["outputs"]["anyOf"][0] == {"type": "array", "items": {"type": ["number", "null"]}}
    assert both["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_tensors_have_no_rows() -> None:
    schema = parse({"inputs": "float32[-1, 2]"}).inputs
    with pytest.raises(ValueError, match="tensors have no rows"):
        rows_schema(schema)
    assert strict_rows_schema(schema) is None


# -- where the two cannot agree


def _expects(code: str, pattern: str) -> Callable[[ModelSignature, dict[str, Any], list[Failure]], bool]:
    def excuses(signature: ModelSignature, call: dict[str, Any], found: list[Failure]) -> bool:
        return bool(found) and all(re.fullmatch(code, one.code) and re.fullmatch(pattern, one.expected) for one in found)

    return excuses


def _large(call: Any) -> bool:
    """Whether there is a whole number in it that a double may not hold."""
    if isinstance(call, (dict, list)):
        return any(map(_large, call.values() if isinstance(call, dict) else call))
    return isinstance(call, int) and abs(call) > 2**53


def _large_beside_fractions(signature: ModelSignature, call: dict[str, Any], found: list[Failure]) -> bool:
    return _large(call["inputs"]) and _expects("WRONG_TYPE|LOSSY", r"long|u?int64\[.*\]|float\d+\[.*\]")(signature, call, found)


def _of_another_form(signature: ModelSignature, call: dict[str, Any], found: list[Failure]) -> bool:
    schema, data = signature.inputs, call["inputs"]
    if found or schema is None or schema.is_tensor_spec():
        return False
    if not isinstance(data, list):
        return True
    if schema.has_input_names():
        return not all(isinstance(row, dict) for row in data)
    if len(schema.inputs) > 1:
        return not all(isinstance(row, list) for row in data)
    kinds = {type(row) if isinstance(row, (list, dict)) else None for row in data}
    return isinstance(schema.inputs[0].type, DataType) and kinds not in ({list}, {None})


def _spelled_otherwise(signature: ModelSignature, call: dict[str, Any], found: list[Failure]) -> bool:
    return not found and matches(to_json_schema(signature), _respelled(call))


def _respelled(call: Any) -> Any:
    """Every text that Python reads as a moment, in the plainest spelling."""
    if isinstance(call, dict):
        return {key: _respelled(item) for key, item in call.items()}
    if isinstance(call, list):
        return [_respelled(item) for item in call]
    try:
        return datetime.datetime.fromisoformat(call).replace(tzinfo=None).isoformat()
    except (TypeError, ValueError):
        return call


@dataclass(frozen=True)
class Excuse:
    """One class of JSON on which the schema and the enforcer disagree.

    Attributes:
        why: The reason.
        accepts: Which of the two accepts it.
        applies: Whether a disagreement is of this class, given what the enforcer found.
        cases: Inputs and payloads that are of it.
    """

    why: str
    accepts: str
    applies: Callable[[ModelSignature, dict[str, Any], list[Failure]], bool]
    cases: list[tuple[Any, Any]]


EXCUSES = {
    "fractions under float": Excuse(
        "JSON Schema has no widths. A column of float takes of the fractions those that 32 bits hold exactly; tensors round.",
        "schema",
        lambda signature, call, found: _expects("LOSSY", "float")(signature, call, found) and "float" in found[0].got,
        [({"x": "float"}, [{"x": 0.1}]), ({"x": ["float"]}, [{"x": [0.1]}])],
    ),
    "integers among floats": Excuse(
        "To JSON Schema 1e20 and 100000000000000000000 are one number. Python reads a float and an integer, and the enforcer"
        " takes integers for floats only up to 2**53, and for those of 32 and 16 bits up to 2**24 and 2**11.",
        "schema",
        _expects("LOSSY", r"float|double|float\d+\[.*\]"),
        [
            ({"x": "double"}, [{"x": 2**53 + 2}]),
            ({"x": "float"}, [{"x": 2**25}]),
            ("float32[-1]", [2**25]),
            ("float16[-1]", [4096]),
        ],
    ),
    "large integers beside fractions": Excuse(
        "NumPy and pandas read a list into one dtype, here one of floats, which changes integers beyond 2**53: whether a number"
        " passes depends on its neighbours.",
        "schema",
        _large_beside_fractions,
        [
            ("int64[-1]", [2**60, 1.0]),
            ("float64[-1]", [2**60, 0.5]),
            ("uint64[-1]", [1, 2**64 - 1]),
            (["long"], [[2**63 - 1], [1.0]]),
        ],
    ),
    "tensors of objects": Excuse(
        "A list is one of objects for the enforcer if NumPy makes one of it: with a null or an object in it.",
        "schema",
        _expects(".*", r"object\[.*\]"),
        [("object[-1, 2]", [["a", "b"]]), ("object[-1]", [1, "a"]), ("object[-1]", [[1], [2, 3]])],
    ),
    "half characters": Excuse(
        "JSON can spell half of a character (a lone surrogate), and Python reads it; pandas cannot store it.",
        "schema",
        _expects("UNREADABLE|WRONG_KIND", ".*"),
        [({"x": "string"}, [{"x": "\ud800"}]), (["string", "string"], [["\ud800", ""]])],
    ),
    "other forms": Excuse(
        "The schema describes one form of a table. The enforcer, as MLflow, also takes a single row, columns by name, a lone"
        " value, and whatever else pandas makes a frame of.",
        "enforcer",
        _of_another_form,
        [
            ({"x": "long"}, {"x": 1}),
            ({"x": "long"}, {"x": [1, 2]}),
            ({"x?": "long"}, [1, 2]),
            ({"x?": "long"}, "text"),
            (["long"], 1),
            (["string", "string"], [["a", "b"], "cd"]),
            (["long", "long"], [{"a": 1, "b": 2}]),
            ([{"a": "long"}], {"a": 1}),
            ([["double"]], {"any name": [1.5]}),
        ],
    ),
    "other spellings of a moment": Excuse(
        "The pattern has the extended form of ISO 8601 with a T or a space; Python reads the others too, with any one character"
        " between date and time. On the first and the last day that Python knows, the pattern has no offset.",
        "enforcer",
        _spelled_otherwise,
        [
            ({"x": "datetime"}, [{"x": moment}])
            for moment in ("20240506", "2024-W19-1", "2024-05-06_07:08", "2024-05-06T07:08+0530", "9999-12-31T10:00+01:00")
        ],
    ),
}


@pytest.mark.parametrize("name", EXCUSES)
def test_the_excuses_are_true(name: str) -> None:
    excuse = EXCUSES[name]
    for inputs, payload in excuse.cases:
        signature, call = parse({"inputs": inputs}), {"inputs": payload}
        assert says(signature, call) == (excuse.accepts == "schema", excuse.accepts == "enforcer"), payload
        assert excuse.applies(signature, call, failures(compile(signature), call)), payload


# -- the same verdict on everything else

carriable = st.sampled_from([dtype for dtype in DataType if dtype != DataType.binary]) | st.just(AnyType())
_triples = st.lists(
    st.tuples(any_names, types(leaves=carriable), st.booleans()), min_size=1, max_size=4, unique_by=lambda t: t[0]
)
named_columns = _triples.map(lambda found: Schema([ColSpec(dtype, name, needed) for name, dtype, needed in found]))
unnamed_columns = st.lists(types(leaves=carriable), min_size=1, max_size=3).map(
    lambda found: Schema([ColSpec(dtype) for dtype in found])
)
_dtypes = ["bool", "int8", "int64", "uint8", "uint64", "float16", "float32", "float64", "str"]
plain_tensors = tensor_schemas(any_names, dtypes=_dtypes, tensor_shapes=row_shapes)
schemas = st.one_of(named_columns, named_columns, unnamed_columns, plain_tensors, column_schemas(), tensor_schemas())

seeded = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def test_one_verdict_on_thousands_of_payloads() -> None:
    count: collections.Counter[str] = collections.Counter()
    unexplained: list[Any] = []

    @settings(seeded, max_examples=240)
    @given(schemas, st.none() | param_schemas(), st.integers(0, 2**32))
    def compare(inputs: Schema, params: ParamSchema | None, seed: int) -> None:
        signature = ModelSignature(inputs, None, params)
        schema = to_json_schema(signature)
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema, allow_nan=False)) == schema
        validator, enforcer = Draft202012Validator(schema), compile(signature)
        for made in payloads(signature, 24, seed):
            if (call := carried(made if params is not None else {"inputs": made["inputs"]})) is None:
                count["not in JSON"] += 1
                continue
            found = failures(enforcer, call)
            accepted = validator.is_valid(call)
            if accepted is not bool(found):
                count["accepted" if accepted else "refused"] += 1
                continue
            side = "schema" if accepted else "enforcer"
            excuses = [
                name for name, excuse in EXCUSES.items() if excuse.accepts == side and excuse.applies(signature, call, found)
            ]
            count[excuses[0] if excuses else "unexplained"] += 1
            if not excuses:
                unexplained.append((str(signature), call, side, found))

    compare()
    assert not unexplained, unexplained[:3]
    assert set(count) <= {"accepted", "refused", "not in JSON", *EXCUSES}
    assert count.total() - count["not in JSON"] >= 5000, count
    assert min(count["accepted"], count["refused"]) >= 1000, count
    assert sum(count[name] for name in EXCUSES) <= count.total() / 10, count


def test_rows_are_what_lists_of_rows_consist_of() -> None:
    count: collections.Counter[bool] = collections.Counter()

    @settings(seeded, max_examples=60)
    @given(named_columns | unnamed_columns, st.integers(0, 2**32))
    def compare(inputs: Schema, seed: int) -> None:
        signature = ModelSignature(inputs)
        rows, whole = Draft202012Validator(rows_schema(inputs)), Draft202012Validator(to_json_schema(signature))
        for made in payloads(signature, 16, seed):
            call = carried(made) or {"inputs": []}
            for row in call["inputs"] if isinstance(call["inputs"], list) else []:
                one, listed = rows.is_valid(row), whole.is_valid({"inputs": [row]})
                assert one == listed or (len(inputs.inputs) == 1 and not inputs.has_input_names() and not one), (row, inputs)
                count[one] += 1

    compare()
    assert min(count.values()) > 300


class TestStrictRows:
    def test_optional_properties_are_required_and_may_be_null(self) -> None:
        inputs = parse(
            {"inputs": {"name": "string", "age?": "integer", "author?": {"orcid?": "string", "tags": ["double"]}}}
        ).inputs
        author = {"orcid": {"type": ["string", "null"]}, "tags": {"type": "array", "items": {"type": "number"}}}
        assert strict_rows_schema(inputs) == {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "age": {"type": ["integer", "null"], "minimum": -(2**31), "maximum": 2**31 - 1},
                "author": {
                    "type": ["object", "null"],
                    "properties": author,
                    "required": ["orcid", "tags"],
                    "additionalProperties": False,
                },
            },
            "required": ["name", "age", "author"],
            "additionalProperties": False,
        }

    @pytest.mark.parametrize(
        "inputs",
        [
            {"x": {"*": "long"}},
            {"x": "any"},
            {"x?": ["any"]},
            {"x": {"a?": {"*": "long"}}},
            {"x": "binary"},
            ["long", "long"],
            ["any"],
        ],
    )
    def test_what_cannot_be_said(self, inputs: Any) -> None:
        assert strict_rows_schema(parse({"inputs": inputs}).inputs) is None

    def test_a_binary_value_that_may_be_left_out_is_null(self) -> None:
        found = strict_rows_schema(parse({"inputs": {"x?": "binary"}}).inputs)
        assert found is not None
        assert found["properties"] == {"x": {"type": "null"}}

    def test_one_unnamed_column_is_its_value(self) -> None:
        assert strict_rows_schema(parse({"inputs": ["string"]}).inputs) == {"type": "string"}

    def test_what_it_accepts_the_enforcer_accepts(self) -> None:
        count: collections.Counter[str] = collections.Counter()
        scalars = st.sampled_from([dtype for dtype in DataType if dtype != DataType.binary])
        columns = st.lists(
            st.tuples(any_names, types(leaves=scalars), st.booleans()), min_size=1, max_size=3, unique_by=lambda t: t[0]
        )

        @settings(seeded, max_examples=120)
        @given(columns, st.integers(0, 2**32))
        def compare(found: Any, seed: int) -> None:
            signature = ModelSignature(Schema([ColSpec(dtype, name, needed) for name, dtype, needed in found]))
            if (strict := strict_rows_schema(signature.inputs)) is None:
                count["not strict"] += 1
                return
            assert _keywords(strict) <= {
                *("type", "properties", "required", "additionalProperties", "items", "pattern", "minimum", "maximum"),
            }
            rows, enforcer = rows_schema(signature.inputs), compile(signature)
            filled = [plain_call(*pair) for pair in examples(signature, 8, seed=seed)]
            for call in [*filled, *payloads(signature, 16, seed)]:
                listed = (carried(call) or {"inputs": []})["inputs"]
                for row in listed if isinstance(listed, list) else []:
                    if matches(strict, row) and "\\n" not in json.dumps(row):  # before which Python's $ stands too
                        assert matches(rows, row)
                        why = failures(enforcer, {"inputs": [row]})
                        assert not why or _expects("LOSSY", "float|double")(signature, {}, why), (row, why)
                        count["accepted"] += 1

        compare()
        assert count["accepted"] > 300, count


def _keywords(schema: JsonSchema) -> set[str]:
    """The keywords of a strict schema; each object in it is checked for what OpenAI asks of objects."""
    found = set(schema)
    if "object" in schema["type"]:
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False
        found |= set().union(*map(_keywords, schema["properties"].values()))
    return found | (_keywords(schema["items"]) if "items" in schema else set())
