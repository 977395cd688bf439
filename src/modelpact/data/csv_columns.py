"""Converts CSV columns of text to the types that a signature declares, or that fit all cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from modelpact.data.frames import MAX_EXACT_FLOAT
from modelpact.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from mlflow.types.schema import ColSpec, TensorSpec

    from modelpact.types import Signature

__all__ = ["Kind", "NumberFormat", "column_kinds", "convert_column", "infer_column"]

Kind = Literal["any", "boolean", "datetime", "float", "float32", "int", "string"]
"""How the cells of a column are parsed; `any` tries integers, then floats."""

BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
"""The texts that are parsed as booleans."""

CODE = r"^([+-]?0\d+|\+\d{7,})$"
"""Digits that are text: numbers with leading zeros, and telephone numbers."""

PROBED_ROWS = 1000
"""Rows that are converted first, to find out whether a column has numbers."""


class NumberFormat(NamedTuple):
    """How numbers are written.

    Attributes:
        decimal: The decimal separator.
        thousands: The separator of groups of three digits; empty for none.
    """

    decimal: str = "."
    thousands: str = ""


POINT = NumberFormat()
"""Numbers with a decimal point."""


def column_kinds(signature: Signature, columns: Sequence[str]) -> dict[str, Kind]:
    """Return how the cells of each column that a signature declares are parsed.

    Args:
        signature: The signature of the model.
        columns: The columns that the model gets.
    """
    schema = signature.inputs
    if schema is None:
        return dict.fromkeys(columns, "any")
    if schema.is_tensor_spec():
        return {name: _tensor_kind(spec) for name, spec in _tensor_specs(signature, columns)}
    names = schema.input_names() if schema.has_input_names() else columns
    specs = dict(zip(names, schema.inputs, strict=False))
    return {name: _column_kind(specs[name]) for name in columns if name in specs}


def _tensor_specs(signature: Signature, columns: Sequence[str]) -> list[tuple[str, TensorSpec]]:
    """Return the tensor of each column; an unnamed tensor consists of all columns."""
    specs = signature.inputs.inputs
    names = signature.inputs.input_names() if signature.inputs.has_input_names() else columns
    named = dict(zip(names, specs, strict=False))
    return [(name, named.get(name, specs[0])) for name in columns]


def _tensor_kind(spec: TensorSpec) -> Kind:
    if spec.type.kind in "OUS":
        return "string"
    return "boolean" if spec.type.kind == "b" else "any"


def _column_kind(spec: ColSpec) -> Kind:
    from mlflow.types.schema import DataType

    kinds: dict[DataType, Kind] = {
        DataType.double: "float",
        DataType.float: "float32",
        DataType.long: "int",
        DataType.integer: "int",
        DataType.boolean: "boolean",
        DataType.datetime: "datetime",
    }
    # MLflow's nested types are not hashable.
    return kinds.get(spec.type, "string") if isinstance(spec.type, DataType) else "string"


def infer_column(texts: pa.ChunkedArray, name: str, numbers: NumberFormat = POINT) -> Any:
    """Return a pandas column of the most specific type that fits every cell without loss.

    Digits with leading zeros, and integers beyond 64 bits, stay text.

    Raises:
        DataError: Integers that a double cannot hold stand next to decimal numbers.
    """
    import pandas as pd
    from pyarrow import compute

    if texts.null_count == len(texts):
        return pd.Series(float("nan"), index=range(len(texts)))
    plain = _to_plain_numbers(texts, numbers)
    column = _to_numbers(plain)
    if column is None:
        is_boolean = compute.all(compute.is_in(texts.drop_null(), _boolean_texts())).as_py()
        return _to_booleans(texts) if is_boolean else texts.to_pandas()
    if compute.any(compute.match_substring_regex(texts, CODE)).as_py():
        return texts.to_pandas()
    if column.dtype == "float64" and bool((column.abs() >= MAX_EXACT_FLOAT).any()):
        return _check_exact(texts, plain, column, name)
    return column


def _check_exact(texts: pa.ChunkedArray, plain: pa.ChunkedArray, column: Any, name: str) -> Any:
    """Return a column of doubles if it has all digits of its integers, otherwise the text."""
    from pyarrow import compute

    is_integer = compute.match_substring_regex(plain, r"^\s*[+-]?\d+\s*$")
    cells = plain.filter(is_integer).to_pylist()
    doubles = column[is_integer.fill_null(False).to_pandas().astype(bool)].tolist()
    changed = [cell for cell, double in zip(cells, doubles, strict=True) if int(cell) != double]
    if not changed:
        return column
    if len(cells) == len(texts) - texts.null_count:
        return texts.to_pandas()
    raise DataError(
        f"column {name!r}: the integer {changed[0].strip()[:40]} stands next to decimal numbers, "
        "and as a double it would lose digits",
        remedy=f"Keep the text (data.types={{{name}: string}}), "
        f"or accept the loss (data.types={{{name}: double}}).",
        column=name,
    )


def convert_column(
    texts: pa.ChunkedArray, kind: Kind, numbers: NumberFormat = POINT, form: str = ""
) -> Any:
    """Return a pandas column of the parsed cells; those that cannot be parsed stay text.

    Args:
        texts: The cells.
        kind: How they are parsed.
        numbers: How numbers are written.
        form: The format of datetimes, such as `%d.%m.%Y`; empty for ISO 8601.
    """
    if kind == "string":
        return texts.to_pandas()
    if kind == "datetime":
        return _to_datetimes(texts, form)
    if kind == "boolean":
        return _to_booleans(texts)
    plain = _to_plain_numbers(texts, numbers)
    column = _to_floats(plain) if kind in ("float", "float32") else _to_numbers(plain)
    if column is None:
        return _parse_each(texts, plain)
    return _round_to_float32(column) if kind == "float32" else column


def _round_to_float32(column: pd.Series) -> pd.Series:
    """Return a column with the width of `float`, as CSV has none; unchanged if it is too narrow."""
    import numpy as np

    with np.errstate(over="ignore"):
        rounded: pd.Series = column.astype("float32")
    return column if np.isinf(rounded[~np.isinf(column)]).any() else rounded


def _to_plain_numbers(texts: pa.ChunkedArray, numbers: NumberFormat) -> pa.ChunkedArray:
    """Return numbers with a decimal point and without separators of thousands."""
    from pyarrow import compute

    decimal, thousands = numbers
    if thousands:
        grouped = rf"^\s*[+-]?\d{{1,3}}(\{thousands}\d{{3}})+(\{decimal}\d*)?\s*$"
        is_grouped = compute.match_substring_regex(texts, grouped)
        bare = compute.replace_substring(texts, thousands, "")
        texts = compute.if_else(is_grouped, bare, texts)
    if decimal != ".":
        has_point = compute.match_substring(texts, ".")
        pointed = compute.replace_substring(texts, decimal, ".")
        texts = compute.if_else(has_point, "not a number", pointed)
    return texts


def _to_numbers(texts: pa.ChunkedArray) -> pd.Series | None:
    """Return a column of integers, or else of floats; None if a cell is not a number."""
    from pyarrow import compute

    # A failed cast of a whole column is slow.
    first = texts.slice(0, PROBED_ROWS)
    if len(first) < len(texts) and _to_numbers(first) is None:
        return None
    if len(first) == len(texts) or _to_integers(first) is not None:
        column = _to_integers(texts)
        if column is not None:
            return column
    column = _to_floats(texts)
    if column is not None and not compute.any(compute.match_substring(texts, "+")).as_py():
        return column
    return _to_bare_numbers(texts)


def _to_bare_numbers(texts: pa.ChunkedArray) -> pd.Series | None:
    """Return a column of numbers that may be surrounded by white space, or have a plus sign."""
    from pyarrow import compute

    # Arrow accepts neither white space around a number nor the plus sign of an integer.
    bare = compute.replace_substring_regex(texts, r"^\s*\+?([-\d.].*?)\s*$", r"\1")
    column = _to_integers(bare)
    return _to_floats(bare) if column is None else column


def _to_integers(texts: pa.ChunkedArray) -> pd.Series | None:
    """Return a column of integers; None if a cell is not a decimal integer."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import compute

    try:
        numbers = compute.cast(texts, pa.int64())
    except pa.ArrowInvalid:
        return None
    # Arrow parses hexadecimal integers, which pandas does not.
    if compute.any(compute.match_substring_regex(texts, "^[+-]?0[xX]")).as_py():
        return None
    nullable = {pa.int64(): pd.Int64Dtype()}.get if numbers.null_count else None
    series: pd.Series = numbers.to_pandas(types_mapper=nullable)
    return series


