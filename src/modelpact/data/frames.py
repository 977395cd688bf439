"""DataFrames without loss: integers keep their digits next to missing values."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from modelpact.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "arrow_to_frame",
    "frame_to_records",
    "relax_nullable",
    "to_served_types",
    "values_to_column",
]

MAX_EXACT_FLOAT = 2**53
"""Up to here, every integer is a double."""

_DOUBLES = (-MAX_EXACT_FLOAT, MAX_EXACT_FLOAT, "stands next to decimal numbers")
_LONGS = (-(2**63), 2**63 - 1, "has over 64 bits")
"""The integers that a column keeps: the smallest, the largest, and why no others."""


def values_to_column(values: list[Any], name: str) -> pd.Series:
    """Return a column of JSON values; None is a missing value.

    Raises:
        DataError: An integer has more than 64 bits, or would lose digits as a double.

    Example:
        >>> values_to_column([2**53 + 1, None], "id").tolist()
        [9007199254740993, <NA>]
    """
    import pandas as pd

    kinds = set(map(type, values)) - {type(None)}
    if int in kinds and kinds <= {int, float}:
        integers = [value for value in values if type(value) is int]
        _check_digits(integers, name, are_floats=float in kinds)
    if kinds == {int} and None in values:
        return pd.Series(values, dtype="Int64")
    return pd.Series(values, dtype=None if kinds else object)


def _check_digits(integers: list[int], name: str, *, are_floats: bool) -> None:
    """Raise a DataError for an integer that a column cannot represent."""
    low, high, reason = _DOUBLES if are_floats else _LONGS
    beyond = [value for value in integers if not low <= value <= high]
    if are_floats:
        beyond = [value for value in beyond if not _is_double(value)]
    if beyond:
        raise DataError(
            f"column {name!r}: the integer {str(beyond[0])[:40]} {reason}, "
            "so no number type keeps its digits",
            remedy='Write it as text ("123"), or leave the column out (data.columns=[...]).',
            column=name,
        )


def relax_nullable(column: pd.Series) -> pd.Series:
    """Return a nullable column in the dtype that pandas has for it, unless that loses digits.

    Models and MLflow take missing values in columns of doubles, but not in those of integers.

    Example:
        >>> import pandas as pd
        >>> relax_nullable(pd.Series([2, None], dtype="Int64")).dtype
        dtype('float64')
        >>> relax_nullable(pd.Series([2**53 + 1, None], dtype="Int64")).dtype
        Int64Dtype()
    """
    name = str(column.dtype)
    if name == "boolean":
        return column.astype(object).where(column.notna(), float("nan"))
    if name.startswith(("Int", "UInt")) and column.isna().any():
        values = column.dropna()
        is_exact = values.between(-MAX_EXACT_FLOAT, MAX_EXACT_FLOAT).all()
        return column.astype("float64") if is_exact else column
    return column


def _is_double(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def arrow_to_frame(table: pa.Table | pa.RecordBatch) -> pd.DataFrame:
    """Return a DataFrame with nullable integers, and nested values as Python objects."""
    import pandas as pd

    names = table.schema.names
    converted: dict[str, pd.Series] = {}
    for name, column in zip(names, table.columns, strict=True):
        series = _convert_losslessly(column)
        if series is not None:
            converted[name] = series
    if not converted:
        return _to_pandas(table)
    rest = _to_pandas(table.select([name for name in names if name not in converted]))
    columns = {name: converted[name] if name in converted else rest[name] for name in names}
    return pd.DataFrame(columns, index=range(table.num_rows), copy=False)


def _convert_losslessly(column: pa.Array | pa.ChunkedArray) -> pd.Series | None:
    """Return a column that pandas would convert with loss; None for any other column."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_nested(column.type):
        return pd.Series(column.to_pylist(maps_as_pydicts="strict"), dtype=object)
    is_plain = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    if column.null_count and is_plain:
        series: pd.Series = column.to_pandas(types_mapper=_nullable_types().get)
        return series
    return None


def _to_pandas(table: pa.Table | pa.RecordBatch) -> pd.DataFrame:
    # One block per column: columns without nulls are not copied.
    # The names in the metadata of pandas may be numbers, and columns the index.
    frame: pd.DataFrame = to_served_types(table).to_pandas(split_blocks=True, ignore_metadata=True)
    return frame


def to_served_types(table: pa.Table | pa.RecordBatch) -> pa.Table | pa.RecordBatch:
    """Return a table in the types that a served model gets.

    Dates become datetimes, datetimes with a time zone UTC, and categories their values.
    """
    import pyarrow as pa

    schema = table.schema
    for index, field in enumerate(schema):
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_timestamp(kind):
            kind = pa.timestamp(kind.unit)
        if pa.types.is_date(kind):
            kind = pa.timestamp("us")
        schema = schema.set(index, field.with_type(kind))
    return table.cast(schema)


@functools.cache
def _nullable_types() -> dict[pa.DataType, Any]:
    """Return the nullable pandas type of each Arrow integer type and of booleans."""
    import pandas as pd
    import pyarrow as pa

    types: dict[pa.DataType, Any] = {pa.bool_(): pd.BooleanDtype()}
    for bits in (8, 16, 32, 64):
        types[pa.type_for_alias(f"int{bits}")] = pd.api.types.pandas_dtype(f"Int{bits}")
        types[pa.type_for_alias(f"uint{bits}")] = pd.api.types.pandas_dtype(f"UInt{bits}")
    return types


def frame_to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dicts of Python values; a missing value is None."""
    columns = []
    for name in frame.columns:
        values = frame[name].tolist()
        if frame[name].isna().any():
            null = frame[name].isna().tolist()
            values = [
                None if is_null else value for value, is_null in zip(values, null, strict=True)
            ]
        columns.append(values)
    names = list(frame.columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
