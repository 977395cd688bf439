from __future__ import annotations

import copy
import dataclasses
import enum
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from modelpact.datatypes import (
    count_rows,
    diff_forms,
    diff_values,
    digest_values,
    join_rows,
    take_rows,
    to_columns,
    to_json,
    to_python,
)
from modelpact.errors import DataError

FRAME = pd.DataFrame({"a": [1, 2, 3]}, index=[7, 8, 9])


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (FRAME, 3),
        (FRAME[:0], 0),
        (FRAME["a"], 3),
        (np.zeros((4, 2)), 4),
        (np.zeros((0, 2)), 0),
        (np.array(5), 1),
        ({"x": np.zeros((4, 2)), "y": np.zeros(4)}, 4),
        ({"x": [1, 2], "y": "text"}, 1),
        ({"x": np.float64(1)}, 1),
        ({}, 1),
        ([1, 2], 2),
        ([], 0),
        ("text", 1),
        (None, 1),
    ],
    ids=repr,
)
def test_rows_are_the_first_axis(inputs: Any, expected: int) -> None:
    assert count_rows(inputs) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (FRAME, pd.DataFrame({"a": [3, 1]})),
        (FRAME["a"], pd.Series([3, 1], name="a")),
        (np.arange(6).reshape(3, 2), np.array([[4, 5], [0, 1]])),
        ({"x": np.arange(3), "y": np.eye(3)}, {"x": np.array([2, 0]), "y": np.eye(3)[::-2]}),
        (["a", "b", "c"], ["c", "a"]),
        ({"x": [1, 2, 3]}, {"x": [1, 2, 3]}),
        ("text", "text"),
    ],
    ids=repr,
)
def test_take_rows_keeps_the_given_order_and_the_type(inputs: Any, expected: Any) -> None:
    taken = take_rows(inputs, (2, 0))
    assert type(taken) is type(inputs)
    assert str(taken) == str(expected)


@pytest.mark.parametrize("inputs", [FRAME, np.arange(3), [1, 2, 3]], ids=["frame", "array", "list"])
def test_a_missing_row_raises_an_index_error(inputs: Any) -> None:
    with pytest.raises(IndexError):
        take_rows(inputs, [3])


def test_an_empty_selection_has_no_rows() -> None:
    assert count_rows(take_rows(FRAME, [])) == 0
    assert take_rows([1, 2], []) == []


CELLS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    CELLS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


def copy_deeply(value: Any) -> Any:
    """Return an equal value that shares no objects."""
    if isinstance(value, dict):
        return {copy_deeply(key): copy_deeply(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return [copy_deeply(item) for item in value]
    return "".join(list(value)) if isinstance(value, str) else value


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(VALUES, min_size=1, max_size=4))
def test_equal_rows_have_equal_digests(
    rows: list[Any],
) -> None:
    again = copy_deeply(rows)
    assert digest_values(rows) == digest_values(again)
    array, other = np.empty(len(rows), dtype=object), np.empty(len(rows), dtype=object)
    array[:], other[:] = rows, again
    assert digest_values(0, array) == digest_values(0, other)
    assert digest_values(pd.DataFrame({"a": array})) == digest_values(pd.DataFrame({"a": other}))


def changed(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    return frame.assign(**columns)


TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
WHEN = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TABLE, changed(TABLE, a=[1, 3])),
        (TABLE, changed(TABLE, a=[1.0, 2.0])),
        (TABLE, TABLE.rename(columns={"a": "c"})),
        (TABLE, TABLE[["b", "a"]]),
        (TABLE, TABLE[::-1]),
        (TABLE, TABLE[:1]),
        (TABLE, TABLE.to_dict("records")),
        (pd.DataFrame({"a": [1, "x"]}), pd.DataFrame({"a": ["1", "x"]}).astype(object)),
        (pd.DataFrame({"a": [[1], [2]]}), pd.DataFrame({"a": [[1], [3]]})),
        (pd.DataFrame({"a": [np.zeros(2)]}), pd.DataFrame({"a": [np.ones(2)]})),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(2), np.zeros(2, dtype="float32")),
        (np.zeros(2), [0.0, 0.0]),
        ({"x": np.zeros(2)}, {"x": np.ones(2)}),
        ({"x": np.zeros(2)}, {"y": np.zeros(2)}),
        ([{"a": WHEN}], [{"a": WHEN.replace(year=2025)}]),
        ([np.zeros(2000)], [np.r_[np.zeros(1000), 1, np.zeros(999)]]),
        ([b"x", [b"y"]], [[b"x"], b"y"]),
        ([1], ["1"]),
        (None, []),
    ],
)
def test_any_change_of_the_rows_changes_the_digest(one: Any, other: Any) -> None:
    assert digest_values(one) != digest_values(other)
    assert digest_values(0, one) != digest_values(0, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": np.zeros(2), "y": np.ones(2)}, {"y": np.ones(2), "x": np.zeros(2)}),
        ([{"a": WHEN, "b": 1}], [{"b": 1, "a": WHEN}]),
        (TABLE, TABLE.set_axis([7, 8])),
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    ],
    ids=["order of tensors", "order of keys", "index", "memory layout"],
)
def test_differences_that_do_not_affect_models_keep_the_digest(one: Any, other: Any) -> None:
    assert digest_values(one) == digest_values(other)


