"""A data source and a model for every kind of values; a saved model carries this file."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse as sp
from pydantic import BaseModel

from modelpact.data import DataSource
from modelpact.datatypes import to_json
from modelpact.models import Model
from modelpact.types import Sample

N_ROWS = 3
WHEN = datetime.datetime(2024, 5, 6, 7, 8, 9)


class GivenData(DataSource):
    """Reads inputs of one kind."""

    kind: str
    test_size: float = 0

    def read(self) -> Sample:
        return self.hold_out(INPUTS[self.kind](), None)


class Answers(Model):
    """Returns predictions of one kind, whatever it gets."""

    kind: str

    takes_any_form: ClassVar[bool] = True

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return one prediction per row."""
        return OUTPUTS[self.kind](_count(inputs))


class Echo(Model):
    """Returns what it gets, one JSON text per row."""

    takes_any_form: ClassVar[bool] = True

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> list[str]:
        """Return each row as JSON text, in which nulls are absent."""
        return [json.dumps(_without_nulls(row), sort_keys=True) for row in to_json(inputs)]


class Verbatim(Model):
    """Returns each record that it gets as JSON text, with its nulls."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> list[str]:
        """Return one text per record."""
        return [json.dumps(row) for row in inputs]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _count(inputs: Any) -> int:
    if isinstance(inputs, dict):
        return len(next(iter(inputs.values())))
    return int(inputs.shape[0]) if hasattr(inputs, "shape") else len(inputs)


class Score(BaseModel):
    """A label and its score."""

    label: str
    score: float


@dataclasses.dataclass
class Labeled:
    """A label."""

    label: str


class Color(enum.Enum):
    """A color."""

    RED = "red"


def _frame(**columns: Any) -> Callable[[], pd.DataFrame]:
    return lambda: pd.DataFrame(columns)


INPUTS: dict[str, Callable[[], Any]] = {
    "floats": _frame(a=[1.5, 2.5, 3.5], b=[1.0, None, 3.0]),
    "integers": _frame(a=[1, 2, 3]),
    "mixed columns": _frame(a=[1, 2, 3], t=["x", "y", "z"], ok=[True, False, True]),
    "text with nulls": _frame(t=["x", None, "z"]),
    "datetimes": _frame(t=pd.to_datetime([WHEN, WHEN, WHEN])),
    "categories": _frame(c=pd.Categorical(["u", "v", "u"])),
    "nullable integers": _frame(n=pd.array([1, 2, 3], dtype="Int64")),
    "Arrow strings": _frame(t=pd.array(["x", "y", None], dtype="string[pyarrow]")),
    "lists in cells": _frame(e=[[1.0], [1.0, 2.0], [3.0]]),
    "arrays in cells": _frame(e=[np.zeros(2)] * N_ROWS),
    "dicts in cells": _frame(o=[{"x": 1.5}] * N_ROWS),
    "bytes": _frame(b=[b"\x00", b"\xff", b"x"]),
    "decimals": _frame(d=[Decimal("1.5")] * N_ROWS),
    "mixed cells": _frame(m=[1, "x", 2.5]),
    "timedeltas": _frame(t=pd.to_timedelta([1, 2, 3], unit="s")),
    "nulls only": _frame(x=[None, None, None]),
    "number names": lambda: pd.DataFrame(np.eye(N_ROWS)),
    "MultiIndex": lambda: pd.DataFrame(
        np.eye(N_ROWS), columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")])
    ),
    "named Series": lambda: pd.Series([1.0, 2.0, 3.0], name="a"),
    "unnamed Series": lambda: pd.Series([1.0, 2.0, 3.0]),
    "Index": lambda: pd.Index([1, 2, 3]),
    "array": lambda: np.arange(6.0).reshape(N_ROWS, 2),
    "integer array": lambda: np.arange(N_ROWS),
    "text array": lambda: np.array(["x", "yy", "z"]),
    "object array": lambda: np.array(["x", 1, None], dtype=object),
    "bytes array": lambda: np.array([b"x", b"yy", b"z"]),
    "boolean array": lambda: np.array([True, False, True]),
    "datetime array": lambda: np.array([WHEN] * N_ROWS, dtype="datetime64[s]"),
    "timedelta array": lambda: np.arange(N_ROWS).astype("timedelta64[s]"),
    "complex array": lambda: np.array([1j, 2j, 3j]),
    "big-endian array": lambda: np.arange(3.0).astype(">f8"),
    "dict of arrays": lambda: {"x": np.zeros((N_ROWS, 2)), "y": np.arange(N_ROWS)},
    "csr matrix": lambda: sp.csr_matrix(np.eye(N_ROWS)),
    "coo matrix": lambda: sp.coo_matrix(np.eye(N_ROWS)),
    "records": lambda: [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": 3}],
    "texts": lambda: ["x", "yy", "z"],
    "numbers": lambda: [1.0, 2.0, 3.0],
    "lists": lambda: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    "polars": lambda: pl.DataFrame({"a": [1, 2, 3]}),
    "Arrow table": lambda: pa.table({"a": [1, 2, 3]}),
}
"""Inputs by kind."""

OUTPUTS: dict[str, Callable[[int], Any]] = {
    "floats": lambda n: np.arange(n, dtype=float),
    "integers": np.arange,
    "booleans": lambda n: np.arange(n) % 2 == 0,
    "matrix": lambda n: np.zeros((n, 2)),
    "labels": lambda n: np.array(["yes"] * n, dtype=object),
    "label matrix": lambda n: np.array([["yes", "no"]] * n, dtype=object),
    "text array": lambda n: np.array(["yes"] * n),
    "list": lambda n: [1.5] * n,
    "texts": lambda n: ["yes"] * n,
    "records": lambda n: [{"label": "yes", "score": 0.5}] * n,
    "frame": lambda n: pd.DataFrame({"label": ["yes"] * n, "score": [0.5] * n}),
    "series": lambda n: pd.Series([0.5] * n),
    "named series": lambda n: pd.Series([0.5] * n, name="score"),
    "ragged": lambda n: [["a"] * (row + 1) for row in range(n)],
    "embeddings": lambda n: pd.DataFrame({"e": [np.zeros(4)] * n}),
    "dict of arrays": lambda n: {"x": np.zeros(n), "y": np.ones(n)},
    "datetimes": lambda n: pd.DataFrame({"t": [pd.Timestamp(WHEN)] * n}),
    "bytes": lambda n: [b"\xff"] * n,
    "datetime array": lambda n: np.array([WHEN] * n, dtype="datetime64[ns]"),
    "timedelta array": lambda n: np.arange(n).astype("timedelta64[s]"),
    "dates": lambda n: [WHEN.date()] * n,
    "polars frame": lambda n: pl.DataFrame({"score": [0.5] * n}),
    "Arrow table": lambda n: pa.table({"score": [0.5] * n}),
    "Pydantic objects": lambda n: [Score(label="yes", score=0.5)] * n,
    "dataclass objects": lambda n: [Labeled("yes")] * n,
    "enums": lambda n: [Color.RED] * n,
    "tuples": lambda n: [("yes", 0.5)] * n,
    "float scalars": lambda n: [np.float32(0.5)] * n,
    "nested frame": lambda n: pd.DataFrame({"o": [{"x": [1, 2]}] * n}),
    "empty lists": lambda n: [[] for _ in range(n)],
    "masked array": lambda n: np.ma.masked_array(np.arange(n, dtype=float), mask=[True] * n),
    "nullable integers": lambda n: pd.array([1, None, 3][:n], dtype="Int64"),
    "Int64 series": lambda n: pd.Series([1, None, 3][:n], dtype="Int64", name="k"),
    "MultiIndex frame": lambda n: pd.DataFrame(
        np.zeros((n, 2)), columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    ),
    "number names": lambda n: pd.DataFrame(np.zeros((n, 2))),
    "one text": lambda n: "yes",
    "one number": lambda n: 0.5,
    "one dict": lambda n: {"label": "yes", "score": 0.5},
    "generator": lambda n: (0.5 for _ in range(n)),
    "NaN": lambda n: np.full(n, np.nan),
    "mixed objects": lambda n: np.array([1, "x", None][:n], dtype=object),
    "decimals": lambda n: [Decimal("1.5")] * n,
    "sparse": lambda n: sp.csr_matrix(np.eye(n)),
    "complex": lambda n: np.full(n, 1j),
    "nothing": lambda n: None,
    "categorical": lambda n: pd.Categorical(["u"] * n),
}
"""Predictions by kind."""
