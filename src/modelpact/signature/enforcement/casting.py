"""Casts of NumPy arrays, with a mask of the values that a cast would change."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Array", "are_castable", "cast_with_losses"]

Array = np.ndarray[Any, Any]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

_NUMBER_KINDS = frozenset("iuf")


def are_castable(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Return whether two dtypes are of the same kind, or both numeric.

    Example:
        >>> int64, float32, boolean = np.dtype("int64"), np.dtype("float32"), np.dtype("bool")
        >>> are_castable(int64, float32), are_castable(boolean, int64)
        (True, False)
    """
    return source.kind == target.kind or (
        source.kind in _NUMBER_KINDS and target.kind in _NUMBER_KINDS
    )


def cast_with_losses(values: Array, target: np.dtype[Any]) -> tuple[Array, Mask | None]:
    """Cast an array to a castable dtype and report which values changed.

    Args:
        values: An array of any shape. NaN and NaT are values like any other.
        target: The dtype of the result.

    Returns:
        The array in the target dtype (the same object if it has that dtype already), and a mask of
        the values that the cast changed, or None if it changed none.

    Example:
        >>> cast_with_losses(np.array([1, 2**53 + 1]), np.dtype("float64"))[1]
        array([False,  True])
    """
    source = values.dtype
    if source == target:
        return values, None
    match source.kind, target.kind:
        case "i" | "u", "i" | "u":
            bounds = np.iinfo(target)
            return _cast_integers(values, target, int(bounds.min), int(bounds.max))
        case "i" | "u", "f":
            limit = 2 ** (np.finfo(target).nmant + 1)
            return _cast_integers(values, target, -limit, limit)
        case "f", "i" | "u":
            return _cast_floats_to_integers(values, target)
    if np.can_cast(source, target, "safe") and source.kind in "fcUSO":
        return values.astype(target), None
    return _cast_and_compare(values, target)


def _cast_integers(
    values: Array, target: np.dtype[Any], low: int, high: int
) -> tuple[Array, Mask | None]:
    info = np.iinfo(values.dtype)
    if (info.min >= low and info.max <= high) or not values.size:
        return values.astype(target), None
    # Two reductions are cheaper than a mask, which only data out of range needs.
    if int(values.min()) >= low and int(values.max()) <= high:
        return values.astype(target), None
    lost = (values < low) | (values > high)
    return np.where(lost, 0, values).astype(target), lost


def _cast_floats_to_integers(values: Array, target: np.dtype[Any]) -> tuple[Array, Mask | None]:
    info = np.iinfo(target)
    low = float(info.min)
    # float(info.max) itself is rounded up for 64 bits.
    high = float(info.max // 2 + 1) * 2
    with np.errstate(invalid="ignore"):
        exact = (values >= low) & (values < high) & (np.floor(values) == values)
    if exact.all():
        return values.astype(target), None
    return np.where(exact, values, 0).astype(target), ~exact


def _cast_and_compare(values: Array, target: np.dtype[Any]) -> tuple[Array, Mask | None]:
    with np.errstate(over="ignore", invalid="ignore"):
        converted = values.astype(target)
        same = converted.astype(values.dtype) == values
        if values.dtype.kind in "fc":
            same |= np.isnan(values)
        elif values.dtype.kind in "mM":
            same |= np.isnat(values)
    return converted, None if same.all() else ~same
