"""The columns of frames: a dtype that answers is not asked twice, and cells are looked at only where it does not."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.exceptions import MlflowException
from mlflow.types.schema import AnyType, ColSpec, DataType

from modelpact._internal import mlflow_compat
from modelpact.signature.field_path import FieldPath
from modelpact.signature.inference.issues import Troubles
from modelpact.signature.inference.values import common_type

__all__ = ["any_null", "frame_specs", "series_spec"]

_NULL_TYPES = (type(None), type(pd.NA), type(pd.NaT))
_OBJECT = np.dtype("O")
_TEXT = frozenset({str, type(None)})
_UNCHANGED = frozenset({str, bytes, dict, list, np.ndarray, type(None)})
"""Types of cells among which pandas finds no better dtype."""


def frame_specs(data: Any, troubles: Troubles) -> list[ColSpec]:
    """The columns of a frame `(n_rows, n_columns)`.

    Args:
        data: A DataFrame.
        troubles: Takes the columns that have no type.
    """
    labels, dtypes = data.columns.tolist(), data.dtypes.tolist()
    if len(set(map(_hashable, labels))) < len(labels):
        for label in dict.fromkeys(label for label in labels if labels.count(label) > 1):
            troubles.add(
                (label,),
                f"{labels.count(label)} columns of that name",
                "give each column a name of its own",
            )
    if any(pd.api.types.is_scalar(label) and pd.isna(label) for label in labels):
        troubles.add((), "a column without a name beside others", "name every column")
    specs = []
    dense = _nulls_of_floats(data, dtypes)
    series = (
        iter([None] * len(labels)) if dense is not None else (column for _, column in data.items())
    )
    for position, (label, dtype, column) in enumerate(zip(labels, dtypes, series, strict=True)):
        if dense is not None:
            found, required = _of_dtype(dtype), not dense[position]
        else:
            found, required = _column(column, (label,), troubles)
        if found is None:
            troubles.add((label,), f"dtype {dtype} has no MLflow type", _remedy(dtype))
        else:
            specs.append(ColSpec(found, label, required=required))
    return specs


def series_spec(data: Any, troubles: Troubles) -> list[ColSpec]:
    """The one column of a Series `(n_rows,)`; it has no name where the Series has none."""
    label = 0 if data.name is None else data.name
    found, required = _column(data, (label,), troubles)
    if found is None:
        troubles.add((label,), f"dtype {data.dtype} has no MLflow type", _remedy(data.dtype))
        return []
    if data.name is None and not required:
        what = "a Series without a name that holds nulls: MLflow has no unnamed optional column"
        troubles.add((), what, "give the Series a name")
        return []
    return [ColSpec(found, data.name, required=required)]


def _hashable(label: Any) -> Any:
    return (type(label) is bool, label)


def _nulls_of_floats(data: Any, dtypes: list[Any]) -> Any:
    """For a frame of one NumPy float dtype, which columns hold a NaN, found in one pass; None for any other frame."""
    first = dtypes[0] if dtypes else None
    if not isinstance(first, np.dtype) or first.kind != "f" or len(set(dtypes)) > 1:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        values = data.to_numpy()
        totals = values.sum(axis=0)
    suspects = np.flatnonzero(np.isnan(totals))  # a NaN, or infinities that cancel
    nulls = np.zeros(len(dtypes), dtype=bool)
    nulls[suspects] = np.isnan(values[:, suspects]).any(axis=0)
    return nulls


@lru_cache(maxsize=512)
def _of_dtype(dtype: Any) -> Any:
    try:
        return mlflow_compat.column_type(dtype)
    except (
        MlflowException,
        AttributeError,
    ):  # a dtype that MLflow does not know, or one without a size
        return None


def _column(series: Any, place: FieldPath, troubles: Troubles) -> tuple[Any, bool]:
    """The type of a column, None where its dtype has none, and whether every row has a value."""
    dtype = series.dtype
    if isinstance(dtype, pd.StringDtype):
        null = series.array.isna()
        return (AnyType() if len(null) and null.all() else DataType.string), not null.any()
    if isinstance(dtype, pd.CategoricalDtype):
        return _category(series, place, troubles)
    if isinstance(dtype, np.dtype) and dtype.kind in "biu":
        return _of_dtype(dtype), True
    if dtype != _OBJECT and dtype.kind != "O":
        return _of_dtype(dtype), not _has_nulls(series)
    return _cells(series, place, troubles)


def _has_nulls(series: Any) -> bool:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "fM":
        values = series.to_numpy()
        return bool((np.isnan if series.dtype.kind == "f" else np.isnat)(values).any())
    if getattr(series.dtype, "kind", "") == "f" and not isinstance(series.dtype, pd.SparseDtype):
        return bool(series.hasnans) or any_null(series.tolist())  # NaN beside NA
    return bool(series.hasnans)


def _category(series: Any, place: FieldPath, troubles: Troubles) -> tuple[Any, bool]:
    """A category has the type of the categories that occur."""
    codes = np.unique(series.cat.codes.to_numpy())
    used = codes[codes >= 0]
    if not len(used):
        return (AnyType(), False) if len(series) else (_no_rows(place, troubles), True)
    values = series.cat.categories.take(used).tolist()
    return common_type(values, place, troubles), bool(codes[0] >= 0)


def _cells(series: Any, place: FieldPath, troubles: Troubles) -> tuple[Any, bool]:
    """A column whose dtype says nothing: of Python objects, or of one of Arrow's nested types."""
    values = series.tolist()
    if not values:
        return _no_rows(place, troubles), True
    kinds = set(map(type, values))
    if kinds <= _TEXT and str in kinds:
        return DataType.string, len(kinds) == 1
    if not kinds <= _UNCHANGED and series.dtype == _OBJECT:
        better = series.infer_objects()
        if better.dtype != _OBJECT and better.dtype.kind != "O":
            if (found := _of_dtype(better.dtype)) is None:
                troubles.add(
                    place,
                    f"values of dtype {better.dtype} have no MLflow type",
                    _remedy(better.dtype),
                )
                return AnyType(), True
            return found, not any_null(values)
    return common_type(values, place, troubles), not any_null(values)


def any_null(values: list[Any]) -> bool:
    """Whether a list holds None, NA, NaT or NaN, of which MLflow takes only Python's own NaN for a null.

    Example:
        >>> any_null([1, None]), any_null([[], 0])
        (True, False)
    """
    kinds = set(map(type, values))
    if not kinds.isdisjoint(_NULL_TYPES):
        return True
    if not any(issubclass(kind, float) for kind in kinds):
        return False
    return any(isinstance(value, float) and math.isnan(value) for value in values)


def _no_rows(place: FieldPath, troubles: Troubles) -> Any:
    troubles.add(
        place,
        "no rows to tell the type of objects from (MLflow says string)",
        "give data with rows, or set the dtype",
    )
    return AnyType()


def _remedy(dtype: Any) -> str:
    name, kind = str(dtype).lower(), getattr(dtype, "kind", "O")
    if kind == "u":
        return "convert it: astype('int64') where the values fit, else astype('float64') or text"
    if kind == "m" or "timedelta" in name:
        return "convert it to seconds: .dt.total_seconds()"
    if kind == "c":
        return "split it into the real and the imaginary part"
    if isinstance(dtype, pd.SparseDtype):
        return "convert it: .sparse.to_dense()"
    if "period" in name:
        return "convert it: .dt.to_timestamp()"
    if kind == "f":
        return "convert it: astype('float64')"
    return "convert it to numbers, text, booleans or datetimes"
