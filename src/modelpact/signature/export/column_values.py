"""The values of single columns in inputs and outputs of any kind, and examples of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]

from modelpact._internal.text import truncate
from modelpact._internal.type_checks import is_list_of

if TYPE_CHECKING:
    from modelpact.types import Inputs, Outputs

__all__ = ["column_values", "first_value", "format_example", "is_missing", "split_columns"]

EXAMPLE_WIDTH = 30
"""The number of characters of an example."""


class _Absent:
    """Marks a key that a row does not have."""


_ABSENT = _Absent()


def split_columns(data: Inputs | Outputs) -> list[tuple[object, object]]:
    """Split data into pairs of a column's name and data of the same kind with this column only.

    Data without named columns is one part with the name None.
    """
    if isinstance(data, pd.DataFrame):
        return [(label, data.iloc[:, [position]]) for position, label in enumerate(data.columns)]
    if isinstance(data, pd.Series) and data.name is not None:
        return [(data.name, data)]
    if isinstance(data, dict):
        return [(key, {key: value}) for key, value in data.items()]
    if is_list_of(data, dict) and data:
        return _split_records(data)
    return [(None, data)]


def _split_records(records: list[dict[object, object]]) -> list[tuple[object, object]]:
    keys = dict.fromkeys(key for row in records for key in row)
    return [(key, [{key: row[key]} if key in row else {} for row in records]) for key in keys]


def column_values(part: object) -> list[object] | np.ndarray:
    """Return the values of data with one column, one value per row."""
    if part is None:
        return []
    if isinstance(part, pd.DataFrame):
        return part.iloc[:, 0].tolist()
    if isinstance(part, pd.Series):
        return part.tolist()
    if is_list_of(part, dict):
        return _record_values(part)
    if isinstance(part, dict) and len(part) == 1:
        (part,) = part.values()
    return part if isinstance(part, (list, np.ndarray)) else [part]


def _record_values(records: list[dict[object, object]]) -> list[Any]:
    """Return the values of records with one key; records with several keys are values."""
    if any(len(row) > 1 for row in records):
        return records
    return [next(iter(row.values()), _ABSENT) for row in records]


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or absent from its row."""
    # Without these types, a million rows take seconds.
    if type(value) in (str, int, bool):
        return False
    if type(value) is float:
        return value != value  # noqa: PLR0124
    if value is None or value is _ABSENT:
        return True
    return pd.api.types.is_scalar(value) and bool(pd.isna(value))


def first_value(values: Iterable[object]) -> object:
    """Return the first value that is not missing, or None."""
    return next((value for value in values if not is_missing(value)), None)


def format_example(value: Any) -> str:
    """Return a value in a few characters; for a tensor its shape."""
    if value is None:
        return ""
    if isinstance(value, np.ndarray) or hasattr(value, "tocsr"):
        return f"shape {tuple(value.shape)}"
    if isinstance(value, (list, tuple)) and len(value) > 3:
        return f"{len(value)} items"
    if isinstance(value, str):
        return truncate(repr(value[: EXAMPLE_WIDTH + 1]), EXAMPLE_WIDTH)
    return truncate(value, EXAMPLE_WIDTH)
