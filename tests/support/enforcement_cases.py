"""Pairs of data and schema; the tests compare the enforcer with MLflow for each."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

D = DataType
UTC = datetime.UTC
MOMENT = datetime.datetime(2024, 5, 6, 7, 8, 9)

COLUMNS: dict[str, Callable[[], Any]] = {
    "bool": lambda: pd.Series([True, False]),
    "int8": lambda: pd.Series([1, -2], dtype="int8"),
    "int16": lambda: pd.Series([1, -2], dtype="int16"),
    "int32": lambda: pd.Series([1, -2], dtype="int32"),
    "int64": lambda: pd.Series([3, -2]),
    "int64 zero one": lambda: pd.Series([0, 1]),
    "int64 big": lambda: pd.Series([2**53 + 1, 2]),
    "uint8": lambda: pd.Series([1, 2], dtype="uint8"),
    "uint32": lambda: pd.Series([1, 2**32 - 1], dtype="uint32"),
    "uint64": lambda: pd.Series([1, 2**64 - 1], dtype="uint64"),
    "float16": lambda: pd.Series([0.5, 2.0], dtype="float16"),
    "float32": lambda: pd.Series([0.5, 2.0], dtype="float32"),
    "float64": lambda: pd.Series([0.1, 2.0]),
    "float64 whole": lambda: pd.Series([3.0, 2.0]),
    "float64 nan": lambda: pd.Series([1.0, np.nan]),
    "float64 inf": lambda: pd.Series([1.0, np.inf]),
    "complex": lambda: pd.Series([1j, 2.0]),
    "str": lambda: pd.Series(["a", "b"]),
    "str null": lambda: pd.Series(["a", None]),
    "str digits": lambda: pd.Series(["1", "2"]),
    "str object": lambda: pd.Series(["a", "b"], dtype=object),
    "str object null": lambda: pd.Series(["a", None], dtype=object),
    "string python": lambda: pd.Series(["a", pd.NA], dtype="string[python]"),
    "bytes": lambda: pd.Series([b"a", b"bc"]),
    "bytes null": lambda: pd.Series([b"a", None]),
    "mixed": lambda: pd.Series([1, b"x"], dtype=object),
    "mixed text": lambda: pd.Series(["a", 1], dtype=object),
    "mixed digits": lambda: pd.Series(["1", 2.5], dtype=object),
    "decimals": lambda: pd.Series([decimal.Decimal("1.5"), decimal.Decimal("2.25")]),
    "decimals long": lambda: pd.Series(
        [decimal.Decimal("0.12345678901234567890123"), decimal.Decimal(1)]
    ),
    "bool null": lambda: pd.Series([True, None], dtype=object),
    "bool and int": lambda: pd.Series([True, 2], dtype=object),
    "ints object": lambda: pd.Series([1, 2], dtype=object),
    "ints object null": lambda: pd.Series([1, None], dtype=object),
    "ints beyond": lambda: pd.Series([1, 2**70], dtype=object),
    "floats object": lambda: pd.Series([1.5, None], dtype=object),
    "datetime us": lambda: pd.Series([MOMENT, MOMENT]),
    "datetime ns": lambda: pd.Series([MOMENT, MOMENT], dtype="datetime64[ns]"),
    "datetime s nat": lambda: pd.Series([MOMENT, pd.NaT], dtype="datetime64[s]"),
    "datetime tz": lambda: pd.Series([MOMENT.replace(tzinfo=UTC)]),
    "datetime far": lambda: pd.Series([np.datetime64("3000-01-01")], dtype="datetime64[s]"),
    "dates": lambda: pd.Series([datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)]),
    "datetimes object": lambda: pd.Series([MOMENT, None], dtype=object),
    "timedelta": lambda: pd.Series([datetime.timedelta(1)]),
    "category": lambda: pd.Series(["a", "b"], dtype="category"),
    "category int": lambda: pd.Series([1, 2], dtype="category"),
    "category int null": lambda: pd.Series([1, None], dtype="category"),
    "Int64": lambda: pd.Series([1, 2], dtype="Int64"),
    "Int64 null": lambda: pd.Series([1, None], dtype="Int64"),
    "Int32": lambda: pd.Series([1, 2], dtype="Int32"),
    "UInt8": lambda: pd.Series([1, 2], dtype="UInt8"),
    "Float64": lambda: pd.Series([1.5, 2], dtype="Float64"),
    "Float64 null": lambda: pd.Series([1.5, None], dtype="Float64"),
    "boolean": lambda: pd.Series([True, False], dtype="boolean"),
    "boolean null": lambda: pd.Series([True, None], dtype="boolean"),
    "arrow int64": lambda: pd.Series([1, 2], dtype="int64[pyarrow]"),
    "arrow int64 null": lambda: pd.Series([1, None], dtype="int64[pyarrow]"),
    "arrow double": lambda: pd.Series([1.5, 2], dtype="double[pyarrow]"),
    "arrow bool": lambda: pd.Series([True, False], dtype="bool[pyarrow]"),
    "arrow string": lambda: pd.Series(["a", "b"], dtype="string[pyarrow]"),
    "arrow timestamp": lambda: pd.Series([MOMENT], dtype="timestamp[us][pyarrow]"),
    "sparse": lambda: pd.Series(pd.arrays.SparseArray([0.0, 1.5])),
    "period": lambda: pd.Series(pd.period_range("2024-01", periods=2, freq="M")),
    "empty": lambda: pd.Series([], dtype=object),
    "empty float": lambda: pd.Series([], dtype=float),
    "lists": lambda: pd.Series([[1, 2], [3]]),
    "dicts": lambda: pd.Series([{"a": 1}, {"a": 2}]),
    "nulls": lambda: pd.Series([None, None], dtype=object),
}
"""Columns of a frame, by description."""

NESTED: dict[str, Any] = {
    "doubles": Array(D.double),
    "floats": Array(D.float),
    "longs": Array(D.long),
    "integers": Array(D.integer),
    "strings": Array(D.string),
    "booleans": Array(D.boolean),
    "binaries": Array(D.binary),
    "anything": Array(AnyType()),
    "matrix": Array(Array(D.double)),
    "texts": Array(Array(D.string)),
    "message": Object([Property("role", D.string), Property("content", D.string)]),
    "messages": Array(
        Object(
            [
                Property("role", D.string),
                Property("content", D.string),
                Property("n", D.long, required=False),
            ]
        )
    ),
    "author": Object(
        [
            Property("name", D.string),
            Property("age", D.integer, required=False),
            Property("tags", Array(D.string), required=False),
        ]
    ),
    "deep": Object(
        [
            Property(
                "a",
                Object([Property("b", Array(D.double)), Property("c", AnyType(), required=False)]),
                required=False,
            )
        ]
    ),
    "flags": Object([Property("on", D.boolean), Property("weight", D.double)]),
    "map": Map(D.double),
    "map of lists": Map(Array(D.long)),
    "map of any": Map(AnyType()),
    "any": AnyType(),
}
"""Nested types, by name."""

VALUES: dict[str, Callable[[], Any]] = {
    "floats": lambda: [1.0, 2.5],
    "ints": lambda: [1, 2],
    "ints and floats": lambda: [1, 2.5],
    "ints and null": lambda: [1, None],
    "big ints": lambda: [2**40, 1],
    "huge ints": lambda: [2**70],
    "strs": lambda: ["a", "b"],
    "strs and null": lambda: ["a", None],
    "mixed": lambda: [1, b"x"],
    "bytes": lambda: [b"a"],
    "bools": lambda: [True, False],
    "bools and decimals": lambda: [True, decimal.Decimal(1)],
    "empty": list,
    "nulls": lambda: [None],
    "tuple": lambda: (1.0, 2.0),
    "float array": lambda: np.array([1.0, 2.0]),
    "int array": lambda: np.array([1, 2]),
    "int32 array": lambda: np.array([1, 2], dtype="int32"),
    "matrix": lambda: [[1.0, 2.0], [3.0]],
    "int matrix": lambda: [[1, 2], [3, 4]],
    "matrix with null": lambda: [[1.0], None],
    "matrix array": lambda: np.array([[1.0, 2.0]]),
    "lists of strs": lambda: [["a"], []],
    "message": lambda: {"role": "user", "content": "hi"},
    "message with null": lambda: {"role": "user", "content": None},
    "message with int": lambda: {"role": "user", "content": 1},
    "message too much": lambda: {"role": "user", "content": "hi", "mood": "good"},
    "message too little": lambda: {"role": "user"},
    "messages": lambda: [{"role": "user", "content": "hi"}, {"role": "a", "content": "b", "n": 1}],
    "messages with null": lambda: [{"role": "user", "content": "hi", "n": None}],
    "messages with float": lambda: [{"role": "user", "content": "hi", "n": 2.0}],
    "author": lambda: {"name": "x"},
    "author whole": lambda: {"name": "x", "age": 3, "tags": ["a"]},
    "author numpy": lambda: {"name": "x", "age": np.int32(3), "tags": []},
    "author nulls": lambda: {"name": "x", "age": None, "tags": None},
    "author old": lambda: {"name": "x", "age": 2**40},
    "deep": lambda: {"a": {"b": [1.0, 2.0], "c": [1, "x"]}},
    "deep ints": lambda: {"a": {"b": [1, 2]}},
    "deep null": lambda: {"a": None},
    "deep wrong": lambda: {"a": {"b": "x"}},
    "flags": lambda: {"on": True, "weight": 1.5},
    "flags int": lambda: {"on": True, "weight": 1},
    "flags text": lambda: {"on": "true", "weight": 1.5},
    "map": lambda: {"x": 1.0, "y": 2.5},
    "map of ints": lambda: {"x": 1, "y": 2},
    "map of lists": lambda: {"x": [1, 2], "y": [3]},
    "map of int keys": lambda: {1: 1.0},
    "empty dict": dict,
    "str": lambda: "x",
    "int": lambda: 3,
    "null": lambda: None,
    "nan": lambda: float("nan"),
}
"""Python values of one cell, by description."""

ARRAYS: dict[str, Callable[[], Any]] = {
    "float64 2x3": lambda: np.arange(6.0).reshape(2, 3),
    "float32 2x3": lambda: np.arange(6, dtype="float32").reshape(2, 3),
    "int64 2x3": lambda: np.arange(6).reshape(2, 3),
    "int32 2x3": lambda: np.arange(6, dtype="int32").reshape(2, 3),
    "big int 2": lambda: np.array([2**53 + 1, 2]),
    "fine float64 2": lambda: np.array([0.1, 0.2]),
    "uint8 2x3": lambda: np.arange(6, dtype="uint8").reshape(2, 3),
    "bool 2": lambda: np.array([True, False]),
    "float64 2": lambda: np.array([1.0, 2.0]),
    "int64 2": lambda: np.array([1, 2]),
    "float64 2x1": lambda: np.array([[1.0], [2.0]]),
    "float64 2x3x1": lambda: np.zeros((2, 3, 1)),
    "empty 0x3": lambda: np.zeros((0, 3)),
    "text 2": lambda: np.array(["a", "bc"]),
    "bytes 2": lambda: np.array([b"a", b"bc"]),
    "objects 2": lambda: np.array([1.0, "x"], dtype=object),
    "floats as objects 2": lambda: np.array([1.0, 2.5], dtype=object),
    "ragged": lambda: _ragged([np.zeros(2), np.ones(3)]),
    "datetime ns 2": lambda: np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[ns]"),
    "datetime s 2": lambda: np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[s]"),
    "big endian 2": lambda: np.array([1.0, 2.0], dtype=">f8"),
    "scalar": lambda: np.array(1.0),
    "csr": lambda: scipy.sparse.csr_matrix(np.eye(3)),
    "csc float32": lambda: scipy.sparse.csc_matrix(np.eye(3, dtype="float32")),
    "coo": lambda: scipy.sparse.coo_matrix(np.eye(3)),
    "list of lists": lambda: [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
    "list": lambda: [1.0, 2.0],
    "frame of floats": lambda: pd.DataFrame(np.arange(6.0).reshape(2, 3)),
    "frame of floats and ints": lambda: pd.DataFrame(
        {"a": [1.0, 2.0], "b": [1, 2], "c": [0.5, 0.5]}
    ),
    "frame of one": lambda: pd.DataFrame({"x": [1.0, 2.5]}),
    "frame of one int": lambda: pd.DataFrame({"x": [1, 2]}),
    "frame of one text": lambda: pd.DataFrame({"x": ["1", "2"]}),
    "frame of lists": lambda: pd.DataFrame({"x": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]}),
    "frame of half lists": lambda: pd.DataFrame({"x": [[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]]}),
    "frame of arrays": lambda: pd.DataFrame({"x": [np.arange(3.0), np.arange(3.0)]}),
    "frame of ragged lists": lambda: pd.DataFrame({"x": [[0.0, 1.0], [3.0]]}),
    "empty frame": lambda: pd.DataFrame({"x": []}),
    "series": lambda: pd.Series([1.0, 2.0], name="x"),
    "dict": lambda: {"x": np.array([1.0, 2.0])},
    "dict of ints": lambda: {"x": np.array([1, 2])},
    "dict of lists": lambda: {"x": [1.0, 2.0]},
    "dict too much": lambda: {"x": np.array([1.0, 2.0]), "y": np.array([1.0])},
    "dict too little": lambda: {"y": np.array([1.0])},
    "text": lambda: "x",
    "none": lambda: None,
}
"""Inputs of tensors, by description."""

TENSORS: dict[str, Any] = {
    "float64[-1, 3]": TensorSpec(np.dtype("float64"), (-1, 3)),
    "float32[-1, 3]": TensorSpec(np.dtype("float32"), (-1, 3)),
    "int64[-1, 3]": TensorSpec(np.dtype("int64"), (-1, 3)),
    "uint8[-1, 3]": TensorSpec(np.dtype("uint8"), (-1, 3)),
    "float64[-1]": TensorSpec(np.dtype("float64"), (-1,)),
    "float32[-1]": TensorSpec(np.dtype("float32"), (-1,)),
    "int64[-1]": TensorSpec(np.dtype("int64"), (-1,)),
    "bool[-1]": TensorSpec(np.dtype("bool"), (-1,)),
    "str[-1]": TensorSpec(np.dtype("str"), (-1,)),
    "object[-1]": TensorSpec(np.dtype("O"), (-1,)),
    "float64[-1, 1]": TensorSpec(np.dtype("float64"), (-1, 1)),
    "float64[-1, -1]": TensorSpec(np.dtype("float64"), (-1, -1)),
    "float64[2, 3]": TensorSpec(np.dtype("float64"), (2, 3)),
    "datetime64[ns][-1]": TensorSpec(np.dtype("datetime64[ns]"), (-1,)),
    "x: float64[-1]": TensorSpec(np.dtype("float64"), (-1,), "x"),
    "x: int64[-1]": TensorSpec(np.dtype("int64"), (-1,), "x"),
    "x: float64[-1, 3]": TensorSpec(np.dtype("float64"), (-1, 3), "x"),
}
"""Tensors, by their notation."""

PAYLOADS: dict[str, Callable[[], Any]] = {
    "rows": lambda: [{"a": 1.5, "b": "x"}, {"a": 2.5, "b": "y"}],
    "rows of ints": lambda: [{"a": 1, "b": "x"}],
    "rows with null": lambda: [{"a": None, "b": None}],
    "rows with a gap": lambda: [{"a": 1.5, "b": "x"}, {"a": 2.5}],
    "rows too much": lambda: [{"a": 1.5, "b": "x", "c": 3}],
    "rows too little": lambda: [{"b": "x"}],
    "row": lambda: {"a": 1.5, "b": "x"},
    "row of lists": lambda: {"a": [1.5, 2.5], "b": ["x", "y"]},
    "row of arrays": lambda: {"a": np.array([1.5, 2.5]), "b": np.array(["x", "y"])},
    "row of matrices": lambda: {"a": np.zeros((2, 2)), "b": ["x", "y"]},
    "row of bytes": lambda: {"a": 1.5, "b": b"x"},
    "text scalars": lambda: {"b": "x"},
    "frame": lambda: pd.DataFrame({"a": [1.5], "b": ["x"]}),
    "frame turned": lambda: pd.DataFrame({"b": ["x"], "a": [1.5]}),
    "frame with index": lambda: pd.DataFrame({"b": ["x", "y"], "a": [1, 0]}, index=[7, 9]),
    "frame too much": lambda: pd.DataFrame({"z": [0], "a": [1.5], "b": ["x"]}),
    "frame too little": lambda: pd.DataFrame({"z": [0], "b": ["x"]}),
    "frame twice": lambda: pd.DataFrame([[1.5, "x", 2.5]], columns=["a", "b", "a"]),
    "frame no rows": lambda: pd.DataFrame(
        {"a": pd.Series([], dtype=float), "b": pd.Series([], dtype="str")}
    ),
    "empty frame": pd.DataFrame,
    "series": lambda: pd.Series([1.5, 2.5], name="a"),
    "unnamed series": lambda: pd.Series([1.5, 2.5]),
    "list": lambda: [1.5, 2.5],
    "list of ints": lambda: [1, 2],
    "list of texts": lambda: ["x", "y"],
    "list of lists": lambda: [[1.5, "x"], [2.5, "y"]],
    "list of short lists": lambda: [[1.5], [2.5]],
    "empty list": list,
    "array": lambda: np.array([1.5, 2.5]),
    "matrix": lambda: np.array([[1.5, 2.5]]),
    "cube": lambda: np.zeros((1, 2, 3)),
    "text": lambda: "x",
    "number": lambda: 1.5,
    "whole number": lambda: 3,
    "truth": lambda: True,
    "bytes": lambda: b"x",
    "none": lambda: None,
    "object": object,
    "set": lambda: {1.5},
    "sparse": lambda: scipy.sparse.csr_matrix(np.eye(2)),
}
"""Inputs of columns, by description."""

FLAT: dict[str, Schema] = {
    "a double, b string": Schema([ColSpec(D.double, "a"), ColSpec(D.string, "b")]),
    "a double?, b string": Schema([ColSpec(D.double, "a", required=False), ColSpec(D.string, "b")]),
    "a double, b string?": Schema([ColSpec(D.double, "a"), ColSpec(D.string, "b", required=False)]),
    "b string": Schema([ColSpec(D.string, "b")]),
    "a long": Schema([ColSpec(D.long, "a")]),
    "a any, b any": Schema([ColSpec(AnyType(), "a"), ColSpec(AnyType(), "b")]),
    "a [double], b string": Schema([ColSpec(Array(D.double), "a"), ColSpec(D.string, "b")]),
    "double": Schema([ColSpec(D.double)]),
    "long": Schema([ColSpec(D.long)]),
    "string": Schema([ColSpec(D.string)]),
    "binary": Schema([ColSpec(D.binary)]),
    "double, string": Schema([ColSpec(D.double), ColSpec(D.string)]),
    "any": Schema([ColSpec(AnyType())]),
    "[double]": Schema([ColSpec(Array(D.double))]),
}
"""Schemas of columns, by their notation."""

PARAM_VALUES: dict[str, Callable[[], Any]] = {
    "true": lambda: True,
    "numpy true": lambda: np.bool_(True),
    "int": lambda: 3,
    "int 2**40": lambda: 2**40,
    "int 2**70": lambda: 2**70,
    "int 2**53 + 1": lambda: 2**53 + 1,
    "int32": lambda: np.int32(3),
    "int64": lambda: np.int64(3),
    "uint8": lambda: np.uint8(3),
    "float": lambda: 1.5,
    "whole float": lambda: 3.0,
    "float 1e300": lambda: 1e300,
    "float32": lambda: np.float32(1.5),
    "float64": lambda: np.float64(1.5),
    "nan": lambda: float("nan"),
    "str": lambda: "x",
    "numpy str": lambda: np.str_("x"),
    "date text": lambda: "2024-01-02",
    "time text": lambda: "2024-01-02T03:04:05",
    "date": lambda: datetime.date(2024, 1, 2),
    "datetime": lambda: MOMENT,
    "datetime64": lambda: np.datetime64("2024-01-02"),
    "bytes": lambda: b"x",
    "none": lambda: None,
    "list of ints": lambda: [1, 2],
    "list of floats": lambda: [1.5, 2.0],
    "list of strs": lambda: ["a", "b"],
    "list of mixed": lambda: [1, "a"],
    "list with null": lambda: [1, None],
    "empty list": list,
    "int array": lambda: np.array([1, 2]),
    "matrix": lambda: [[1.0]],
    "dict": lambda: {"a": 1.5},
    "dict of int": lambda: {"a": 1},
    "dict too much": lambda: {"a": 1.5, "b": 2},
}
"""Values of a param, by description."""

_DEFAULTS: dict[DataType, Any] = {
    D.boolean: True, D.integer: 1, D.long: 1, D.float: 1.0, D.double: 1.0, D.string: "d", D.datetime: MOMENT,
}  # fmt: skip
PARAMS: dict[str, ParamSpec] = {
    **{f"{dtype.name}": ParamSpec("k", dtype, default) for dtype, default in _DEFAULTS.items()},
    **{
        f"[{dtype.name}]": ParamSpec("k", dtype, [default], (-1,))
        for dtype, default in _DEFAULTS.items()
    },
    "object": ParamSpec("k", Object([Property("a", D.double)]), {"a": 1.0}),
}
"""Params, by their notation."""


@dataclass(frozen=True)
class Case:
    """A pair of a schema and data; `data()` returns new data at each call."""

    name: str
    schema: Any
    data: Callable[[], Any]


def _ragged(rows: list[Any]) -> Any:
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        array[index] = row
    return array


def _frame(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: pd.DataFrame({"x": make()})


def _two_rows(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: [{"x": make()}, {"x": make()}]


def _two_cells(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: pd.DataFrame({"x": _ragged([make(), make()])}, index=[3, 5])


def _param(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: {"k": make()}


def column_cases() -> Iterator[Case]:
    """Yield every kind of column under every scalar type, required and optional."""
    for name, make in COLUMNS.items():
        for dtype in DataType:
            for required in (True, False):
                schema = Schema([ColSpec(dtype, "x", required=required)])
                yield Case(
                    f"column: {name} under {dtype.name}{'' if required else '?'}",
                    schema,
                    _frame(make),
                )


def nested_cases() -> Iterator[Case]:
    """Yield every value under every nested type, as rows and as cells of an optional column."""
    for type_name, dtype in NESTED.items():
        for name, make in VALUES.items():
            yield Case(
                f"nested: {name} under {type_name}",
                Schema([ColSpec(dtype, "x")]),
                _two_rows(make),
            )
            schema = Schema([ColSpec(dtype, "x", required=False)])
            yield Case(
                f"nested: {name} under {type_name}?",
                schema,
                _two_cells(make),
            )


def tensor_cases() -> Iterator[Case]:
    """Yield every kind of array under every tensor."""
    for type_name, spec in TENSORS.items():
        for name, make in ARRAYS.items():
            yield Case(f"tensor: {name} under {type_name}", Schema([spec]), make)


def payload_cases() -> Iterator[Case]:
    """Yield every kind of payload under every flat schema."""
    for type_name, schema in FLAT.items():
        for name, make in PAYLOADS.items():
            yield Case(f"payload: {name} under {type_name}", schema, make)


def param_cases() -> Iterator[Case]:
    """Yield every value of every param, and dicts with unknown or missing params."""
    for type_name, spec in PARAMS.items():
        for name, make in PARAM_VALUES.items():
            yield Case(
                f"param: {name} for {type_name}",
                ParamSchema([spec]),
                _param(make),
            )
        for name, params in {
            "nothing": None,
            "no params": {},
            "an unknown one": {"q": 1},
            "an int key": {1: 1},
            "a list": [1],
        }.items():
            yield Case(f"param: {name} for {type_name}", ParamSchema([spec]), partial(copy, params))
    for name, params in {"nothing": None, "no params": {}, "an unknown one": {"q": 1}}.items():
        yield Case(f"param: {name} for no schema", None, partial(copy, params))


def is_same(one: Any, other: Any, *, dtypes: bool = True) -> bool:
    """Return whether two results have equal labels, dtypes and values; all nulls are equal."""
    if isinstance(one, pd.DataFrame):
        if (
            not isinstance(other, pd.DataFrame)
            or one.columns.tolist() != other.columns.tolist()
            or one.index.tolist() != other.index.tolist()
        ):
            return False
        if dtypes and one.dtypes.tolist() != other.dtypes.tolist():
            return False
        return all(
            is_same(one.iloc[:, at].tolist(), other.iloc[:, at].tolist())
            for at in range(one.shape[1])
        )
    if isinstance(one, pd.Series):
        return isinstance(other, pd.Series) and is_same(one.to_frame(), other.to_frame())
    if scipy.sparse.issparse(one):
        return bool(
            scipy.sparse.issparse(other) and one.dtype == other.dtype and (one != other).nnz == 0
        )
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and is_same(one.tolist(), other.tolist())
        )
    if isinstance(one, (list, tuple, np.ndarray)) and isinstance(other, (list, tuple, np.ndarray)):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if _null(one) or _null(other):
        return _null(one) and _null(other)
    return bool(one == other) and isinstance(one, (bool, np.bool_)) == isinstance(
        other, (bool, np.bool_)
    )


def _null(value: Any) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, (float, np.floating)) and np.isnan(value))
    )
