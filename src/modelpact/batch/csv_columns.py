"""Converts CSV columns of text to the types that the signature declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from mlflow.types.schema import ColSpec, TensorSpec

    from modelpact.types import Signature

__all__ = ["Kind", "column_kinds", "convert_column"]

Kind = Literal["any", "boolean", "float", "int", "string"]
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


def column_kinds(signature: Signature, columns: Sequence[str]) -> dict[str, Kind]:
    """Return how the cells of each column are parsed.

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
    return {name: _column_kind(specs[name]) if name in specs else "string" for name in columns}


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
        DataType.float: "float",
        DataType.long: "int",
        DataType.integer: "int",
        DataType.boolean: "boolean",
    }
    # MLflow's nested types are not hashable.
    return kinds.get(spec.type, "string") if isinstance(spec.type, DataType) else "string"


def convert_column(texts: pa.ChunkedArray, kind: Kind) -> object:
    """Return a pandas column of the parsed cells.

    If one cell of a numeric column cannot be parsed, every cell is parsed by itself, and cells that
    cannot be parsed stay text.
    """
    if kind == "string":
        return texts.to_pandas()
    if kind == "boolean":
        return _to_booleans(texts)
    integers = None if kind == "float" else _to_integers(texts)
    return _to_floats(texts) if integers is None else integers


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
    if compute.any(compute.match_substring_regex(texts, "[xX]")).as_py():
        return None
    nullable = {pa.int64(): pd.Int64Dtype()}.get if numbers.null_count else None
    series: pd.Series = numbers.to_pandas(types_mapper=nullable)
    return series


def _to_floats(texts: pa.ChunkedArray) -> pd.Series:
    import pandas as pd
    import pyarrow as pa
    from pyarrow import compute

    try:
        series: pd.Series = compute.cast(texts, pa.float64()).to_pandas()
        return series
    except pa.ArrowInvalid:
        cells = texts.to_pandas()
    numbers = pd.to_numeric(cells, errors="coerce")
    parsed = [
        _parse_number(cell, number)
        for cell, number in zip(cells.tolist(), numbers.tolist(), strict=True)
    ]
    return pd.Series(parsed, dtype=object)


def _parse_number(cell: Any, number: float) -> Any:
    """Return the number of a cell, the text of a cell without one, or None for a missing value."""
    if number != number:  # noqa: PLR0124  # NaN is the only value that is not equal to itself
        return cell if isinstance(cell, str) else None
    return int(number) if float(number).is_integer() and "." not in cell else number


def _to_booleans(texts: pa.ChunkedArray) -> object:
    import pandas as pd

    cells = [BOOLEANS.get(text, text) for text in texts.to_pylist()]
    if all(isinstance(cell, bool | None) for cell in cells):
        return pd.array(cells, dtype="boolean")
    return pd.Series(cells, dtype=object)
