"""Infers the schema of data of any kind, and collects the data for which MLflow fails silently."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.exceptions import MlflowException
from mlflow.types.schema import (
    AnyType,
    ColSpec,
    DataType,
    Schema,
    TensorSpec,
    convert_dataclass_to_schema,
)

from modelpact._internal import foreign_tables
from modelpact._internal.text import truncate
from modelpact.signature.enforcement.tensors import is_sparse
from modelpact.signature.field_path import FieldPath
from modelpact.signature.inference.columns import any_null, infer_columns, infer_series
from modelpact.signature.inference.values import common_type, group_by_key
from modelpact.signature.issues import DataIssues
from modelpact.signature.language.type_names import ColumnType

__all__ = ["infer_schema"]

_Inference = Callable[[Any, DataIssues], Sequence[ColSpec | TensorSpec]]

_UNSTORED_KINDS = {
    "V": ("a structured array", "provide a DataFrame, or a dict of arrays"),
    "T": ("an array of dtype StringDType, which MLflow cannot store", "convert it: astype('U')"),
}
_TEXT_DTYPES: dict[str, np.dtype[Any]] = {"U": np.dtype(str), "S": np.dtype(bytes)}
_PACKAGE_CONVERSIONS = {
    "pyarrow": "convert it first: to_pandas()",
    "polars": "convert it first: to_pandas()",
    "scipy": "convert it first: scipy.sparse.csr_matrix(...)",
}
_NAN_TYPES = (DataType.double, DataType.float, DataType.datetime)


def infer_schema(data: object, issues: DataIssues) -> Schema | None:
    """Infer the schema of inputs or outputs; return None after adding an issue.

    Args:
        data: A DataFrame, Series, ndarray, dict of arrays, sparse matrix, list, dict, scalar, or a
            dataclass with type hints.
        issues: Collects the data without a type.
    """
    before = len(issues)
    if is_dataclass(data):
        return _infer_dataclass(data, issues)
    specs = _choose_inference(data)(data, issues)
    if len(issues) > before:
        return None
    if not specs:
        remedy = "provide data with at least one column and one row"
        is_empty = not isinstance(data, list) or not data
        text = f"an empty {type(data).__name__}" if is_empty else "rows without columns"
        issues.add((), text, remedy)
        return None
    try:
        return Schema(list(specs))
    except MlflowException as error:
        issues.add((), truncate(error.message, 200), "name every column, or none")
        return None


def _choose_inference(data: object) -> _Inference:
    for kind, infer in _INFERENCE_BY_TYPE.items():
        if isinstance(data, kind):
            return infer
    return _infer_sparse if is_sparse(data) else _infer_scalar


def _infer_dataclass(data: object, issues: DataIssues) -> Schema | None:
    try:
        schema: Schema = convert_dataclass_to_schema(data)
    except (MlflowException, TypeError, AttributeError) as error:
        text = f"unsupported dataclass {type(data).__name__}: {truncate(error, 200)}"
        issues.add((), text, "annotate its fields with scalars, lists and dataclasses")
        return None
    return schema


def _infer_list(data: list[Any], issues: DataIssues) -> list[ColSpec]:
    # The first item decides in most cases, without a pass over the data.
    is_rows = data and isinstance(data[0], dict)
    if is_rows and all(issubclass(kind, dict) for kind in set(map(type, data))):
        return _infer_rows(data, issues)
    return _infer_items(data, issues)


def _infer_rows(rows: list[dict[str, object]], issues: DataIssues) -> list[ColSpec]:
    """Infer columns from one dict per row; a column is required if no row lacks a value."""
    specs = []
    for key, values in group_by_key(rows).items():
        dtype = common_type(values, (key,), issues)
        required = len(values) == len(rows) and type(None) not in set(map(type, values))
        # MLflow sees None only. It would require a value in every row and reject this very data.
        if required and _has_unseen_nulls(values, dtype):
            issues.add((key,), "NaN or NA among values that are not numbers", "use None instead")
        specs.append(ColSpec(dtype, key, required=required))
    return specs


def _infer_items(items: list[object], issues: DataIssues) -> list[ColSpec]:
    """Infer one unnamed column from a list."""
    if not items:
        return []
    dtype = common_type(items, (), issues)
    if _has_unseen_nulls(items, dtype):
        text = "a list with nulls: MLflow has no unnamed optional columns"
        issues.add((), text, "provide rows as dicts, which name the column")
    return [ColSpec(dtype)]


def _has_unseen_nulls(values: list[object], dtype: ColumnType) -> bool:
    """Return whether values hold nulls that their type does not allow for."""
    if dtype in _NAN_TYPES or isinstance(dtype, AnyType):
        return False
    return any_null(values)


def _infer_dict(data: dict[Any, Any], issues: DataIssues) -> Sequence[ColSpec | TensorSpec]:
    if all(isinstance(value, np.ndarray) for value in data.values()):
        _check_keys(data, issues)
        return [
            spec
            for name, array in data.items()
            for spec in _infer_array(array, issues, name, (name,))
        ]
    return _infer_fields(data, issues)


def _infer_fields(data: dict[str, object], issues: DataIssues) -> list[ColSpec]:
    """Infer columns from a dict of values: one row, or one list per column.

    MLflow decides differently from a list of rows whether a column is required.
    """
    _check_keys(data, issues)
    specs = []
    for key, value in data.items():
        if isinstance(value, np.ndarray) and not value.size:
            text = "cannot infer a type from an empty array"
            issues.add((key,), text, "provide an array with items")
            continue
        required = not any_null(value if isinstance(value, list) else [value])
        specs.append(ColSpec(common_type([value], (key,), issues), key, required=required))
    return specs


def _check_keys(data: dict[Any, Any], issues: DataIssues) -> None:
    for key in data:
        if not isinstance(key, str):
            issues.add((key,), f"a key of type {type(key).__name__}", "use strings as names")


def _infer_scalar(value: object, issues: DataIssues) -> list[ColSpec]:
    remedy = _suggest_conversion(value)
    if remedy is not None:
        text = f"unsupported data: {type(value).__name__} of {_find_package(value)}"
        issues.add((), text, remedy)
        return []
    dtype = common_type([value], (), issues)
    if isinstance(dtype, AnyType) and issues.untyped:
        # The enforcer does not take such a value as a whole, even under `any`.
        issues.issues += issues.untyped[-1:] if issues.allow_any else []
    return [ColSpec(dtype)]


def _suggest_conversion(value: object) -> str | None:
    """Return what to do about data that MLflow treats as a scalar without a type."""
    if call := foreign_tables.conversion(value):
        return f"convert it first: {call}"
    if hasattr(value, "_asdict"):
        return "provide a dict: value._asdict()"
    package = _find_package(value)
    if package in _PACKAGE_CONVERSIONS:
        return _PACKAGE_CONVERSIONS[package]
    match value:
        case (_, dict()):
            return "provide the data and the params apart: infer(data, params=...)"
        case set() | frozenset() | tuple() | Iterator():
            return "provide a list"
        case pd.Index():
            return "convert it first: to_series()"
    return None


def _find_package(value: object) -> str:
    return type(value).__module__.split(".")[0]


def _infer_tensor(
    dtype: np.dtype[np.generic],
    shape: tuple[int, ...],
    name: str | None,
    path: FieldPath,
    issues: DataIssues,
) -> list[TensorSpec]:
    if not shape:
        remedy = "the first axis is rows: reshape(1), or provide the scalar itself"
        issues.add(path, "an array without axes", remedy)
        return []
    if problem := _find_unstored(dtype):
        issues.add(path, *problem)
        return []
    # Without the length of the longest string.
    return [TensorSpec(_TEXT_DTYPES.get(dtype.char, dtype), (-1, *shape[1:]), name)]


def _find_unstored(dtype: np.dtype[np.generic]) -> tuple[str, str] | None:
    """Return why no tensor has a dtype, and what to do; None for other dtypes."""
    if dtype.kind in _UNSTORED_KINDS:
        return _UNSTORED_KINDS[dtype.kind]
    if dtype.char in "gG":
        return f"an array of {dtype}, which JSON cannot hold", "use astype('float64')"
    if not dtype.isnative:
        remedy = f"convert it: astype('{dtype.newbyteorder('=').str}')"
        return "an array in another byte order, which MLflow cannot store", remedy
    return None


def _infer_array(
    data: np.ndarray[Any, Any],
    issues: DataIssues,
    name: str | None = None,
    path: FieldPath = (),
) -> list[Any]:
    if data.dtype != object or not data.size:
        return _infer_tensor(data.dtype, data.shape, name, path, issues)
    # MLflow's `log_model` signs text labels as a column of strings.
    if issues.part == "outputs" and set(map(type, data.ravel())) == {str}:
        if name is None and data.ndim == 1:
            return [ColSpec(DataType.string)]
        return _infer_tensor(np.dtype(str), data.shape, name, path, issues)
    issues.add_untyped(
        path,
        "an array of objects can hold anything",
        "convert it: astype(str) or astype(float), or provide a DataFrame",
    )
    return _infer_tensor(data.dtype, data.shape, name, path, issues)


def _infer_sparse(data: Any, issues: DataIssues) -> Sequence[ColSpec | TensorSpec]:
    # The data comes from scipy, so the module is loaded.
    scipy_sparse = sys.modules["scipy.sparse"]
    if isinstance(data, (scipy_sparse.csr_matrix, scipy_sparse.csc_matrix)):
        return _infer_tensor(data.data.dtype, data.shape, None, (), issues)
    return _infer_scalar(data, issues)


_INFERENCE_BY_TYPE: dict[type, _Inference] = {
    pd.DataFrame: infer_columns,
    pd.Series: infer_series,
    np.ndarray: _infer_array,
    list: _infer_list,
    dict: _infer_dict,
}
