"""Which types take all that others take, under each policy of the enforcer: the ground that `diff` stands on.

`A` is covered by `B` where everything that the enforcer accepts under `A` it accepts under `B`. The tables are not guessed: a
test asks the enforcer about every pair, with each dtype, value and container that it knows, and compares.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from mlflow.types.schema import AnyType, Array, DataType, Map, Object, Schema, TensorSpec

__all__ = [
    "SCALARS",
    "Where",
    "covered",
    "dtype_covered",
    "is_ragged",
    "layout",
    "rereads_dicts",
    "reshapes_cells",
    "shape_covered",
    "takes_anything",
]

Where = Literal["column", "value", "item", "param"]
"""Where a scalar stands: a column of its own; a property, or the value of a map; an item of an array; a param."""

_LOSSLESS = {"integer": {"long", "double"}, "float": {"double"}}
_NONE: dict[str, set[str]] = {}

SCALARS: dict[str, dict[str, dict[str, set[str]]]] = {
    "lossless": {
        "column": _LOSSLESS,
        "value": _LOSSLESS,
        "item": _LOSSLESS,
        "param": {
            "integer": {"long", "float", "double"},
            "float": {"double"},
        },  # a float param has the digits of a double
    },
    "strict": {
        "column": _NONE,
        "value": {"integer": {"long"}},
        "item": _NONE,
        "param": {"integer": {"long"}, "float": {"double"}},
    },
    "mlflow": {
        "column": _LOSSLESS,
        "value": {**_LOSSLESS, "string": {"binary"}, "binary": {"string"}},
        "item": {**_LOSSLESS, "string": {"binary"}},
        "param": {
            "integer": {"long", "float", "double"},
            "long": {"float", "double"},
            "float": {"double"},
        },
    },
}
"""By policy and place: the scalar types that cover each scalar type, besides itself and `any`. A long is no double: 2**60 + 1."""


def covered(
    old: Any, new: Any, policy: str, where: Where = "column", *, nullable: bool = False
) -> bool:
    """Whether one type of column takes all that another takes.

    Args:
        old: MLflow's type, whose data is asked about.
        new: The type that is to take it.
        policy: `mlflow`, `lossless` or `strict`.
        where: Where the two stand.
        nullable: Whether a null may stand there, under both.

    Example:
        >>> covered(DataType.integer, DataType.double, "lossless"), covered(DataType.long, DataType.double, "lossless")
        (True, False)
    """
    if old == new or isinstance(new, AnyType):
        return True
    if isinstance(old, DataType) and isinstance(new, DataType):
        return new.name in SCALARS[policy][where].get(old.name, ())
    if isinstance(old, Array) and isinstance(new, Array):
        return covered(old.dtype, new.dtype, policy, "item", nullable=True)
    if isinstance(old, Map) and isinstance(new, Map):
        return covered(old.value_type, new.value_type, policy, "value", nullable=nullable)
    if isinstance(old, Object) and isinstance(new, Map):
        return all(
            (prop.required or nullable or isinstance(new.value_type, AnyType))
            and covered(prop.dtype, new.value_type, policy, "value", nullable=not prop.required)
            for prop in old.properties
        )
    return isinstance(old, Object) and isinstance(new, Object) and _object_covered(old, new, policy)


def _object_covered(old: Object, new: Object, policy: str) -> bool:
    """Whether no property is refused as unknown, none is missing, and each is covered."""
    before, after = ({prop.name: prop for prop in dtype.properties} for dtype in (old, new))
    return before.keys() <= after.keys() and all(
        (not prop.required if name not in before else before[name].required or not prop.required)
        and (
            name not in before
            or covered(
                before[name].dtype, prop.dtype, policy, "value", nullable=not before[name].required
            )
        )
        for name, prop in after.items()
    )


def dtype_covered(old: np.dtype[Any], new: np.dtype[Any], policy: str) -> bool:
    """Whether tensors of one dtype take all that tensors of another take, in the same shape.

    Example:
        >>> [dtype_covered(np.dtype(old), np.dtype("float32"), "lossless") for old in ("uint8", "int32")]
        [True, False]
    """
    if old == new:
        return True
    if policy != "lossless":
        return False
    if old.kind in "iu" and new.kind in "iu":
        return bool(
            np.iinfo(new).min <= np.iinfo(old).min and np.iinfo(old).max <= np.iinfo(new).max
        )
    if old.kind in "iu" and new.kind == "f":
        limit = 2 ** (np.finfo(new).nmant + 1)
        return bool(-limit <= np.iinfo(old).min and np.iinfo(old).max <= limit)
    return old.kind == new.kind and old.kind in "fc" and old.itemsize <= new.itemsize


def shape_covered(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether every shape that conforms to one conforms to another; -1 is a free axis.

    Example:
        >>> shape_covered((-1, 64), (-1, -1)), shape_covered((-1, -1), (-1, 64))
        (True, False)
    """
    return len(old) == len(new) and all(
        after in (-1, before) for before, after in zip(old, new, strict=True)
    )


