"""Checks of model inputs of any kind (frames, tables, arrays, lists, dicts, scalars) as columns."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import sys
from collections.abc import Callable, Hashable, Iterable
from enum import Enum
from types import ModuleType, NoneType
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import AnyType, Map, Object
from mlflow.types.schema import Array as ArrayType

from modelpact.signature.enforcement.casting import Array
from modelpact.signature.enforcement.column_schema import CompiledColumns
from modelpact.signature.enforcement.violations import ViolationCode, Violations
from modelpact.signature.inference.hint_fields import has_fields, object_to_row

__all__ = ["check_columns", "to_frame"]

_NESTED = (ArrayType, Object, Map)


def check_columns(data: object, columns: CompiledColumns, violations: Violations) -> object:
    """Check data of any kind against a schema of columns.

    Args:
        data: A frame, table, Series, ndarray, list, dict or scalar.
        columns: The compiled schema.
        violations: Collects the violations.

    Returns:
        A frame `(n_rows, n_columns)`; unspecified if there are violations.
    """
    frame = data if isinstance(data, pd.DataFrame) else to_frame(data)
    if frame is not None:
        return columns.check_frame(frame, violations)
    data = _unwrap_cell(data)
    for kind, check in _CHECKS:
        if isinstance(data, kind):
            return check(data, columns, violations)
    if data is None or not _is_scalar(data):
        expected = "a frame, array, list, dict or scalar"
        violations.add(ViolationCode.WRONG_KIND, (), None, expected, data)
        return data
    check_scalar = _check_converted if columns.named else _check_list
    return check_scalar([data], columns, violations)


def _unwrap_cell(value: object) -> object:
    """Return the value in an array without axes, or the fields of a dataclass, as a dict."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def to_frame(data: object) -> pd.DataFrame | None:
    """Convert a Series, or a table of pyarrow or polars, to a frame; return None for other data.

    Columns keep their Arrow dtypes, so integers next to nulls stay integers. Neither package is
    imported here.
    """
    if isinstance(data, pd.Series):
        return pd.DataFrame(data)
    polars = sys.modules.get("polars")
    if polars is not None:
        data = _polars_to_arrow(data, polars)
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(data, (arrow.Table, arrow.RecordBatch)):
        frame: pd.DataFrame = data.to_pandas(types_mapper=pd.ArrowDtype)
        return frame
    return None


def _polars_to_arrow(data: object, polars: ModuleType) -> object:
    if isinstance(data, polars.LazyFrame):
        data = data.collect()
    if isinstance(data, polars.Series):
        data = data.to_frame()
    return data.to_arrow() if isinstance(data, polars.DataFrame) else data


def _check_dict(
    data: dict[Hashable, object], columns: CompiledColumns, violations: Violations
) -> object:
    data = {
        key: _unwrap_cell(value) if isinstance(value, np.ndarray) else value
        for key, value in data.items()
    }
    if columns.named and _is_one_row(data, columns):
        return columns.check_rows([data], violations)
    if _is_one_nested(columns):
        if isinstance(columns.types[0], ArrayType):
            return _check_converted([data], columns, violations)
        return columns.check_cells([data], violations)
    return _check_by_column(data, columns, violations)


def _check_by_column(
    data: dict[Hashable, object], columns: CompiledColumns, violations: Violations
) -> object:
    by_column = {key: _to_column(value) for key, value in data.items()}
    if all(map(_is_scalar, by_column.values())):
        return _check_converted([by_column], columns, violations)
    return _check_converted(by_column, columns, violations)


def _to_column(value: object) -> object:
    """Return a value that pandas reads as one column, or as one cell that is repeated.

    pandas rejects a matrix as a column, and would read a bytearray as a list of numbers.
    """
    if isinstance(value, np.ndarray) and value.ndim > 1:
        return value.tolist()
    return bytes(value) if isinstance(value, bytearray) else value


def _is_one_row(data: dict[Hashable, object], columns: CompiledColumns) -> bool:
    """Return whether a dict is one row; otherwise its values are columns.

    This is MLflow's rule, except that lists of text are columns if all columns are scalar.
    """
    values = data.values()
    if _has_instance(columns.types, _NESTED) or _has_instance(values, dict):
        return True
    if _has_instance(columns.types, AnyType):
        return all(_is_scalar(value) or _is_text_list(value) for value in values)
    return all(map(_is_scalar, values))


def _has_instance(values: Iterable[object], kind: type | tuple[type, ...]) -> bool:
    return any(isinstance(value, kind) for value in values)


def _check_list(data: list[Any], columns: CompiledColumns, violations: Violations) -> object:
    if any(has_fields(kind) or issubclass(kind, Enum) for kind in set(map(type, data))):
        data = object_to_row(data)
    if not columns.named:
        return _check_unnamed_list(data, columns, violations)
    if data and all(isinstance(row, dict) for row in data):
        return columns.check_rows(data, violations)
    return _check_converted(data, columns, violations)


def _check_unnamed_list(
    data: list[Any], columns: CompiledColumns, violations: Violations
) -> object:
    if _is_one_nested(columns):
        return _check_nested_cells(data, columns, violations)
    if len(columns.types) == 1 and not _has_instance(data, (list, dict, np.ndarray)):
        return columns.check_cells(data, violations)
    return _check_converted(data, columns, violations)


def _check_array(data: Array, columns: CompiledColumns, violations: Violations) -> object:
    if _is_one_nested(columns):
        return columns.check_cells(list(data), violations)
    return _check_converted(data, columns, violations)


def _check_nested_cells(
    data: list[Any], columns: CompiledColumns, violations: Violations
) -> object:
    as_cells = Violations(violations.limit)
    checked = columns.check_cells(data, as_cells)
    if as_cells and all(isinstance(row, list) and len(row) == 1 for row in data):
        # Perhaps these are rows, each a list of its only cell.
        as_rows = Violations(violations.limit)
        unpacked = columns.check_cells([row[0] for row in data], as_rows)
        if not as_rows:
            return unpacked
    violations.extend(as_cells)
    return checked


def _check_converted(data: Any, columns: CompiledColumns, violations: Violations) -> object:
    try:
        frame = pd.DataFrame(data)
    # pandas 2 raises an AttributeError for rows that are dicts and values.
    except (AttributeError, ValueError, TypeError) as error:
        got = f"{type(data).__name__}: {str(error)[:60]}"
        violations.add_message(
            ViolationCode.WRONG_KIND, (), "data that pandas can convert to a frame", got
        )
        return data
    return columns.check_frame(frame, violations)


def _is_one_nested(columns: CompiledColumns) -> bool:
    if columns.named or len(columns.types) != 1:
        return False
    return isinstance(columns.types[0], (*_NESTED, AnyType))


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_scalar(value: object) -> bool:
    others = (NoneType, datetime.date, datetime.timedelta, decimal.Decimal, bytearray)
    return np.isscalar(value) or isinstance(value, others)


_CHECKS: tuple[tuple[type, Callable[[Any, CompiledColumns, Violations], object]], ...] = (
    (dict, _check_dict),
    (list, _check_list),
    (np.ndarray, _check_array),
)
