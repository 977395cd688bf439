"""Layouts: how the enforcer reads dicts of lists, and lists of lists, under a schema of columns.

Like MLflow, it reads `{"a": [1, 2]}` as one row if any column is an array, an object or a map, and
as columns if all are scalar; with `any` among them it depends on the lists. Under an unnamed
schema, lists are rows or cells.
"""

from __future__ import annotations

from typing import Literal

from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Map, Object, Schema

__all__ = ["LAYOUTS", "Layout", "find_layout", "loses_layout"]

Layout = Literal["flat", "any", "nested", "rows", "cells"]

LAYOUTS: dict[Layout, str] = {
    "flat": "dicts of lists as columns",
    "any": "dicts of lists as columns, those of text as one row",
    "nested": "dicts of lists as one row",
    "rows": "lists of lists as rows",
    "cells": "lists of lists as cells",
}
"""Each layout with its meaning; those of named columns in the order of rising nesting."""

_TEXT_TYPES = (DataType.string, DataType.datetime)
_NUMBER_TYPES = (DataType.integer, DataType.long, DataType.float, DataType.double)
_AMBIGUOUS_TYPES = (_TEXT_TYPES, _NUMBER_TYPES)
"""Lists of text are one row next to a column of `any`, and so are empty lists of numbers."""

_INFERRED_TYPES = (DataType.integer, DataType.long, DataType.datetime)
"""pandas chooses the dtype of a scalar next to a list; `strict` may reject it for these types."""


def find_layout(schema: Schema, policy: str) -> Layout:
    """Return how dicts of lists or lists of lists are read under a schema of columns."""
    named = schema.has_input_names()
    is_nested = _has_type(schema, *_nested_types(policy, named))
    has_any = _has_type(schema, AnyType)
    if not named:
        return "cells" if len(schema.inputs) == 1 and (is_nested or has_any) else "rows"
    if is_nested:
        return "nested"
    # MLflow always reads lists of text as one row.
    return "any" if has_any or policy == "mlflow" else "flat"


def _nested_types(policy: str, named: bool) -> tuple[type, ...]:
    return (Array, Object) if policy == "mlflow" and named else (Array, Object, Map)


def _has_type(schema: Schema, *types: type) -> bool:
    # A schema of thousands of columns has few types.
    return any(issubclass(kind, types) for kind in {type(spec.type) for spec in schema.inputs})


def loses_layout(old: Schema, new: Schema, policy: str) -> bool:
    """Return whether a payload of one schema is read differently and rejected under another.

    Args:
        old: A schema of columns.
        new: A schema of columns, named if `old` is.
        policy: `mlflow`, `lossless` or `strict`.
    """
    before, after = find_layout(old, policy), find_layout(new, policy)
    if before == after:
        return False
    if not old.has_input_names():
        accepts_any = isinstance(new.inputs[0].type, AnyType)
        return after == "cells" and len(old.inputs) > len(new.inputs) and not accepts_any
    order = list(LAYOUTS)
    if order.index(before) < order.index(after):
        return _rejects_columns_as_row(old, new, after, policy)
    return _rejects_row_as_columns(old, new, before, policy)


def _rejects_columns_as_row(old: Schema, new: Schema, after: Layout, policy: str) -> bool:
    """Return whether lists that were columns may become the scalars of one row."""
    # For MLflow, a list of dicts is a column of maps.
    scalar_types = (DataType, Map) if policy == "mlflow" else (DataType,)
    scalars = _select_by_type(old, scalar_types, types_in=new)
    if after == "nested":
        return bool(scalars)
    required = [spec.type for spec in old.inputs if spec.required]
    return any(
        any(spec.type in ambiguous for spec in scalars)
        and all(dtype in ambiguous for dtype in required)
        for ambiguous in _AMBIGUOUS_TYPES
    )


def _rejects_row_as_columns(old: Schema, new: Schema, before: Layout, policy: str) -> bool:
    """Return whether the lists of one row may become columns of different lengths."""
    lists = _select_by_type(old, (Array, AnyType))
    dicts = _select_by_type(old, (Object, Map))
    if before == "any":
        n_required = sum(spec.required for spec in lists)
        return len(lists) > 1 and n_required == len(old.required_input_names())
    if policy == "mlflow":
        return len(lists) + len(dicts) > 1 or _become_maps(dicts, new)
    if any(spec.required for spec in dicts):
        # With a dict among its values, a dict is one row under every schema.
        return False
    return len(lists) > 1 or (policy == "strict" and bool(lists) and _has_inferred_type(old, new))


def _become_maps(dicts: list[ColSpec], new: Schema) -> bool:
    # MLflow reads a dict of dicts as columns, unless one of them is an array or an object.
    maps = {spec.name for spec in new.inputs if isinstance(spec.type, Map)}
    return any(spec.name in maps for spec in dicts)


def _select_by_type(
    schema: Schema, types: tuple[type, ...], types_in: Schema | None = None
) -> list[ColSpec]:
    """Return the columns with one of the types in the schema, or in another schema."""
    dtypes = {spec.name: spec.type for spec in (types_in or schema).inputs}
    return [spec for spec in schema if isinstance(dtypes.get(spec.name), types)]


def _has_inferred_type(old: Schema, new: Schema) -> bool:
    names = set(old.input_names())
    return any(spec.name in names and spec.type in _INFERRED_TYPES for spec in new.inputs)
