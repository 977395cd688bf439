"""JSON Schema and the enforcer accept the same JSON, with the exceptions in `EXCUSES`."""

from __future__ import annotations

import collections
import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mlflow.models import ModelSignature
from mlflow.types.schema import DataType, ParamSchema, Schema

from modelpact.signature import Violation, compile, parse, rows_schema, to_json_schema
from tests.support.json_payloads import generate_calls, through_json
from tests.support.json_verdicts import (
    find_violations,
    is_valid,
    named_columns,
    only_violations,
    schema_and_enforcer_accept,
    schemas,
    seeded,
    unnamed_columns,
)
from tests.support.publishing import not_none
from tests.support.strategies import param_schemas

pytestmark = pytest.mark.usefixtures("quiet")


def _large(call: Any) -> bool:
    """Return whether a call has an integer that a double may not hold."""
    if isinstance(call, (dict, list)):
        return any(map(_large, call.values() if isinstance(call, dict) else call))
    return isinstance(call, int) and abs(call) > 2**53


def _large_beside_fractions(
    signature: ModelSignature, call: dict[str, Any], found: list[Violation]
) -> bool:
    return _large(call["inputs"]) and only_violations(
        "WRONG_TYPE|LOSSY", r"long|u?int64\[.*\]|float\d+\[.*\]"
    )(signature, call, found)


def _of_another_form(
    signature: ModelSignature, call: dict[str, Any], found: list[Violation]
) -> bool:
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


def _spelled_otherwise(
    signature: ModelSignature, call: dict[str, Any], found: list[Violation]
) -> bool:
    return not found and is_valid(to_json_schema(signature), _respelled(call))


def _respelled(call: Any) -> Any:
    """Return a call with every ISO 8601 text in its basic form."""
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
    """A kind of JSON that only the schema or only the enforcer accepts.

    Attributes:
        why: The reason.
        accepts: Which of the two accepts it.
        applies: Whether a disagreement is of this class, given what the enforcer found.
        cases: Inputs and payloads of this kind.
    """

    why: str
    accepts: str
    applies: Callable[[ModelSignature, dict[str, Any], list[Violation]], bool]
    cases: list[tuple[Any, Any]]


