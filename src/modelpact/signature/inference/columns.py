"""Infers columns from frames and Series: by dtype where that suffices, otherwise by cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.exceptions import MlflowException
from mlflow.types.schema import AnyType, ColSpec, DataType

from modelpact._internal import mlflow_compat
from modelpact.signature.field_path import FieldPath
from modelpact.signature.inference.values import common_type, is_nan
from modelpact.signature.issues import DataIssues
from modelpact.signature.language.type_names import ColumnType

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionDtype

__all__ = ["any_null", "infer_columns", "infer_series"]

_NULL_TYPES = (type(None), type(pd.NA), type(pd.NaT))
_RENAME = "rename the columns: columns.map('_'.join) for tuples, columns.astype(str) for others"
_OBJECT = np.dtype("O")
_TEXT = frozenset({str, type(None)})
# Types of cells for which pandas cannot find a better dtype than object.
_UNCHANGED = frozenset({str, bytes, dict, list, np.ndarray, type(None)})

_InferredType = tuple[ColumnType | None, bool]
"""A type and whether every row has a value; the type is None for an unsupported dtype."""


def infer_columns(data: pd.DataFrame, issues: DataIssues) -> list[ColSpec]:
    """Infer the columns of a frame `(n_rows, n_columns)`.

    Args:
        data: The frame.
        issues: Collects the columns without a type.
    """
    labels = data.columns.tolist()
    dtypes = data.dtypes.tolist()
    _check_labels(labels, issues)
    inferred: Iterator[_InferredType]
    nulls = _find_null_floats(data, dtypes)
    if nulls is not None:
        float_type = _infer_dtype(dtypes[0])
        inferred = ((float_type, not has_nulls) for has_nulls in nulls)
    else:
        inferred = (_infer_column(column, (label,), issues) for label, column in data.items())
    specs = []
    for label, dtype, (column_type, required) in zip(labels, dtypes, inferred, strict=True):
        supported = _check_supported(column_type, (label,), f"dtype {dtype}", dtype, issues)
        specs.append(ColSpec(supported, label, required=required))
    return specs


def infer_series(data: pd.Series[Any], issues: DataIssues) -> list[ColSpec]:
    """Infer the column of a Series `(n_rows,)`; it is unnamed if the Series is."""
    name: Any = data.name
    label = 0 if name is None else name
    column_type, required = _infer_column(data, (label,), issues)
    supported = _check_supported(column_type, (label,), f"dtype {data.dtype}", data.dtype, issues)
    if name is None and not required:
        text = "an unnamed Series with nulls: MLflow has no unnamed optional columns"
        issues.add((), text, "name the Series")
        return []
    return [ColSpec(supported, name, required=required)]


def _check_labels(labels: Sequence[Any], issues: DataIssues) -> None:
    _check_duplicates(labels, issues)
    if any_null(labels):
        issues.add((), "a column without a name", "name every column")
    for label in labels:
        if not isinstance(label, (str, int, float, np.number)):
            kind = type(label).__name__
            issues.add((str(label),), f"a name of type {kind}, which MLflow cannot store", _RENAME)
    if 0 < sum(isinstance(label, str) for label in labels) < len(labels):
        issues.add((), "names of several types, such as text and numbers", _RENAME)


def _check_duplicates(labels: Sequence[Any], issues: DataIssues) -> None:
    # True and 1 are the same key for a dict.
    counts = Counter((type(label) is bool, label) for label in labels)
    for (_, label), count in counts.items():
        if count > 1:
            issues.add((label,), f"duplicate name of {count} columns", "rename the columns")


def _find_null_floats(
    data: pd.DataFrame, dtypes: list[np.dtype[np.generic] | ExtensionDtype]
) -> NDArray[np.bool_] | None:
    """Return which columns of a frame of one NumPy float dtype hold NaN; None for other frames."""
    first = dtypes[0] if dtypes else None
    if not isinstance(first, np.dtype) or first.kind != "f" or len(set(dtypes)) > 1:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        values = data.to_numpy()
        totals = values.sum(axis=0)
    # A NaN total comes from a NaN, or from infinities that cancel.
    suspects = np.flatnonzero(np.isnan(totals))
    nulls = np.zeros(len(dtypes), dtype=bool)
    nulls[suspects] = np.isnan(values[:, suspects]).any(axis=0)
    return nulls


@lru_cache(maxsize=512)
def _infer_dtype(dtype: np.dtype[np.generic] | ExtensionDtype) -> DataType | None:
    try:
        return mlflow_compat.infer_column_type(dtype)
    except (MlflowException, AttributeError):
        # A dtype that MLflow does not support; it raises AttributeError for one without itemsize.
        return None


def _infer_column(series: pd.Series[Any], path: FieldPath, issues: DataIssues) -> _InferredType:
    dtype = series.dtype
    if isinstance(dtype, pd.StringDtype):
        null = series.array.isna()
        return (AnyType() if len(null) and null.all() else DataType.string), not null.any()
    if isinstance(dtype, pd.CategoricalDtype):
        return _infer_category(series, path, issues)
    if isinstance(dtype, np.dtype) and dtype.kind in "biu":
        return _infer_dtype(dtype), True
    if dtype.kind != "O":
        return _infer_dtype(dtype), not _has_nulls(series)
    return _infer_cells(series, path, issues)


def _has_nulls(series: pd.Series[Any]) -> bool:
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fM":
        return bool(np.isnan(series.to_numpy()).any())
    if getattr(dtype, "kind", "") == "f" and not isinstance(dtype, pd.SparseDtype):
        # Nullable floats may hold both NaN and NA; `hasnans` sees NA only.
        return bool(series.hasnans) or any_null(series.tolist())
    return bool(series.hasnans)


def _infer_category(series: pd.Series[Any], path: FieldPath, issues: DataIssues) -> _InferredType:
    """Infer the type of the categories that occur."""
    codes = np.unique(series.cat.codes.to_numpy())
    used = codes[codes >= 0]
    if len(used):
        values = series.cat.categories.take(used).tolist()
        return common_type(values, path, issues), bool(codes[0] >= 0)
    if not len(series):
        _add_no_rows(path, issues)
    return AnyType(), not len(series)


def _infer_cells(series: pd.Series[Any], path: FieldPath, issues: DataIssues) -> _InferredType:
    """Infer a column of Python objects, or of one of Arrow's nested types."""
    values = series.tolist()
    if not values:
        _add_no_rows(path, issues)
        return AnyType(), True
    kinds = set(map(type, values))
    if kinds <= _TEXT and str in kinds:
        return DataType.string, len(kinds) == 1
    dtype = None if kinds <= _UNCHANGED else _find_better_dtype(series)
    if dtype is None:
        return common_type(values, path, issues), not any_null(values)
    column_type = _infer_dtype(dtype)
    supported = _check_supported(column_type, path, f"values of dtype {dtype}", dtype, issues)
    return supported, not any_null(values)


