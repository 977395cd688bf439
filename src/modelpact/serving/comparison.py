"""Answers cell by cell: whether two of them, one of which may have come as JSON, are the same to the last bit."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from modelpact.serving.request_body import plain

__all__ = ["Cell", "is_null_for", "iter_cells", "same"]

Cell = str | int | float | bool | None


def iter_cells(answer: Any, path: str = "") -> Iterator[tuple[str, Cell]]:
    """The cells of an answer, each with its path; a frame is a list of rows, and a moment is its text.

    Only NaN and the infinities stay what they are in Python.

    Example:
        >>> import pandas as pd
        >>> list(iter_cells(pd.DataFrame({"a": [1, 2]})))
        [('[0].a', 1), ('[1].a', 2)]
    """
    found = _nested(answer)
    if isinstance(found, Mapping):
        parts = [(f"{path}.{key}", value) for key, value in found.items()]
    elif isinstance(found, (list, tuple)):
        parts = [(f"{path}[{index}]", value) for index, value in enumerate(found)]
    else:
        yield path, found
        return
    for place, value in parts:
        yield from iter_cells(value, place)
    if not parts:
        yield path, "{}" if isinstance(found, Mapping) else "[]"


def _nested(value: Any) -> Any:
    """One level of an answer as a dict, a list, or a value of JSON."""
    if isinstance(value, float):
        return float(value)  # NumPy's doubles are floats as well
    if isinstance(value, (Mapping, list, tuple)):
        return value
    if hasattr(value, "columns") and hasattr(value, "iloc"):
        columns = [value.iloc[:, place].tolist() for place in range(value.shape[1])]
        return [dict(zip(value.columns, row, strict=True)) for row in zip(*columns, strict=True)]
    if hasattr(value, "tolist") and getattr(value.dtype, "kind", "") != "M":
        return value.tolist()
    return plain(value)


def same(left: Cell, right: Cell) -> bool:
    """Whether two cells are equal. JSON has one type of numbers: 1 and 1.0 are; floats are where all their bits are.

    Example:
        >>> same(1, 1.0), same(True, 1), same(0.1 + 0.2, 0.3), same(float("nan"), float("nan"))
        (True, False, False, True)
    """
    if (
        isinstance(left, bool)
        or isinstance(right, bool)
        or not (_is_number(left) and _is_number(right))
    ):
        return type(left) is type(right) and left == right
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack("d", left) == struct.pack("d", right) or (
            math.isnan(left) and math.isnan(right)
        )
    return left == right


def is_null_for(value: Cell, other: Cell) -> bool:
    """Whether the other is the null that stands in JSON for a number that is not finite."""
    return isinstance(value, float) and not math.isfinite(value) and other is None


def _is_number(value: Cell) -> bool:
    return isinstance(value, (int, float))
