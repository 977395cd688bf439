"""Rows become the objects of type hints by Pydantic's rules, without conversions of other values."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types.type_hints import _validate_data_against_type_hint

import hinted_models as kinds
from hinted_models import Aliased, Area, Author, Choice, Color, Day, Point, Row
from modelpact.errors import InputsError
from modelpact.models import IrisModel, Model, SklearnModel
from modelpact.models.row_objects import RowHint, call_predict, read_row_hint, to_data, uses_objects
from modelpact.signature import compile as compile_signature
from modelpact.signature import from_type_hint, parse


def read(hint: Any, rows: Any) -> Any:
    return RowHint(hint).to_objects(rows)


class Unhinted(Model):
    """Returns its inputs."""

    def predict(self, inputs, params=None):  # type: ignore[no-untyped-def]
        """Return the inputs."""
        return inputs


class Unresolved(Model):
    """Has a hint that names nothing."""

    def predict(self, inputs: list[Missing], params: Any = None) -> Any:  # type: ignore[name-defined]  # noqa: F821
        """Return the inputs."""
        return inputs


@pytest.mark.parametrize(
    ("hint", "given", "expected"),
    [
        (list[Row], [{"w": 1}], [Row(w=1.0)]),
        (list[Row], [Row(w=1.0)], [Row(w=1.0)]),
        (list[Point], [{"x": np.int64(1)}], [Point(1)]),
        (list[dt.date], [dt.datetime(2020, 1, 2)], [dt.date(2020, 1, 2)]),
        (list[dt.datetime], [np.datetime64("2020-01-02")], [dt.datetime(2020, 1, 2)]),
        (list[Color], ["r"], [Color.RED]),
        (list[bytes], ["aGk="], [b"hi"]),
        (list[bytes], [b"aGk="], [b"aGk="]),
        (list[Row | Author], [{"name": "a"}], [Author(name="a")]),
        (list[list[int]], [np.array([1, 2])], [[1, 2]]),
        (list[dict[str, Color]], [{"a": "g"}], [{"a": Color.GREEN}]),
        (list[str], pd.DataFrame({0: ["a", "b"]}), ["a", "b"]),
        (list[int], pd.Series([1, 2]), [1, 2]),
        (list[float], np.array([1.5]), [1.5]),
        (list[Row], pd.DataFrame({"w": [1.5]}), [Row(w=1.5)]),
        (list[Row], pd.DataFrame({0: [{"w": 1.5}]}), [Row(w=1.5)]),
        (list[Point], pd.DataFrame({"x": [1], "label": [np.nan]}), [Point(1)]),
        (list[Author], pd.DataFrame({"name": ["a"], "born": [pd.NaT]}), [Author(name="a")]),
        (list[dict[str, int]], pd.DataFrame({"a": [1], "b": [2]}), [{"a": 1, "b": 2}]),
    ],
    ids=repr,
)
def test_rows_become_what_the_hint_names(hint: Any, given: Any, expected: Any) -> None:
    found = read(hint, given)
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


def test_strict_models_accept_the_text_of_dates() -> None:
    (day,) = read(list[Day], [{"day": "2020-01-02", "at": "2020-01-02T03:04:05"}])
    assert day == Day(day=dt.date(2020, 1, 2), at=dt.datetime(2020, 1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("hint", "given", "text"),
    [
        (list[int], ["1"], "row 0, column 0: expected a valid integer, got str '1' (TYPE_HINT)"),
        (list[int], [True], "expected a valid integer, got bool True"),
        (list[float], [1.0, "2"], "row 1, column 0: expected a valid number, got str '2'"),
        (list[str], [1], "expected a valid string, got int 1"),
        (list[bool], [1], "expected a valid boolean, got int 1"),
        (list[bytes], ["?"], "expected a valid bytes, got str '?'"),
        (list[Row], [{}], "row 0, column 0.w: expected a value, got nothing"),
        (list[Row], {"w": 1.0}, "expected a valid list, got dict of 1 item"),
        (list[Choice], [{"c": "r", "mode": "x"}], "column 0.mode: expected 'fast' or 'slow', got"),
        (list[Point], [{"x": "1"}], "column 0.x: expected a valid integer, got str '1'"),
        (list[str], pd.DataFrame({"a": ["x"], "b": ["y"]}), "expected a valid string, got dict"),
    ],
    ids=repr,
)
def test_other_rows_are_rejected_in_their_place(hint: Any, given: Any, text: str) -> None:
    with pytest.raises(InputsError) as caught:
        read(hint, given)
    assert text in str(caught.value)
    assert {failure.code for failure in caught.value.failures} == {"TYPE_HINT"}


@pytest.mark.parametrize(
    ("hint", "rows"),
    [
        (hint, [row])
        for hint in (list[int], list[float], list[str], list[Row], list[Aliased], list[list[Row]])
        for row in (1, 1.5, "1", True, None, {"w": 1}, {"w": "1"}, {"firstName": "a"}, {})
        # MLflow accepts True as an integer, and no integer as a float.
        if (hint, row) not in ((list[int], True), (list[float], 1))
    ]
    + [(list[Aliased], [{"first": "a"}]), (list[list[Row]], [[{"w": 1.0}], []])],
    ids=repr,
)
def test_mlflow_has_the_same_verdict_and_the_same_objects(hint: Any, rows: Any) -> None:
    try:
        theirs = _validate_data_against_type_hint(rows, hint)
    except MlflowException:
        with pytest.raises(InputsError):
            read(hint, rows)
    else:
        assert read(hint, rows) == theirs


def test_objects_become_plain_data() -> None:
    assert to_data([Area(w=2.0), Point(1), Color.RED, (1, Row(w=1.0)), {"a": [Color.RED]}]) == [
        {"w": 2.0, "area": 4.0},
        {"x": 1, "label": None},
        "r",
        [1, {"w": 1.0}],
        {"a": ["r"]},
    ]
    values = np.arange(2)
    assert to_data(values) is values


def test_models_are_called_with_objects() -> None:
    assert call_predict(kinds.Objects(), [{"w": 2.0}]) == [{"w": 2.0, "area": 4.0}]
    assert call_predict(kinds.Messages(), [{"role": "user", "content": "a"}]) == [
        {"role": "user", "content": "A"}
    ]


def test_other_models_are_called_with_what_is_given() -> None:
    rows = [Row(w=1.0)]
    assert call_predict(Unhinted(), rows) is rows
    assert call_predict(Unresolved(), rows) is rows
    assert read_row_hint(Unresolved.predict) is None


def test_objects_conform_to_a_signature() -> None:
    hinted = compile_signature(ModelSignature(from_type_hint(list[Choice])))
    (row,) = hinted.enforce_inputs([Choice(c=Color.RED, mode="fast")])[0].tolist()
    assert row == {"c": "r", "mode": "fast", "member": "r"}
    named = compile_signature(parse({"inputs": {"firstName": "string"}}))
    assert named.enforce_inputs([Aliased(firstName="a")]).to_dict("list") == {"firstName": ["a"]}


def test_which_models_carry_the_validation() -> None:
    assert uses_objects(kinds.Objects.predict)
    assert uses_objects(IrisModel.predict)
    assert not uses_objects(SklearnModel.predict)
    assert not uses_objects(Unhinted.predict)
