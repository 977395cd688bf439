"""Layouts: how the enforcer reads dicts of lists, and lists of lists, under a schema of columns.

Like MLflow, it reads `{"a": [1, 2]}` as one row if any column is an array, an object or a map, and
as columns if all are scalar; with `any` among them it depends on the lists. Under an unnamed
schema, lists are rows or cells.
"""

from __future__ import annotations

from typing import Literal

from mlflow.types.schema import AnyType, Array, DataType, Map, Object, Schema

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

_TEXT_TYPES = frozenset({DataType.string, DataType.datetime})
_NUMBER_TYPES = frozenset({DataType.integer, DataType.long, DataType.float, DataType.double})
_AMBIGUOUS_TYPES = (_TEXT_TYPES, _NUMBER_TYPES)
"""Lists of text are one row next to a column of `any`, and so are empty lists of numbers."""

_INFERRED_TYPES = (DataType.integer, DataType.long, DataType.datetime)
"""pandas chooses the dtype of a scalar next to a list; `strict` may reject it for these types."""


def find_layout(schema: Schema, policy: str) -> Layout:
    """Return how dicts of lists or lists of lists are read under a schema of columns."""
    if not schema.has_input_names():
        is_scalar = isinstance(schema.inputs[0].type, DataType)
        return "rows" if is_scalar or len(schema.inputs) > 1 else "cells"
    if policy == "mlflow":
        # MLflow always reads lists of text as one row.
        return "nested" if _has_type(schema, Array, Object) else "any"
    if _has_type(schema, Array, Object, Map):
        return "nested"
    return "any" if _has_type(schema, AnyType) else "flat"


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
    if before == "any":
        return _rejects_row_of_any(old)
    return _rejects_nested_row(old, new, policy)


def _rejects_columns_as_row(old: Schema, new: Schema, after: Layout, policy: str) -> bool:
    """Return whether lists that were columns may become the scalars of one row."""
    # For MLflow, a list of dicts is a column of maps.
    scalar_types = (DataType, Map) if policy == "mlflow" else (DataType,)
    scalars = _select_names(new, *scalar_types)
    types = [spec.type for spec in old.inputs if spec.name in scalars]
    if after == "nested":
        return bool(types)
    required = {spec.type for spec in old.inputs if spec.required}
    return any(
        required <= ambiguous and not ambiguous.isdisjoint(types) for ambiguous in _AMBIGUOUS_TYPES
    )


def _rejects_row_of_any(old: Schema) -> bool:
    """Return whether a row, without its optional scalars, may become columns of unequal lengths."""
    lists = _select_names(old, Array, AnyType)
    return len(lists) > 1 and _required_names(old) <= lists


def _rejects_nested_row(old: Schema, new: Schema, policy: str) -> bool:
    """Return whether the lists of one row may become columns of different lengths."""
    lists = _select_names(old, Array, AnyType)
    dicts = _select_names(old, Object, Map)
    if policy == "mlflow":
        # MLflow reads a dict of dicts as columns, unless one of them is an array or an object.
        return len(lists | dicts) > 1 or not dicts.isdisjoint(_select_names(new, Map))
    if dicts & _required_names(old):
        # With a dict among its values, a dict is one row under every schema.
        return False
    return len(lists) > 1 or (policy == "strict" and bool(lists) and _has_inferred_type(old, new))


def _select_names(schema: Schema, *types: type) -> set[str | None]:
    return {spec.name for spec in schema.inputs if isinstance(spec.type, types)}


def _required_names(schema: Schema) -> set[str | None]:
    return {spec.name for spec in schema.inputs if spec.required}


def _has_inferred_type(old: Schema, new: Schema) -> bool:
    names = set(old.input_names())
    return any(spec.name in names and spec.type in _INFERRED_TYPES for spec in new.inputs)
