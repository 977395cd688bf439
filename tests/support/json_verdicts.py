"""JSON payloads, and whether JSON Schema and the enforcer accept them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

from modelpact.errors import InputsError
from modelpact.signature import Enforcer, Violation, compile, to_json_schema
from modelpact.signature.enforcement.json_decoding import JsonDecoder
from modelpact.signature.export.json_schema import JsonSchema
from tests.support.strategies import any_names, column_schemas, row_shapes, tensor_schemas, types


def is_valid(schema: JsonSchema, payload: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(payload))


def find_violations(enforcer: Enforcer, call: dict[str, Any]) -> list[Violation]:
    """Return the violations of a call; an exception counts as one violation."""
    try:
        inputs = JsonDecoder(enforcer.signature.inputs).decode(call["inputs"])
        enforcer.enforce_call(inputs, call.get("params"))
    except InputsError as error:
        return list(error.failures)
    except (
        OverflowError,
        UnicodeEncodeError,
    ) as error:  # a day before the year 1 in UTC; half a character
        return [Violation("UNREADABLE", "", None, "text", type(error).__name__)]
    return []


def schema_and_enforcer_accept(
    signature: ModelSignature, call: dict[str, Any]
) -> tuple[bool, bool]:
    """Return whether the JSON Schema accepts a call, and whether the enforcer does."""
    return is_valid(to_json_schema(signature), call), not find_violations(compile(signature), call)


WHOLE = [0, -3, 3.0, 2**31 - 1, -(2**31)]
DATETIMES = [
    *(
        "2024-02-29",
        "2000-02-29",
        "0004-02-29",
        "2024-12-31T23",
        "2024-05-06T07:08",
        "2024-05-06 07:08:09",
    ),
    *(
        "2024-05-06T07:08:09.123456789",
        "2024-05-06T07:08:09,5Z",
        "2024-05-06T07:08+05:30",
        "2024-05-06T07:08:09-23:59",
    ),
    *("0001-01-01", "9999-12-31T23:59:59.999999", "0001-01-02T00:00:00+05:00", "9999-12-31T23:59Z"),
]
INVALID_DATETIMES = [
    *(
        "",
        "now",
        "2024",
        "2024-02-30",
        "2023-02-29",
        "1900-02-29",
        "0000-01-01",
        "0000-02-29",
        "2024-00-01",
        "2024-04-31",
    ),
    *(
        "2024-05-06\n",
        " 2024-05-06",
        "2024-05-06T",
        "2024-05-06T24:00",
        "2024-05-06T07:60",
        "2024-05-06T07:08:60Z",
    ),
    *(
        "2024-05-06t07:08z",
        "2024-05-06T07:08+24:00",
        "2024-05-06T07:08:09.",
        "٢٠٢٤-05-06",
        "0001-01-01T00:00+05:00",
    ),
    *("9999-12-31T23:59-01:00", 5, 5.5, True, [], {}),
]

VALUES: list[tuple[Any, list[Any], list[Any]]] = [
    ("boolean", [True, False], [None, 0, 1, 1.0, "true", [], {}]),
    ("integer", WHOLE, [None, True, 2**31, -(2**31) - 1, 2.0**31, 0.5, 1e300, "1", [], {}]),
    ("long", [*WHOLE, 2**63 - 1, -(2**63), -(2.0**63)], [None, False, 2**63, 2.0**63, 0.5, 1e300, "1", []]),
    ("float", [0, 0.5, -3, 2**24, 1e10, float(np.finfo("float32").max), None], [True, 3.5e38, -1e300, "1", [], {}]),
    ("double", [0, 0.1, -3, 2**53, 1e308, -5e-324, None], [True, "1", [], {}]),
    ("string", ["", "é ✓", "x" * 99, "\n"], [None, 5, True, [], {}]),
    ("binary", ["", "YWJj", "YWI=", "YWI=\n"], [None, "YWI", "é", [97], 5, {}]),
    ("datetime", [*DATETIMES, None], INVALID_DATETIMES),
    ("any", [None, True, 5, 2**99, 0.1, "x", [1, "x"], {"a": [None]}], []),
    (["long"], [[], [1, 2.0], [None]], [None, 5, "x", {}, [0.5], [[1]], [True]]),
    ([["string"]], [[], [[]], [["a", None], None]], [None, ["a"], [[1]]]),
    (["any"], [[], [1, "x", None], None], [5, {}]),
    (["datetime"], [[], DATETIMES], [["2023-02-29"], [5]]),
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
"""Types with valid and invalid JSON values."""


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
    ("float32[-1, 2]", [[[1, 0.1]], [[1, 2], [3, 4]], [[1, None]]], [[], [[]], [1, 2], [[1]], [[1, 2], [3]], [[1, "x"]], {}, 5]),
    ("float32[-1]", [[], [0.1, 3.4028235677973362e38], [None, 1]], [[3.4028235677973366e38], [1e300], [True], [[]]]),
    ("float16[-1]", [[65519.9, -65519.9]], [[65520.0]]),
    ("int8[2, -1]", [[[], []], [[1.0], [127]], [[1], [2, 3]]], [[[1]], [[1], [128]], [[1], [0.5]], [[True], [True]]]),
    ("uint64[-1]", [[2**64 - 1], [0, 5.0]], [[-1], [2**64]]),
    ("bool[-1]", [[True, False], []], [[0], [1], ["x"], [None], [True, 1]]),
    ("str[-1]", [["a", ""], []], [[1], ["a", 1], [None], [True, "a"]]),
    ("complex64[-1]", [[]], [[1], ["1j"]]),
    ("datetime64[ns][-1]", [[], ["2024-05-06T07:08"], ["2024-05-06", None]], [["now"], [5]]),
    ("bytes[-1]", [[], ["YQ=="]], [["a"], [None]]),
    ("float64[]", [], [1.5, [], [1.5]]),
    ("float64[-1, 0, 2]", [], [[], [[]], [[[]]]]),
    ("float64[-1, 0]", [[[]], [[], []]], [[], [[1]]]),
    ("object[-1, 2]", [[["a", None]], [[{}, 1]]], [[], [["a"]], [[["a"], ["b"]]]]),
    ({"a": "float32[-1]", "b": "str[2]"}, [{"a": [1], "b": ["x", ""]}, {"a": [], "b": ["x", ""], "c": 1}],
     [{}, {"a": [1]}, {"a": [1], "b": ["x"]}, {"a": 1, "b": ["x", ""]}, [[1], ["x", ""]]]),
]  # fmt: skip
"""Inputs with valid and invalid payloads."""


def only_violations(
    code: str, pattern: str
) -> Callable[[ModelSignature, dict[str, Any], list[Violation]], bool]:
    """Return a check that all violations match the patterns of a code and an expected type."""

    def excuses(signature: ModelSignature, call: dict[str, Any], found: list[Violation]) -> bool:
        return bool(found) and all(
            re.fullmatch(code, one.code) and re.fullmatch(pattern, one.expected) for one in found
        )

    return excuses


carriable = st.sampled_from([dtype for dtype in DataType if dtype != DataType.binary]) | st.just(
    AnyType()
)
_triples = st.lists(
    st.tuples(any_names, types(leaves=carriable), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda t: t[0],
)
named_columns = _triples.map(
    lambda found: Schema([ColSpec(dtype, name, needed) for name, dtype, needed in found])
)
unnamed_columns = st.lists(types(leaves=carriable), min_size=1, max_size=3).map(
    lambda found: Schema([ColSpec(dtype) for dtype in found])
)
_dtypes = ["bool", "int8", "int64", "uint8", "uint64", "float16", "float32", "float64", "str"]
plain_tensors = tensor_schemas(any_names, dtypes=_dtypes, tensor_shapes=row_shapes)
schemas = st.one_of(
    named_columns, named_columns, unnamed_columns, plain_tensors, column_schemas(), tensor_schemas()
)

seeded = settings(database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
"""Settings without shrinking; the examples are the same in each run, except in the profile `full`."""
