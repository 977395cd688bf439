"""Compares predictions cell by cell, bit by bit, also after a round trip through JSON."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from modelpact.datatypes import to_json, to_python

__all__ = ["Cell", "cells_equal", "is_null_of_nonfinite", "iter_cells", "unequal_paths"]

Cell = str | int | float | bool | None


def iter_cells(prediction: Any, path: str = "") -> Iterator[tuple[str, Cell]]:
    """Yield the path and the value of every cell of a prediction.

    A DataFrame is a list of rows, a datetime its ISO 8601 text. NaN and Infinity stay floats.

    Example:
        >>> import pandas as pd
        >>> list(iter_cells(pd.DataFrame({"a": [1, 2]})))
        [('[0].a', 1), ('[1].a', 2)]
    """
    yield from _iter_plain(to_python(prediction), path)


def _iter_plain(value: Any, path: str) -> Iterator[tuple[str, Cell]]:
    if isinstance(value, (dict, list)) and value:
        for item_path, item in _list_items(value, path):
            yield from _iter_plain(item, item_path)
    else:
        yield path, _to_cell(value)


def _list_items(value: dict[Any, Any] | list[Any], path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"{path}.{key}", item) for key, item in value.items()]
    return [(f"{path}[{index}]", item) for index, item in enumerate(value)]


def _to_cell(value: Any) -> Cell:
    if isinstance(value, (dict, list)):
        return str(value)
    # JSON would have null instead of NaN.
    return float(value) if isinstance(value, float) else to_json(value)


def unequal_paths(left: dict[str, Cell], right: dict[str, Cell]) -> Iterator[str]:
    """Yield the paths of the cells that differ, or exist on one side only."""
    for path in {**left, **right}:
        if path not in left or path not in right or not cells_equal(left[path], right[path]):
            yield path


def cells_equal(left: Cell, right: Cell) -> bool:
    """Return whether two cells are equal; floats must be equal bit by bit.

    JSON has one type of numbers, so that 1 and 1.0 are equal.

    Example:
        >>> cells_equal(1, 1.0), cells_equal(True, 1), cells_equal(0.1 + 0.2, 0.3)
        (True, False, False)
        >>> cells_equal(float("nan"), float("nan"))
        True
    """
    if isinstance(left, float) and isinstance(right, float):
        same_bits = struct.pack("d", left) == struct.pack("d", right)
        return same_bits or (math.isnan(left) and math.isnan(right))
    if _is_number(left) and _is_number(right):
        return left == right
    return type(left) is type(right) and left == right


def is_null_of_nonfinite(value: Cell, other: Cell) -> bool:
    """Return whether `other` is the null that JSON has instead of the NaN or Infinity `value`."""
    return isinstance(value, float) and not math.isfinite(value) and other is None


def _is_number(value: Cell) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
