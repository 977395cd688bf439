"""Inputs as lists of rows and as Series, for models that were not fitted to DataFrames.

MLflow hands every model with columns a DataFrame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InputForm", "to_form", "to_records"]

InputForm = Literal["frame", "records", "series"]
"""What a model gets: what MLflow hands it (a DataFrame or arrays), a list of rows, or a Series."""


def to_form(form: InputForm, frame: pd.DataFrame, rows: Sequence[Any] | None = None) -> Any:
    """Return a DataFrame in the form that a model was signed with.

    Args:
        form: The form.
        frame: The rows.
        rows: The records that the DataFrame was made of, if known.
    """
    if form == "series":
        column = frame.iloc[:, 0]
        return column.rename(None) if column.name == 0 else column
    return to_records(frame, rows) if form == "records" else frame


def to_records(frame: pd.DataFrame, rows: Sequence[Any] | None = None) -> list[Any]:
    """Return the rows of a DataFrame as dicts, or as single values if the columns have no names.

    Args:
        frame: The rows.
        rows: The records that the DataFrame was made of, if known. Keys that are absent there are
            left out, and None stays None.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"a": [1, 2], "b": [None, "x"]})
        >>> to_records(frame)
        [{'a': 1, 'b': None}, {'a': 2, 'b': 'x'}]
        >>> to_records(frame, [{"a": 1}, {"a": 2, "b": "x"}])
        [{'a': 1}, {'a': 2, 'b': 'x'}]
    """
    names: list[Any] = list(frame.columns)
    columns = [_column_cells(column) for _, column in frame.items()]
    if names == [0]:
        return columns[0]
    records = [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]
    if rows is None or not all(isinstance(row, dict) for row in rows):
        return records
    return [_restore(record, row) for record, row in zip(records, rows, strict=True)]


def _restore(record: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Return a record without the keys that are absent in its row, and with None as in the row."""
    present = {key: value for key, value in record.items() if key in row}
    return {key: None if row[key] is None else value for key, value in present.items()}


def _column_cells(column: pd.Series[Any]) -> list[Any]:
    """Return the cells of a column; nulls are None, but for NaN among floats."""
    cells = list(map(_to_plain, column.tolist()))
    if column.dtype.kind == "f":
        return cells
    return [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]


def _to_plain(cell: Any) -> Any:
    if isinstance(cell, dict):
        return {key: _to_plain(item) for key, item in cell.items()}
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if isinstance(cell, list):
        return [_to_plain(item) for item in cell]
    return None if type(cell).__name__ in ("NAType", "NaTType") else cell