EXCUSES = {
    "integers among floats": Excuse(
        "For JSON Schema, 1e20 and 100000000000000000000 are the same number. Python reads a float "
        "and an integer, and the enforcer accepts integers for floats of 64, 32 and 16 bits only up "
        "to 2**53, 2**24 and 2**11.",
        "schema",
        only_violations("LOSSY", r"float|double|float\d+\[.*\]"),
        [
            ({"x": "double"}, [{"x": 2**53 + 2}]),
            ({"x": "float"}, [{"x": 2**25}]),
            ("float32[-1]", [2**25]),
            ("float16[-1]", [4096]),
        ],
    ),
    "large integers next to fractions": Excuse(
        "NumPy and pandas read a list as one dtype, here floats, which changes integers beyond "
        "2**53. So other items of the list determine whether a number is accepted.",
        "schema",
        _large_beside_fractions,
        [
            ("int64[-1]", [2**60, 1.0]),
            ("float64[-1]", [2**60, 0.5]),
            ("uint64[-1]", [1, 2**64 - 1]),
            (["long"], [[2**63 - 1], [1.0]]),
        ],
    ),
    "datetimes beyond the unit": Excuse(
        "JSON Schema has no units. A tensor of days has no hours, and one of nanoseconds ends in "
        "the year 2262.",
        "schema",
        only_violations("WRONG_TYPE", r"datetime64\[.*\]"),
        [("datetime64[ns][-1]", ["9999-12-31"]), ("datetime64[D][-1]", ["2024-05-06T07:08"])],
    ),
    "lone surrogates": Excuse(
        "JSON can contain a lone surrogate, and Python reads it; pandas cannot store it.",
        "schema",
        only_violations("UNREADABLE|WRONG_KIND", ".*"),
        [({"x": "string"}, [{"x": "\ud800"}]), (["string", "string"], [["\ud800", ""]])],
    ),
    "other forms": Excuse(
        "The schema describes one form of a table. Like MLflow, the enforcer also accepts a single "
        "row, columns by name, a single value, and other data that pandas converts to a frame.",
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
    "other forms of ISO 8601": Excuse(
        "The pattern matches the extended form of ISO 8601 with a T or a space. Python also reads "
        "the other forms, with any character between date and time. The pattern has no offset on "
        "the first and the last day of Python's calendar.",
        "enforcer",
        _spelled_otherwise,
        [
            ({"x": "datetime"}, [{"x": moment}])
            for moment in (
                "20240506",
                "2024-W19-1",
                "2024-05-06_07:08",
                "2024-05-06T07:08+0530",
                "9999-12-31T10:00+01:00",
            )
        ],
    ),
}


@pytest.mark.parametrize("name", EXCUSES)
def test_listed_exceptions_are_real(name: str) -> None:
    excuse = EXCUSES[name]
    for inputs, payload in excuse.cases:
        signature, call = parse({"inputs": inputs}), {"inputs": payload}
        assert schema_and_enforcer_accept(signature, call) == (
            excuse.accepts == "schema",
            excuse.accepts == "enforcer",
        ), payload
        assert excuse.applies(signature, call, find_violations(compile(signature), call)), payload


def test_schema_and_enforcer_agree_on_random_payloads() -> None:
    count: collections.Counter[str] = collections.Counter()
    unexplained: list[Any] = []

    n_signatures = not_none(settings.default).max_examples * 5 // 2

    @settings(seeded, max_examples=n_signatures)
    @given(schemas, st.none() | param_schemas(), st.integers(0, 2**32))
    def compare(inputs: Schema, params: ParamSchema | None, seed: int) -> None:
        signature = ModelSignature(inputs, None, params)  # type: ignore[arg-type]
        schema = to_json_schema(signature)
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema, allow_nan=False)) == schema
        validator, enforcer = Draft202012Validator(schema), compile(signature)
        for made in generate_calls(signature, 24, seed):
            if (
                call := through_json(made if params is not None else {"inputs": made["inputs"]})
            ) is None:
                count["not in JSON"] += 1
                continue
            found = find_violations(enforcer, call)
            accepted = validator.is_valid(call)
            if accepted is not bool(found):
                count["accepted" if accepted else "refused"] += 1
                continue
            side = "schema" if accepted else "enforcer"
            excuses = [
                name
                for name, excuse in EXCUSES.items()
                if excuse.accepts == side and excuse.applies(signature, call, found)
            ]
            count[excuses[0] if excuses else "unexplained"] += 1
            if not excuses:
                unexplained.append((str(signature), call, side, found))

    compare()
    assert not unexplained, unexplained[:3]
    assert set(count) <= {"accepted", "refused", "not in JSON", *EXCUSES}
    assert count.total() - count["not in JSON"] >= 20 * n_signatures, count
    assert min(count["accepted"], count["refused"]) >= 4 * n_signatures, count
    assert sum(count[name] for name in EXCUSES) <= count.total() / 10, count


def test_row_schema_equals_the_items_of_the_list_schema() -> None:
    count: collections.Counter[bool] = collections.Counter()

    @settings(seeded, max_examples=60)
    @given(named_columns | unnamed_columns, st.integers(0, 2**32))
    def compare(inputs: Schema, seed: int) -> None:
        signature = ModelSignature(inputs)
        rows, whole = (
            Draft202012Validator(rows_schema(inputs)),
            Draft202012Validator(to_json_schema(signature)),
        )
        for made in generate_calls(signature, 16, seed):
            call = through_json(made) or {"inputs": []}
            for row in call["inputs"] if isinstance(call["inputs"], list) else []:
                one, listed = rows.is_valid(row), whole.is_valid({"inputs": [row]})
                assert one == listed or (
                    len(inputs.inputs) == 1 and not inputs.has_input_names() and not one
                ), (row, inputs)
                count[one] += 1

    compare()
    assert min(count.values()) > 300