def _find_better_dtype(series: pd.Series[Any]) -> np.dtype[np.generic] | ExtensionDtype | None:
    """Return the dtype that pandas infers from objects; None if they remain objects."""
    dtype = series.infer_objects().dtype
    return None if series.dtype != _OBJECT or dtype.kind == "O" else dtype


def any_null(values: Sequence[object]) -> bool:
    """Return whether a list holds None, NA, NaT or NaN.

    Example:
        >>> any_null([1, None]), any_null([[], 0])
        (True, False)
    """
    kinds = set(map(type, values))
    if not kinds.isdisjoint(_NULL_TYPES):
        return True
    if not any(issubclass(kind, float) for kind in kinds):
        return False
    return any(map(is_nan, values))


def _add_no_rows(path: FieldPath, issues: DataIssues) -> None:
    text = "cannot infer the type of objects without rows (MLflow infers string)"
    issues.add_untyped(path, text, "provide data with rows, or set the dtype")


def _check_supported(
    column_type: ColumnType | None,
    path: FieldPath,
    subject: str,
    dtype: object,
    issues: DataIssues,
) -> ColumnType:
    """Return a type; `any`, and add an issue, if there is none."""
    if column_type is not None:
        return column_type
    verb = "have" if subject.startswith("values") else "has"
    issues.add_untyped(path, f"{subject} {verb} no MLflow type", _suggest_conversion(dtype))
    return AnyType()


def _suggest_conversion(dtype: object) -> str:
    name, kind = str(dtype).lower(), getattr(dtype, "kind", "O")
    if "timedelta" in name:
        kind = "m"
    if kind in _CONVERSIONS:
        return _CONVERSIONS[kind]
    if isinstance(dtype, pd.SparseDtype):
        return "convert it: .sparse.to_dense()"
    if "period" in name:
        return "convert it: .dt.to_timestamp()"
    if kind == "f":
        return "convert it: astype('float64')"
    return "convert it to numbers, strings, booleans or datetimes"


_CONVERSIONS = {
    "u": "convert it: astype('int64') if the values fit, otherwise astype('float64') or a string",
    "m": "convert it to seconds: .dt.total_seconds()",
    "c": "split it into the real and the imaginary part",
}
