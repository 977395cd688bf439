"""Named data of every kind to infer signatures from."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pydantic
import scipy.sparse

from tests.support.enforcement_cases import (
    ARRAYS,
    COLUMNS,
    MOMENT,
    PARAM_VALUES,
    PAYLOADS,
    UTC,
    VALUES,
)


class Person(pydantic.BaseModel):
    """A Pydantic model, whose objects MLflow cannot infer from."""

    name: str = "x"


@dataclass
class Hinted:
    """A dataclass, whose hints MLflow reads."""

    name: str = "x"
    tags: list[str] | None = None


ITEMS: dict[str, Callable[[], Any]] = {
    "ints": lambda: [1, 2],
    "int and null": lambda: [1, None],
    "int and float": lambda: [1, 2.5],
    "int and nan": lambda: [1, float("nan")],
    "floats": lambda: [1.5, 2.5],
    "floats and nan": lambda: [1.5, float("nan")],
    "infinities": lambda: [float("inf"), -float("inf")],
    "nans": lambda: [float("nan"), float("nan")],
    "int and text": lambda: [1, "a"],
    "bool and int": lambda: [True, 1],
    "bools": lambda: [True, None],
    "texts": lambda: ["a", "b"],
    "text and nan": lambda: ["a", float("nan")],
    "text and NA": lambda: ["a", pd.NA],
    "text and bytes": lambda: ["a", b"b"],
    "bytes": lambda: [b"a", bytearray(b"b")],
    "numpy ints": lambda: [np.int64(1), 2],
    "numpy int32s": lambda: [np.int32(1), np.int32(2)],
    "numpy int8s": lambda: [np.int8(1)],
    "numpy int32 and int": lambda: [np.int32(1), 2],
    "numpy floats": lambda: [np.float64(1.5), 2.5],
    "numpy float32s": lambda: [np.float32(1.5), np.float32("nan")],
    "numpy float16s": lambda: [np.float16(1.5)],
    "numpy texts": lambda: [np.str_("a")],
    "numpy bools": lambda: [np.bool_(True)],
    "big ints": lambda: [2**40],
    "uint64 ints": lambda: [2**63],
    "huge ints": lambda: [2**70],
    "decimals": lambda: [decimal.Decimal(1)],
    "complex": lambda: [1j],
    "dates": lambda: [datetime.date(2024, 1, 2)],
    "datetimes": lambda: [MOMENT, None],
    "tz datetimes": lambda: [MOMENT.replace(tzinfo=UTC)],
    "timestamps": lambda: [pd.Timestamp(MOMENT)],
    "datetime64s": lambda: [np.datetime64("2024-01-02")],
    "NaT": lambda: [MOMENT, pd.NaT],
    "timedeltas": lambda: [datetime.timedelta(1)],
    "times": lambda: [datetime.time(1)],
    "uuids": lambda: [uuid.UUID(int=1)],
    "tuples": lambda: [(1, 2)],
    "sets": lambda: [{1}],
    "objects": lambda: [object()],
    "pydantic": lambda: [Person()],
    "nulls": lambda: [None, None],
    "nothing": list,
    "empty lists": lambda: [[], []],
    "empty dicts": lambda: [{}, {}],
    "empties": lambda: [[], {}, None],
    "list and null": lambda: [["a"], None],
    "list and empty": lambda: [["a"], []],
    "empty and list": lambda: [[], ["a"]],
    "null list and list": lambda: [[None], [1]],
    "list and null list": lambda: [[1], [None]],
    "lists of other types": lambda: [[1], ["a"]],
    "list and scalar": lambda: [[1], 1],
    "deep lists": lambda: [[[1], []], [[2, 3]]],
    "depths": lambda: [[1], [[1]]],
    "null list and deep list": lambda: [[None], [[1]]],
    "dicts": lambda: [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "dicts turned": lambda: [{"b": "x", "a": 1}, {"a": 2, "b": "y"}],
    "dicts drifting": lambda: [{"a": 1}, {"b": "x"}],
    "dicts as long": lambda: [{"a": 1, "b": 2}, {"a": 1, "c": 2}],
    "dict and null": lambda: [{"a": 1}, None],
    "null and dict": lambda: [None, {"a": 1}],
    "dict and empty": lambda: [{"a": 1}, {}],
    "dict and empty list": lambda: [{"a": 1}, []],
    "dict and nan": lambda: [{"a": {"b": 1}}, {"a": float("nan")}],
    "dict and scalar": lambda: [{"a": 1}, 1],
    "dict of null": lambda: [{"a": 1}, {"a": None}],
    "dict of null first": lambda: [{"a": None}, {"a": 1}],
    "dict of nulls": lambda: [{"a": None}],
    "dict of empty": lambda: [{"a": []}, {"a": [1]}],
    "dict of other types": lambda: [{"a": 1}, {"a": "x"}],
    "dict of int keys": lambda: [{1: "a"}],
    "dict of list of dicts": lambda: [{"a": [{"b": 1}, {"c": 2}]}, {"a": [{"b": None}]}],
    "dict of dict and null": lambda: [{"a": {"b": {"c": 1}}}, {"a": {"b": None}}, {"a": None}],
    "ordered dicts": lambda: [OrderedDict(a=1)],
    "dict of nan": lambda: [{"a": "x"}, {"a": float("nan")}],
    "float arrays": lambda: [np.array([1.0, np.nan]), np.array([2.0])],
    "nan arrays": lambda: [np.array([np.nan])],
    "int32 arrays": lambda: [np.array([1, 2], dtype="int32")],
    "int8 arrays": lambda: [np.array([1, 2], dtype="int8")],
    "text arrays": lambda: [np.array(["a", "b"])],
    "object arrays": lambda: [np.array(["a", None], dtype=object)],
    "mixed arrays": lambda: [np.array(["a", 1], dtype=object)],
    "datetime arrays": lambda: [np.array(["2024-01-01"], dtype="datetime64[D]")],
    "matrices": lambda: [np.zeros((2, 3))],
    "array and list": lambda: [np.array([1.0]), [2.0]],
    "array and int list": lambda: [np.array([1.0]), [2]],
    "array and null": lambda: [np.array([1.0]), None],
    "empty array and array": lambda: [np.array([]), np.array([1.0])],
    "empty array and null": lambda: [np.array([]), None],
    "empty arrays": lambda: [np.array([])],
    "list of empty array": lambda: [[np.array([])], [1]],
    "dict of empty array": lambda: [{"a": np.array([])}],
    "array of no axes": lambda: [np.array(1.0)],
}
"""Items of a list, by name."""

WHOLE: dict[str, Callable[[], Any]] = {
    "uint64 beside others": lambda: pd.DataFrame(
        {"a": [1.5], "b": pd.Series([1], dtype="uint64"), "c": ["x"]}
    ),
    "duplicate columns": lambda: pd.DataFrame([[1.5, "x"]], columns=["a", "a"]),
    "int column names": lambda: pd.DataFrame([[1.5, "x"]]),
    "a column named None": lambda: pd.DataFrame([[1.5, "x"]], columns=["a", None]),
    "no columns": lambda: pd.DataFrame(index=[1, 2]),
    "wide": lambda: pd.DataFrame(np.ones((2, 300))),
    "wide of both": lambda: pd.DataFrame(
        {f"c{i}": ([1.5, None] if i % 2 else ["a", None]) for i in range(60)}
    ),
    "infinite column": lambda: pd.DataFrame({"a": [np.inf, -np.inf], "b": [np.nan, 1.0]}),
    "category of nothing": lambda: pd.Series(pd.Categorical([None, None]), name="x").to_frame(),
    "category of unused": lambda: pd.Series(
        pd.Categorical(["a"], categories=["a", "b"]), name="x"
    ).to_frame(),
    "category of datetimes": lambda: pd.Series(pd.Categorical([MOMENT]), name="x").to_frame(),
    "category of bools": lambda: pd.Series(pd.Categorical([True, None]), name="x").to_frame(),
    "category of floats": lambda: pd.Series(pd.Categorical([1.5, None]), name="x").to_frame(),
    "interval": lambda: pd.Series(pd.interval_range(0, 2), name="x").to_frame(),
    "arrow table": lambda: pyarrow.table({"a": [1, 2]}),
    "arrow lists": lambda: pyarrow.table({"a": [[1], [2, 3]]}).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
    "arrow dates": lambda: pyarrow.table({"a": [datetime.date(2024, 1, 2)]}).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
    "arrow decimals": lambda: pyarrow.table({"a": [decimal.Decimal(1)]}).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
    "arrow binary": lambda: pyarrow.table({"a": [b"x"]}).to_pandas(types_mapper=pd.ArrowDtype),
    "arrow nulls": lambda: pyarrow.table({"a": pyarrow.array([None], pyarrow.string())}).to_pandas(
        types_mapper=pd.ArrowDtype
    ),
    "arrow dictionary": lambda: pyarrow.table(
        {"a": pyarrow.array(["x"]).dictionary_encode()}
    ).to_pandas(types_mapper=pd.ArrowDtype),
    "named tensors": lambda: {"a": np.zeros((2, 3)), "b": np.array(["x", "y"])},
    "tensor and list": lambda: {"a": np.zeros(2), "b": [1.5]},
    "empty dict": dict,
    "empty tuple": tuple,
    "csr array": lambda: scipy.sparse.csr_array(np.eye(2)),
    "dataclass": Hinted,
    "pydantic object": Person,
    "timestamp": lambda: pd.Timestamp(MOMENT),
    "date": lambda: datetime.date(2024, 1, 2),
    "index": lambda: pd.Index([1.5]),
    "generator": lambda: (i for i in "ab"),
    "range": lambda: range(3),
    "nan": lambda: float("nan"),
    "complex tensor": lambda: np.array([1j]),
    "structured array": lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "unnamed Series with null": lambda: pd.Series([1.5, None]),
    "named Series with null": lambda: pd.Series([1.5, None], name="x"),
    "bool and dict": lambda: {"a": True, "b": {"c": [1, None]}, "d": [{"e": 1}, None]},
}
"""Whole payloads, by name."""

DataCase = tuple[str, Callable[[], Any]]


def _column_cases(name: str, make: Callable[[], Any]) -> Iterator[DataCase]:
    yield f"frame: {name}", lambda: pd.DataFrame({"x": make(), "y": 1.5})
    yield f"series: {name}", lambda: make().rename("x")
    yield f"unnamed series: {name}", make


def _item_cases(name: str, make: Callable[[], Any]) -> Iterator[DataCase]:
    yield f"list: {name}", make
    yield f"rows: {name}", lambda: [{"x": item, "y": 1} for item in make()]
    yield f"rows with gaps: {name}", lambda: [{"x": item} for item in make()] + [{"y": "a"}]
    yield f"field: {name}", lambda: {"x": make(), "y": "a"}
    yield f"cells: {name}", lambda: pd.DataFrame({"x": pd.Series(make(), dtype=object)})


def _value_cases(name: str, make: Callable[[], Any]) -> Iterator[DataCase]:
    yield f"value: {name}", make
    yield f"nested: {name}", lambda: [{"x": {"y": make(), "z": 1}}, {"x": {"y": make(), "z": 1}}]


def data_cases() -> Iterator[DataCase]:
    """Yield each column, list, value and payload in every form in which data may hold it."""
    for name, make in COLUMNS.items():
        yield from _column_cases(name, make)
    for name, make in ITEMS.items():
        yield from _item_cases(name, make)
    for name, make in VALUES.items():
        yield from _value_cases(name, make)
    for prefix, table in (("array", ARRAYS), ("payload", PAYLOADS), ("whole", WHOLE)):
        for name, make in table.items():
            yield f"{prefix}: {name}", make


def param_examples() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each value of a param, alone and with another param."""
    for name, make in PARAM_VALUES.items():
        yield name, {"k": make()}
        yield f"{name} and another", {"temperature": 0.5, "k": make()}
