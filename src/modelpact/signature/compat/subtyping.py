"""Subtype relations between the types of a signature, under each policy of the enforcer.

`A` is a subtype of `B` if the enforcer accepts under `B` everything that it accepts under `A`. A
test compares the tables with the enforcer for every pair of types, with data of every dtype.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from mlflow.types.schema import AnyType, Array, DataType, Map, Object, Property, TensorSpec

from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import properties_by_name

__all__ = [
    "SCALAR_SUPERTYPES",
    "TypeContext",
    "has_ragged_rows",
    "is_dtype_subtype",
    "is_shape_subtype",
    "is_subtype",
    "loses_reshaping",
]

TypeContext = Literal["column", "value", "item", "param"]
"""The context of a scalar type: a column, a property or map value, an array item, or a param."""

Shape = tuple[int, ...]

_WIDENING = {"integer": {"long", "double"}, "float": {"double"}}
# A float param is a Python float, which has the digits of a double.
_PARAM_WIDENING = {"integer": {"long", "float", "double"}, "float": {"double"}}
_NONE: dict[str, set[str]] = {}

SCALAR_SUPERTYPES: dict[str, dict[TypeContext, dict[str, set[str]]]] = {
    "lossless": {
        "column": _WIDENING,
        "value": _WIDENING,
        "item": _WIDENING,
        "param": _PARAM_WIDENING,
    },
    "strict": {
        "column": _NONE,
        "value": {"integer": {"long"}},
        "item": _NONE,
        "param": {"integer": {"long"}, "float": {"double"}},
    },
    "mlflow": {
        "column": _WIDENING,
        "value": {**_WIDENING, "string": {"binary"}, "binary": {"string"}},
        "item": {**_WIDENING, "string": {"binary"}},
        "param": {**_PARAM_WIDENING, "long": {"float", "double"}},
    },
}
"""The supertypes of each scalar type by policy and context, besides itself and `any`.

`double` is not a supertype of `long`, because it does not hold 2**60 + 1.
"""


def is_subtype(
    old: ColumnType,
    new: ColumnType,
    policy: str,
    context: TypeContext = "column",
    *,
    nullable: bool = False,
) -> bool:
    """Return whether every value of one type is accepted under another.

    Args:
        old: MLflow's type of the values.
        new: MLflow's type that may accept them.
        policy: `mlflow`, `lossless` or `strict`.
        context: The context of both types.
        nullable: Whether nulls are accepted under both.

    Example:
        >>> is_subtype(DataType.integer, DataType.double, "lossless")
        True
        >>> is_subtype(DataType.long, DataType.double, "lossless")
        False
    """
    if old == new or isinstance(new, AnyType):
        return True
    match old, new:
        case DataType(), DataType():
            return new.name in SCALAR_SUPERTYPES[policy][context].get(old.name, ())
        case Array(), Array():
            return is_subtype(old.dtype, new.dtype, policy, "item", nullable=True)
        case Map(), Map():
            return is_subtype(old.value_type, new.value_type, policy, "value", nullable=nullable)
        case Object(), Map():
            return _fits_map(old, new.value_type, policy, nullable)
        case Object(), Object():
            return _is_object_subtype(old, new, policy)
    return False


def _fits_map(old: Object, item: ColumnType, policy: str, nullable: bool) -> bool:
    """Return whether every property of an object is accepted as the value of a map."""
    return all(
        (prop.required or nullable or isinstance(item, AnyType))
        and is_subtype(prop.dtype, item, policy, "value", nullable=not prop.required)
        for prop in old.properties
    )


def _is_object_subtype(old: Object, new: Object, policy: str) -> bool:
    """Return whether no property is unknown or missing, and each has a subtype."""
    before, after = properties_by_name(old), properties_by_name(new)
    return before.keys() <= after.keys() and all(
        _is_property_subtype(before.get(name), prop, policy) for name, prop in after.items()
    )


def _is_property_subtype(old: Property | None, new: Property, policy: str) -> bool:
    if old is None:
        return not new.required
    if new.required and not old.required:
        return False
    return is_subtype(old.dtype, new.dtype, policy, "value", nullable=not old.required)


def is_dtype_subtype(old: np.dtype[Any], new: np.dtype[Any], policy: str) -> bool:
    """Return whether every tensor of one dtype is accepted under another, in the same shape.

    Example:
        >>> uint8, int32, float32 = np.dtype("uint8"), np.dtype("int32"), np.dtype("float32")
        >>> is_dtype_subtype(uint8, float32, "lossless")
        True
        >>> is_dtype_subtype(int32, float32, "lossless")
        False
    """
    if old == new:
        return True
    if policy != "lossless":
        return False
    match old.kind, new.kind:
        case "i" | "u", "i" | "u":
            bounds = np.iinfo(new)
            return _fits_bounds(old, int(bounds.min), int(bounds.max))
        case "i" | "u", "f":
            limit = 2 ** (np.finfo(new).nmant + 1)
            return _fits_bounds(old, -limit, limit)
    return old.kind == new.kind and old.kind in "fc" and old.itemsize <= new.itemsize


def _fits_bounds(dtype: np.dtype[Any], low: int, high: int) -> bool:
    return bool(low <= np.iinfo(dtype).min and np.iinfo(dtype).max <= high)


def is_shape_subtype(old: Shape, new: Shape) -> bool:
    """Return whether every array of one shape conforms to another; -1 is a free axis.

    Example:
        >>> is_shape_subtype((-1, 64), (-1, -1)), is_shape_subtype((-1, -1), (-1, 64))
        (True, False)
    """
    return len(old) == len(new) and all(
        after in (-1, before) for before, after in zip(old, new, strict=True)
    )


def has_ragged_rows(spec: TensorSpec) -> bool:
    """Return whether a tensor accepts rows of different lengths."""
    return -1 in tuple(spec.shape)[1:]


def loses_reshaping(old: Shape, new: Shape) -> bool:
    """Return whether flat cells of a frame are reshaped to one shape, but not to a wider one.

    Flat cells are reshaped if their length is the product of the axes; a column of scalars becomes
    `(n_rows, 1)`.
    """
    if old == new or not is_shape_subtype(old, new):
        return False
    if old == (-1, 1):
        return True
    n_free = old[1:].count(-1)
    if n_free > 1 or (n_free == 0 and old[:1] not in ((-1,), (1,))):
        return False
    return abs(math.prod(old)) != abs(math.prod(new)) or new[1:].count(-1) > 1
