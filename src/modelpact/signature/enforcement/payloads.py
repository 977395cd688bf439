"""What people call models with (frames, tables, series, arrays, lists, dicts, scalars), brought to a schema of columns."""

from __future__ import annotations

import datetime
import decimal
import sys
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import AnyType, Array, Map, Object

from modelpact.signature.enforcement.frames import Columns
from modelpact.signature.enforcement.violations import Code, Failures

__all__ = ["as_frame", "check_columns"]

_NESTED = (Array, Object, Map)


def check_columns(data: Any, columns: Columns, failures: Failures) -> Any:
    """Check data of any kind against columns.

    Args:
        data: A frame, table, Series, ndarray, list, dict or scalar.
        columns: The compiled schema.
        failures: Takes what does not conform.

    Returns:
        A frame `(n_rows, n_columns)`; where there are failures, whatever was at hand.
    """
    if isinstance(data, pd.DataFrame):
        return columns.frame(data, failures)
    if (frame := as_frame(data)) is not None:
        return columns.frame(frame, failures)
    if isinstance(data, np.ndarray) and data.ndim == 0:
        data = data.item()
    if isinstance(data, dict):
        return _check_dict(data, columns, failures)
    if isinstance(data, list):
        return _check_list(data, columns, failures)
    if isinstance(data, np.ndarray):
        if _one_nested(columns):
            return columns.cells(list(data), failures)
        return _check_converted(data, columns, failures)
    if _is_scalar(data) and data is not None:
        return (
            columns.frame(pd.DataFrame([data]), failures)
            if columns.named
            else _check_list([data], columns, failures)
        )
    failures.add(Code.WRONG_KIND, (), None, "a frame, array, list, dict or scalar", data)
    return data


def as_frame(data: Any) -> Any:
    """A frame of a Series, or of a table of pyarrow or polars; None for anything else.

    Arrow's dtypes are kept, so that integers beside nulls stay integers. Neither package is imported here.
    """
    if isinstance(data, pd.Series):
        return pd.DataFrame(data)
    polars, arrow = sys.modules.get("polars"), sys.modules.get("pyarrow")
    if polars is not None:
        if isinstance(data, polars.LazyFrame):
            data = data.collect()
        if isinstance(data, polars.Series):
            data = data.to_frame()
        if isinstance(data, polars.DataFrame):
            data = data.to_arrow()
            arrow = sys.modules["pyarrow"]
    if arrow is not None and isinstance(data, (arrow.Table, arrow.RecordBatch)):
        return data.to_pandas(types_mapper=pd.ArrowDtype)
    return None


def _check_dict(data: dict[Any, Any], columns: Columns, failures: Failures) -> Any:
    data = {
        key: value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value
        for key, value in data.items()
    }
    if columns.named and _is_one_row(data, columns):
        return columns.rows([data], failures)
    if _one_nested(columns):
        one_cell = not isinstance(columns.types[0], Array)
        return (
            columns.cells([data], failures)
            if one_cell
            else _check_converted([data], columns, failures)
        )
    by_column = {key: _as_pandas_reads(value) for key, value in data.items()}
    if all(map(_is_scalar, by_column.values())):
        return _check_converted([by_column], columns, failures)
    return _check_converted(by_column, columns, failures)


def _as_pandas_reads(value: Any) -> Any:
    """A column, or one cell for all rows of it: pandas takes an array of arrays apart, and a bytearray for a list of numbers."""
    if isinstance(value, np.ndarray) and value.ndim > 1:
        return value.tolist()
    return bytes(value) if isinstance(value, bytearray) else value


def _is_one_row(data: dict[Any, Any], columns: Columns) -> bool:
    """Whether a dict is one row, or holds columns: MLflow's rule, but lists of text under flat columns are columns."""
    if any(isinstance(kind, _NESTED) for kind in columns.types) or any(
        isinstance(value, dict) for value in data.values()
    ):
        return True
    values = list(data.values())
    if not all(
        _is_scalar(value) or (isinstance(value, list) and _all_text(value)) for value in values
    ):
        return False
    return any(isinstance(kind, AnyType) for kind in columns.types) or not all(
        isinstance(value, list) for value in values
    )


def _check_list(data: list[Any], columns: Columns, failures: Failures) -> Any:
    if columns.named:
        if data and all(isinstance(row, dict) for row in data):
            return columns.rows(data, failures)
    elif _one_nested(columns):
        return _check_cells(data, columns, failures)
    elif len(columns.columns) == 1 and not any(
        isinstance(cell, (list, dict, np.ndarray)) for cell in data
    ):
        return columns.cells(data, failures)
    return _check_converted(data, columns, failures)


def _check_cells(data: list[Any], columns: Columns, failures: Failures) -> Any:
    trial = Failures(failures.most)
    checked = columns.cells(data, trial)
    if trial and data and all(isinstance(row, list) and len(row) == 1 for row in data):
        again = Failures(failures.most)  # a frame's rows, each a list of its one cell
        unpacked = columns.cells([row[0] for row in data], again)
        if not again:
            return unpacked
    failures.extend(trial)
    return checked


def _check_converted(data: Any, columns: Columns, failures: Failures) -> Any:
    try:
        frame = pd.DataFrame(data)
    except (ValueError, TypeError) as error:
        failures.say(
            Code.WRONG_KIND,
            (),
            None,
            "data that makes a frame",
            f"{type(data).__name__}: {str(error)[:60]}",
        )
        return data
    return columns.frame(frame, failures)


def _one_nested(columns: Columns) -> bool:
    return (
        not columns.named
        and len(columns.types) == 1
        and isinstance(columns.types[0], (*_NESTED, AnyType))
    )


def _all_text(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_scalar(value: Any) -> bool:
    return (
        value is None
        or np.isscalar(value)
        or isinstance(value, (datetime.date, datetime.timedelta, decimal.Decimal, bytearray))
    )