class Role(enum.Enum):
    USER = "user"


class Box(BaseModel):
    x: float


class Boxes(RootModel[list[Box]]):
    pass


@dataclasses.dataclass
class Point:
    x: float
    boxes: list[Box]


CATALOGUE: dict[str, Any] = {
    "frame": FRAME,
    "frame with a MultiIndex": pd.DataFrame(
        [[1.0, 2.0]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    ),
    "frame with duplicate names": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "frame with arrays in cells": pd.DataFrame({"e": [np.zeros(2), np.ones(3)]}),
    "series": pd.Series([1.5, None], name="a"),
    "series of text": pd.Series(["x", None]),
    "index": pd.Index([3, 1, 2]),
    "datetime index": pd.DatetimeIndex(["2020-01-01", None]),
    "categorical": pd.Categorical(["u", "v", None]),
    "categorical series": pd.Series(["u", "v"], dtype="category"),
    "nullable integers": pd.array([1, None], dtype="Int64"),
    "arrow array": pd.array([1, None], dtype="int64[pyarrow]"),
    "arrow lists": pd.Series([[1], [1, 2]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "array": np.arange(6).reshape(3, 2),
    "array without axes": np.array(1.5),
    "objects": np.array([1, "a", None, {}], dtype=object),
    "structured": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "big-endian": np.array([1.0, 2.0], dtype=">f8"),
    "datetimes": np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
    "timedeltas": np.array([1, 2], dtype="timedelta64[s]"),
    "complex": np.array([1 + 2j, complex(np.nan, 0)]),
    "long doubles": np.array([1.5, np.nan], dtype=np.longdouble),
    "masked": np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "texts": np.array(["a", "bb"], dtype=np.dtypes.StringDType()),
    "csr matrix": sp.csr_matrix(np.eye(3)),
    "coo array": sp.coo_array(np.eye(3)),
    "dict of arrays": {"x": np.zeros((4, 2)), "y": np.arange(4)},
    "dict of lists": {"x": [1, 2], "y": ["a", "b"]},
    "ragged": [["a"], ["a", "b"]],
    "list of arrays": [np.zeros((3, 2)), np.zeros((3, 3))],
    "records": [{"a": 1, "b": [1.5, None]}, {"a": float("nan")}],
    "tuple": (np.zeros(2), 1),
    "pydantic": [Box(x=1.5), Box(x=2.5)],
    "root model": Boxes([Box(x=1.5)]),
    "dataclass": Point(1.5, [Box(x=1.0)]),
    "enum": [Role.USER],
    "bytes": [b"\xff", b"a"],
    "decimal": [Decimal("1.5")],
    "moments": [WHEN, WHEN.date(), WHEN.time(), timedelta(seconds=1), pd.NaT, pd.NA],
    "numpy scalars": [
        np.float32(1.5),
        np.int8(1),
        np.bool_(True),
        np.datetime64("2020-01-01", "ns"),
    ],
    "none": None,
    "polars frame": pl.DataFrame({"a": [1, 2], "b": [[1], []]}),
    "polars series": pl.Series([1.5, None]),
    "arrow table": pa.table({"a": [1, None], "s": [{"x": 1}, None]}),
}


@pytest.mark.parametrize("value", CATALOGUE.values(), ids=CATALOGUE)
class TestEveryKind:
    def test_is_equal_to_its_copy(self, value: Any) -> None:
        assert diff_values(copy.deepcopy(value), value, rtol=0, atol=0) == ""
        assert diff_forms(copy.deepcopy(value), value) == ""

    def test_has_the_digest_of_its_copy(self, value: Any) -> None:
        assert digest_values(copy.deepcopy(value)) == digest_values(value)

    def test_has_rows(self, value: Any) -> None:
        n_rows = count_rows(value)
        taken = take_rows(value, [0])
        assert type(taken) is type(value)
        assert count_rows(taken) == 1
        assert diff_values(take_rows(value, range(n_rows)), value, rtol=0, atol=0) == ""

    def test_has_the_rows_of_both_parts(self, value: Any) -> None:
        n_rows = count_rows(value)
        if n_rows == 1 or type(value).__module__.partition(".")[0] in ("polars", "pyarrow"):
            return
        joined = join_rows(take_rows(value, [0]), take_rows(value, range(1, n_rows)))
        assert diff_values(joined, value, rtol=0, atol=0) == ""

    def test_is_json(self, value: Any) -> None:
        import json

        json.dumps(to_json(value), allow_nan=False)

    def test_is_the_same_json_as_python_values(self, value: Any) -> None:
        assert to_json(to_python(value)) == to_json(value)

    def test_has_a_name_for_each_column(self, value: Any) -> None:
        names = [f"c{index}" for index in range(3)]
        assert all(isinstance(name, str) for name in to_columns(value))
        assert to_columns(value, names[:1]).keys() <= {*to_columns(value), "c0"}


def test_all_kinds_have_different_digests() -> None:
    assert len({digest_values(value) for value in CATALOGUE.values()}) == len(CATALOGUE)


@pytest.mark.parametrize(
    ("after", "before", "text"),
    [
        ([["a"], ["b"]], [["a"], ["b", "c"]], "the length was 2 and is 1, at [1]"),
        ([{"a": [1]}], [{"a": (1,)}], ""),
        (sp.csr_matrix([[0, 1]]), sp.csr_matrix([[1, 0]]), "2 of 2 values differ"),
        (sp.csr_matrix([[0, 1.0]]), sp.csr_matrix([[0, 2.0]]), "1 of 1 values differ"),
        (np.array([1j]), np.array([2j]), "1 of 1 values differ"),
        (Box(x=1), Box(x=2), "1 of 1 values differ"),
        ([Point(1, [Box(x=1)])], [Point(1, [])], "the length was 0 and is 1, at [0].boxes"),
        (
            pd.DataFrame({"e": [np.zeros(2)]}),
            pd.DataFrame({"e": [np.zeros(3)]}),
            "the shape was (3,) and is (2,), at .e[0]",
        ),
        ([None], [float("nan")], ""),
        ([1.0 + 1e-12], [1.0], ""),
        ([1], ["1"], "1 of 1 values differ"),
    ],
)
def test_values_are_compared_at_every_depth(after: Any, before: Any, text: str) -> None:
    assert diff_values(after, before, rtol=1e-9, atol=0) == text


def test_data_that_can_be_read_once_only_has_no_digest() -> None:
    with pytest.raises(DataError, match="cannot be compared or copied"):
        digest_values(iter([1, 2]) and (x for x in [1]))