def _to_floats(texts: pa.ChunkedArray) -> pd.Series | None:
    """Return a column of floats; None if a cell is not a number."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        series: pd.Series = compute.cast(texts, pa.float64()).to_pandas()
    except pa.ArrowInvalid:
        return None
    return series


def _parse_each(texts: pa.ChunkedArray, plain: pa.ChunkedArray) -> pd.Series:
    """Return a column of objects: numbers, and the text of cells that are not numbers."""
    import pandas as pd

    numbers = pd.to_numeric(plain.to_pandas(), errors="coerce")
    parsed = [
        cell if cell is None or number != number else _parse_number(text, number)  # noqa: PLR0124
        for cell, text, number in zip(
            texts.to_pylist(), plain.to_pylist(), numbers.tolist(), strict=True
        )
    ]
    return pd.Series(parsed, dtype=object)


def _parse_number(text: str, number: float) -> float:
    """Return the number that a text spells, with all digits of an integer."""
    try:
        return int(text)
    except ValueError:
        return int(number) if float(number).is_integer() and "." not in text else number


def _boolean_texts() -> pa.Array:
    import pyarrow as pa

    return pa.array(BOOLEANS)


def _to_booleans(texts: pa.ChunkedArray) -> Any:
    import pandas as pd

    cells = [BOOLEANS.get(text, text) for text in texts.to_pylist()]
    if all(isinstance(cell, bool) for cell in cells):
        return pd.Series(cells, dtype=bool)
    if all(isinstance(cell, bool | None) for cell in cells):
        return pd.Series(cells, dtype="boolean")
    return pd.Series(cells, dtype=object)


def _to_datetimes(texts: pa.ChunkedArray, form: str) -> pd.Series:
    """Return points in time without a time zone; those with one are converted to UTC."""
    import pandas as pd

    cells = texts.to_pandas()
    moments = pd.to_datetime(cells, format=form or "ISO8601", utc=True, errors="coerce")
    parsed: pd.Series = moments.dt.tz_localize(None)
    is_text = parsed.isna() & cells.notna()
    return parsed.astype(object).where(~is_text, cells) if is_text.any() else parsed