def takes_anything(spec: TensorSpec) -> bool:
    """Whether a tensor is what MLflow infers from arrays of arrays: it takes every array."""
    return bool(spec.type.kind == "O" and tuple(spec.shape) == (-1,))


def is_ragged(spec: TensorSpec) -> bool:
    """Whether rows of different lengths are taken; as lists, `takes_anything` does not take them."""
    return -1 in tuple(spec.shape)[1:]


def reshapes_cells(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether cells of a frame are brought into one shape, and not into another that has all of its shapes.

    The flat cells of a frame get the shape that stands in the signature, where their number of values is the product of its
    axes; one column of scalars becomes `(n_rows, 1)`.
    """
    if old == new or not shape_covered(old, new):
        return False
    if old == (-1, 1):
        return True
    free = old[1:].count(-1)
    if free > 1 or (free == 0 and old[:1] not in ((-1,), (1,))):
        return False
    return abs(math.prod(old)) != abs(math.prod(new)) or new[1:].count(-1) > 1


def rereads_dicts(old: Schema, new: Schema, policy: str) -> bool:
    """Whether one dict of lists is a dict of columns under one schema and one row under another, which then refuses it.

    The enforcer reads `{"a": [1, 2]}` as MLflow does: as one row where any column is an array, an object or a map; as columns
    where all are scalars; with `any` among them it depends on the lists. Unnamed schemas read rows or cells.
    """
    before, after = layout(old, policy), layout(new, policy)
    if before == after:
        return False
    if "cells" in (before, after) or "rows" in (before, after):
        return (
            after == "cells"
            and len(old.inputs) > len(new.inputs)
            and not isinstance(new.inputs[0].type, AnyType)
        )
    types = {spec.name: spec.type for spec in new.inputs}
    if _LAYOUTS.index(before) < _LAYOUTS.index(
        after
    ):  # columns become a row, and the scalars of it are lists
        kinds = (
            (DataType, Map) if policy == "mlflow" else DataType
        )  # a list of dicts is a column of maps for MLflow alone
        lists = [spec for spec in old.inputs if isinstance(types.get(spec.name), kinds)]
        return (
            bool(lists)
            if after == "nested"
            else any(_only(kinds, old, lists) for kinds in (_TEXTS, _NUMBERS))
        )
    lists = [spec for spec in old.inputs if isinstance(spec.type, (Array, AnyType))]
    rows = [
        spec for spec in old.inputs if spec.required and not isinstance(spec.type, (Array, AnyType))
    ]
    if before == "any":
        return len(lists) > 1 and not rows
    if (
        policy == "mlflow"
    ):  # which reads a dict of dicts as columns, unless one of them is an array or an object
        dicts = [spec for spec in old.inputs if isinstance(spec.type, (Object, Map))]
        return len(lists) + len(dicts) > 1 or any(
            isinstance(types.get(spec.name), Map) for spec in dicts
        )
    if any(isinstance(spec.type, (Object, Map)) for spec in rows):
        return False  # a dict in it makes it a row under any schema
    fewest = (
        1
        if policy == "strict" and any(types.get(spec.name) in _INFERRED for spec in old.inputs)
        else 2
    )
    return len(lists) >= fewest


def _only(kinds: tuple[DataType, ...], old: Schema, lists: list[Any]) -> bool:
    """Whether a dict may hold lists of these types alone, one of which is among `lists`."""
    return any(spec.type in kinds for spec in lists) and all(
        spec.type in kinds for spec in old.inputs if spec.required
    )


_TEXTS = (DataType.string, DataType.datetime)
_NUMBERS = (DataType.integer, DataType.long, DataType.float, DataType.double)
"""Lists of text are a row where there is a column of `any`, and so are empty lists, which only numbers take as a column."""

_INFERRED = (DataType.integer, DataType.long, DataType.datetime)
"""A value of these beside a list becomes a column of a dtype that pandas chooses, which `strict` may refuse."""

_LAYOUTS = ("flat", "any", "nested")


def layout(schema: Schema, policy: str) -> str:
    """How dicts of lists (`flat`, `any`, `nested`) or lists (`rows`, `cells`) are read under a schema of columns."""
    kinds = (
        (Array, Object) if policy == "mlflow" and schema.has_input_names() else (Array, Object, Map)
    )
    there = {type(spec.type) for spec in schema.inputs}  # few, where there are thousands of columns
    nested = any(issubclass(one, kinds) for one in there)
    anything = any(issubclass(one, AnyType) for one in there)
    if schema.inputs[0].name is None:
        return "cells" if len(schema.inputs) == 1 and (nested or anything) else "rows"
    return (
        "nested" if nested else "any" if anything or policy == "mlflow" else "flat"
    )  # lists of text are a row for MLflow
