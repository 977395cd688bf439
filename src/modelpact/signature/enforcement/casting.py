"""Casts of NumPy arrays that change no value, and the positions of the values that one would change."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Array", "cast", "castable"]

Array = np.ndarray[Any, Any]

_NUMBERS = frozenset("iuf")


def castable(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Whether values of one dtype can be values of another at all: numbers, or the same kind of thing.

    Example:
        >>> castable(np.dtype("int64"), np.dtype("float32")), castable(np.dtype("bool"), np.dtype("int64"))
        (True, False)
    """
    return source.kind == target.kind or (source.kind in _NUMBERS and target.kind in _NUMBERS)


def cast(values: Array, target: np.dtype[Any]) -> tuple[Array, Array | None]:
    """Cast an array between castable dtypes.

    Args:
        values: Any shape; NaN and NaT are values like any other.
        target: The dtype to reach.

    Returns:
        The array in the target dtype (the same object where it had it), and a mask of the values that were changed by the cast,
        or None where no value was.

    Example:
        >>> cast(np.array([1, 2**53 + 1]), np.dtype("float64"))[1]
        array([False,  True])
    """
    source = values.dtype
    if source == target:
        return values, None
    if source.kind in "iu" and target.kind in "iu":
        return _between(values, target, int(np.iinfo(target).min), int(np.iinfo(target).max))
    if source.kind in "iu" and target.kind == "f":
        limit = 2 ** (np.finfo(target).nmant + 1)
        return _between(values, target, -limit, limit)
    if source.kind == "f" and target.kind in "iu":
        return _whole(values, target)
    if np.can_cast(source, target, "safe") and source.kind in "fcUSO":
        return values.astype(target), None
    return _round_trip(values, target)


def _between(
    values: Array, target: np.dtype[Any], low: int, high: int
) -> tuple[Array, Array | None]:
    info = np.iinfo(values.dtype)
    if (info.min >= low and info.max <= high) or not values.size:
        return values.astype(target), None
    if int(values.min()) >= low and int(values.max()) <= high:  # no mask is made for data that fits
        return values.astype(target), None
    lost = (values < low) | (values > high)
    return np.where(lost, 0, values).astype(target), lost


def _whole(values: Array, target: np.dtype[Any]) -> tuple[Array, Array | None]:
    info = np.iinfo(target)
    low, high = (
        float(info.min),
        float(info.max // 2 + 1) * 2,
    )  # float(max) itself rounds up for 64 bits
    with np.errstate(invalid="ignore"):
        kept = (values >= low) & (values < high) & (np.floor(values) == values)
    if kept.all():
        return values.astype(target), None
    return np.where(kept, values, 0).astype(target), ~kept


def _round_trip(values: Array, target: np.dtype[Any]) -> tuple[Array, Array | None]:
    with np.errstate(over="ignore", invalid="ignore"):
        there = values.astype(target)
        back = there.astype(values.dtype)
        same = back == values
        if values.dtype.kind in "fc":
            same |= np.isnan(values)
        elif values.dtype.kind in "mM":
            same |= np.isnat(values)
    return there, None if same.all() else ~same
