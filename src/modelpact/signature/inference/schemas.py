"""The schema of data of any kind, as MLflow infers it; what MLflow would be silent about is noted."""

from __future__ import annotations

import sys
from collections.abc import Callable
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

from modelpact.signature.enforcement.tensors import is_sparse
from modelpact.signature.inference.columns import any_null, frame_specs, series_spec
from modelpact.signature.inference.issues import Troubles
from modelpact.signature.inference.values import by_key, common_type

__all__ = ["infer_schema"]

_TAKES_NAN = (DataType.double, DataType.float, DataType.datetime)


def infer_schema(data: Any, troubles: Troubles) -> Schema | None:
    """The schema of inputs or outputs.

    Args:
        data: DataFrame, Series, ndarray, dict of arrays, sparse matrix, list, dict, scalar, or a dataclass with hints.
        troubles: Takes what has no type.

    Returns:
        The schema; None where troubles were noted.
    """
    before = len(troubles.found)
    if is_dataclass(data):
        return _of_dataclass(data, troubles)
    specs = _specs_of(data)(data, troubles)
    if len(troubles.found) > before:
        return None
    if not specs:
        troubles.add(
            (), f"an empty {type(data).__name__}", "give data with at least one column and one row"
        )
        return None
    try:
        return Schema(specs)
    except MlflowException as error:
        troubles.add((), str(error.message)[:200], "name every column, or none")
        return None


def _specs_of(data: Any) -> Callable[[Any, Troubles], list[Any]]:
    if isinstance(data, pd.DataFrame):
        return frame_specs
    if isinstance(data, pd.Series):
        return series_spec
    if isinstance(data, np.ndarray):
        return _array
    if isinstance(data, list):
        are_rows = (
            bool(data)
            and isinstance(data[0], dict)
            and all(issubclass(kind, dict) for kind in set(map(type, data)))
        )
        return _rows if are_rows else _items
    if isinstance(data, dict):
        return (
            _tensors if all(isinstance(value, np.ndarray) for value in data.values()) else _fields
        )
    if is_sparse(data):
        return _sparse
    return _scalar


def _of_dataclass(data: Any, troubles: Troubles) -> Schema | None:
    try:
        schema: Schema = convert_dataclass_to_schema(data)
    except (MlflowException, TypeError, AttributeError) as error:
        what = f"the dataclass {type(data).__name__}: {str(error)[:200]}"
        troubles.add((), what, "hint its fields with scalars, lists and dataclasses")
        return None
    return schema


def _rows(rows: list[dict[Any, Any]], troubles: Troubles) -> list[ColSpec]:
    """Dicts, one a row: a key is a column, required where every row has a value other than None."""
    specs = []
    for key, values in by_key(rows).items():
        dtype = common_type(values, (key,), troubles)
        required = len(values) == len(rows) and type(None) not in set(map(type, values))
        if (
            required
            and dtype not in _TAKES_NAN
            and not isinstance(dtype, AnyType)
            and any_null(values)
        ):
            # MLflow looks for None only: it would ask for a value in every row, and refuse this very data.
            troubles.add(
                (key,),
                "NaN or NA beside values that are not numbers",
                "write None where there is no value",
            )
        specs.append(ColSpec(dtype, key, required=required))
    return specs


def _items(items: list[Any], troubles: Troubles) -> list[ColSpec]:
    """A list that is one column without a name."""
    if not items:
        return []
    dtype = common_type(items, (), troubles)
    if dtype not in _TAKES_NAN and not isinstance(dtype, AnyType) and any_null(items):
        troubles.add(
            (),
            "a list with nulls: MLflow has no unnamed optional column",
            "give rows as dicts, which name the column",
        )
    return [ColSpec(dtype)]


def _fields(data: dict[Any, Any], troubles: Troubles) -> list[ColSpec]:
    """A dict of values: one row, or one list a column; MLflow's rule for what is required differs from that for rows."""
    specs = []
    for key, value in data.items():
        if not isinstance(key, str):
            troubles.add((key,), f"a key of type {type(key).__name__}", "names are text")
            continue
        if isinstance(value, np.ndarray) and not value.size:
            troubles.add((key,), "an empty array tells no type", "give an array with items")
            continue
        required = not any_null(value if isinstance(value, list) else [value])
        specs.append(ColSpec(common_type([value], (key,), troubles), key, required=required))
    return specs


def _scalar(value: Any, troubles: Troubles) -> list[ColSpec]:
    if (remedy := _foreign(value)) is not None:
        troubles.add(
            (), f"a {type(value).__name__} of {type(value).__module__.split('.')[0]}", remedy
        )
        return []
    return [ColSpec(common_type([value], (), troubles))]


def _foreign(value: Any) -> str | None:
    """What to do about a kind of data that MLflow takes for a scalar without a type."""
    package = type(value).__module__.split(".")[0]
    if package in ("pyarrow", "polars"):
        return "convert it first: to_pandas()"
    if package == "scipy":
        return "convert it first: scipy.sparse.csr_matrix(...)"
    if isinstance(value, (set, frozenset, tuple)) or hasattr(value, "__next__"):
        return "give a list"
    if isinstance(value, pd.Index):
        return "convert it first: to_series()"
    return None


def _tensor(
    dtype: Any, shape: tuple[int, ...], name: Any, place: tuple[Any, ...], troubles: Troubles
) -> list[TensorSpec]:
    if not shape:
        troubles.add(
            place,
            "an array without axes",
            "the first axis is rows: reshape(1), or give the scalar itself",
        )
        return []
    if dtype.kind == "V":
        troubles.add(place, "a structured array", "give a DataFrame, or a dict of arrays")
        return []
    plain = np.dtype({"U": "str", "S": "bytes"}[dtype.char]) if dtype.char in "US" else dtype
    return [TensorSpec(plain, (-1, *shape[1:]), name)]


def _array(data: Any, troubles: Troubles) -> list[TensorSpec]:
    return _tensor(data.dtype, data.shape, None, (), troubles)


def _tensors(data: dict[Any, Any], troubles: Troubles) -> list[TensorSpec]:
    return [
        spec
        for name, array in data.items()
        for spec in _tensor(array.dtype, array.shape, name, (name,), troubles)
    ]


def _sparse(data: Any, troubles: Troubles) -> list[Any]:
    matrices = sys.modules["scipy.sparse"]
    if not isinstance(data, (matrices.csr_matrix, matrices.csc_matrix)):
        return _scalar(data, troubles)
    return _tensor(data.data.dtype, data.shape, None, (), troubles)
