"""Data without an MLflow type gets a suggestion."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

from modelpact.errors import SignError
from modelpact.signature import compile, infer


class Pair(NamedTuple):
    a: int
    b: int


@pytest.mark.parametrize(
    "table",
    [polars.DataFrame({"a": [1]}), polars.DataFrame({"a": [1]}).to_arrow()],
    ids=["polars", "arrow"],
)
def test_other_tables_get_a_suggestion(table: Any) -> None:
    with pytest.raises(SignError, match=r"to_pandas\(\)"):
        infer(table)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (pd.DataFrame({"x": pd.period_range("2024-01", periods=1, freq="M")}), "to_timestamp"),
        (pd.DataFrame({"x": [pathlib.PurePosixPath("a")]}), "provide bool"),
        (pd.DataFrame({"x": [pathlib.PosixPath("a")]}), "provide a string"),
        ([Pair(1, 2)], r"provide dicts: value._asdict\(\)"),
        (range(3), "provide a list"),
        (pd.DataFrame([[1, 2]], columns=["a", 0]), "names of several types"),
        ({1: np.zeros(2)}, "a key of type int; use strings as names"),
        (np.zeros(2, dtype=np.longdouble), r"use astype\('float64'\)"),
        (pd.DataFrame({"x": np.array([1.5], dtype="longdouble")}), "float64"),
        (pd.DataFrame({"x": pd.arrays.SparseArray([0.0, 1.5])}), "to_dense"),
        (pd.DataFrame({"x": [datetime.timedelta(1)]}, dtype=object), "total_seconds"),
        (pd.DataFrame({"x": [(1, 2)]}), "provide a list"),
        ({"x": np.array([]), 3: 1}, "cannot infer a type from an empty array"),
    ],
)
def test_data_without_a_type_gets_a_suggestion(frame: Any, text: str) -> None:
    with pytest.raises(SignError, match=text):
        infer(frame)


def test_a_dataclass_fits_its_signature() -> None:
    row = dataclasses.make_dataclass("Row", [("x", float)])(1.5)
    compile(infer(row)).enforce_inputs(row)


def test_arrows_string_views_fit_their_signature() -> None:
    views = pd.arrays.ArrowExtensionArray(pa.array(["x", None], pa.string_view()))
    frame = pd.DataFrame({"a": pd.Series(views)})
    signature = infer(frame)
    assert str(signature.inputs) == "['a': string (optional)]"
    checked = compile(signature).enforce_inputs(frame)
    pd.testing.assert_frame_equal(checked, pd.DataFrame({"a": ["x", None]}))
