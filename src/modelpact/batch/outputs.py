"""Converts predictions to Arrow tables with one row per input row."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from modelpact._internal.schema_kinds import input_names, list_specs
from modelpact._internal.text import truncate
from modelpact.datatypes import PREDICTION, count_rows, to_columns, to_python
from modelpact.errors import PredictError

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow.types.schema import TensorSpec

    from modelpact.types import Signature

__all__ = ["empty_table", "output_names", "to_table"]


def output_names(signature: Signature) -> list[str] | None:
    """Return the columns of the predictions; None if the signature does not determine them."""
    names = input_names(signature.outputs)
    unnamed = [PREDICTION] if len(list_specs(signature.outputs)) == 1 else None
    return names or unnamed


def arrow_type(kind: object) -> pa.DataType | None:
    """Return the Arrow type of an MLflow type; None for `AnyType` and types that contain it.

    Example:
        >>> from mlflow.types.schema import Array, DataType
        >>> arrow_type(Array(DataType.long))
        ListType(list<item: int64>)
    """
    try:
        return _to_arrow_type(kind)
    except _NoArrowType:
        return None


class _NoArrowType(Exception):
    """An MLflow type accepts values of several Arrow types."""


def _to_arrow_type(kind: object) -> pa.DataType:
    import pyarrow as pa
    from mlflow.types.schema import Array, DataType, Map, Object

    aliases = {
        DataType.boolean: "bool",
        DataType.integer: "int32",
        DataType.long: "int64",
        DataType.float: "float",
        DataType.double: "double",
        DataType.string: "string",
        DataType.binary: "binary",
        DataType.datetime: "timestamp[us]",
    }
    if isinstance(kind, DataType):
        return pa.type_for_alias(aliases[kind])
    # A SparkML vector is a subclass of Array.
    if type(kind) is Array:
        return pa.list_(_to_arrow_type(kind.dtype))
    if isinstance(kind, Map):
        return pa.map_(pa.string(), _to_arrow_type(kind.value_type))
    if isinstance(kind, Object):
        return pa.struct([(prop.name, _to_arrow_type(prop.dtype)) for prop in kind.properties])
    raise _NoArrowType


def to_table(
    prediction: object, n_rows: int, signature: Signature, kept: dict[str, pa.Array]
) -> pa.Table:
    """Return a table of the kept columns and the predictions.

    Args:
        prediction: A DataFrame, an array, a Series, a dict of arrays, or a list.
        n_rows: The number of rows that the model got.
        signature: The signature, which determines the types of the columns.
        kept: The columns that are copied from the input.

    Raises:
        PredictError: There is not one prediction per row, or Arrow does not have a type for them.
    """
    import pyarrow as pa

    columns = dict(kept)
    types = _output_types(signature)
    for name, values in to_columns(prediction, output_names(signature)).items():
        if name in columns:
            raise PredictError(
                f"the model returned a column {name!r}, which task.keep also contains",
                remedy="Remove the column from task.keep, or rename it in the data.",
            )
        n_values = count_rows(values)
        if n_values != n_rows:
            raise PredictError(
                f"the model returned {n_values:,} predictions for {n_rows:,} rows",
                remedy="A batch needs a model that returns one prediction per row. "
                "Call a model that aggregates its rows from Python.",
            )
        columns[name] = _to_array(values, types.get(name), name)
    return pa.table(columns)


def empty_table(signature: Signature, kept: dict[str, pa.DataType]) -> pa.Table:
    """Return a table without rows that has the columns of the signature."""
    import pyarrow as pa

    types = _output_types(signature)
    names = output_names(signature) or [PREDICTION]
    outputs = {name: types.get(name) or pa.null() for name in names}
    return pa.schema([*kept.items(), *outputs.items()]).empty_table()


def _output_types(signature: Signature) -> dict[str, pa.DataType | None]:
    from mlflow.types.schema import TensorSpec

    names = output_names(signature) or []
    return {
        name: _tensor_type(spec) if isinstance(spec, TensorSpec) else arrow_type(spec.type)
        for name, spec in zip(names, list_specs(signature.outputs), strict=False)
    }


def _tensor_type(spec: TensorSpec) -> pa.DataType | None:
    import pyarrow as pa

    try:
        found = pa.from_numpy_dtype(spec.type) if spec.type.kind not in "OUS" else pa.string()
    except (pa.ArrowNotImplementedError, TypeError):
        return None
    for _ in spec.shape[1:]:
        found = pa.list_(found)
    return found


def _to_array(values: object, kind: pa.DataType | None, name: str) -> pa.Array:
    array = _convert_typed(values)
    if array is None:
        return _convert_cells(to_python(values), kind, name)
    return array if kind is None else _cast(array, kind)


def _convert_cells(cells: Any, kind: pa.DataType | None, name: str) -> pa.Array:
    """Return the Arrow array of Python objects."""
    import pyarrow as pa

    is_timestamp = str(kind).startswith("timestamp")
    if "timestamp" in str(kind) and not is_timestamp:
        cells = _to_datetimes(cells)
    try:
        # Arrow does not take dates for timestamps, but casts them.
        array = pa.array(cells, type=None if is_timestamp else kind, from_pandas=True)
        return array.cast(kind) if is_timestamp else array
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise PredictError(
            f"the predictions {name!r} do not have one Arrow type: {truncate(error, 200)}",
            remedy="Return values of one type, or declare the outputs in the signature.",
        ) from error


def _to_datetimes(value: Any) -> Any:
    """Return nested values with datetimes for dates, which Arrow does not take for timestamps."""
    if isinstance(value, dict):
        return {key: _to_datetimes(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_datetimes(item) for item in value]
    is_date = type(value) is datetime.date
    return datetime.datetime.combine(value, datetime.time()) if is_date else value


def _convert_typed(values: object) -> pa.Array | None:
    """Return the Arrow array of values that have a dtype; None if they are Python objects."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biuf":
        return pa.array(values)
    if isinstance(values, pd.Series) and not pd.api.types.is_object_dtype(values.dtype):
        return pa.Array.from_pandas(values)
    return None


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return an array in another type; unchanged if the type cannot represent the values."""
    import pyarrow as pa

    try:
        return array.cast(kind)
    except pa.ArrowException:
        return array
