"""Checks of nested Python values: lists, dicts and scalars under arrays, objects, maps and scalars.

A type compiles to a tree of nodes. `accepts_all` checks a whole level at once (all values of a
property in all rows) with a few C loops per level. `convert` checks value by value; it runs only
if `accepts_all` returned False, converts what it can without loss, and records the violations.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, ClassVar

import numpy as np
from mlflow.types.schema import AnyType, DataType, Map, Object
from mlflow.types.schema import Array as ArrayType

from modelpact._internal.text import did_you_mean
from modelpact.signature.enforcement.casting import Array, are_castable, cast_with_losses
from modelpact.signature.enforcement.scalars import ConversionError, is_null, scalar_rule
from modelpact.signature.enforcement.violations import ViolationCode, Violations, misspelled
from modelpact.signature.field_path import FieldPath
from modelpact.signature.language.type_names import ColumnType

__all__ = ["AnyNode", "ArrayNode", "MapNode", "Node", "ObjectNode", "ScalarNode", "compile_type"]

_NONE = type(None)

Row = int | None
"""The position of a row; None outside of rows."""


class Node:
    """One type of a signature.

    Args:
        expected: The type as messages call it.
        nullable: Whether a null is accepted.
        strict: Whether values that need a conversion are rejected.
    """

    def __init__(self, expected: str, *, nullable: bool, strict: bool) -> None:
        self.expected = expected
        self.nullable = nullable
        self.strict = strict

    def accepts_all(self, values: list[Any]) -> bool:
        """Return whether every value conforms without a conversion."""
        raise NotImplementedError

    def convert(self, value: object, path: FieldPath, row: Row, violations: Violations) -> object:
        """Convert a value without loss; record a violation and return the value otherwise."""
        raise NotImplementedError

    def convert_all(
        self, values: Sequence[object], path: FieldPath, violations: Violations
    ) -> list[object]:
        """Convert the values of a column, one per row."""
        convert = self.convert
        return [convert(value, path, row, violations) for row, value in enumerate(values)]

    def _convert_null(
        self, value: object, path: FieldPath, row: Row, violations: Violations
    ) -> object:
        if not self.nullable:
            violations.add(ViolationCode.NULL, path, row, self.expected, value)
        return None


class ScalarNode(Node):
    """A scalar type."""

    def __init__(self, dtype: DataType, *, nullable: bool, strict: bool) -> None:
        super().__init__(dtype.name, nullable=nullable, strict=strict)
        self.rule = scalar_rule(dtype)
        native = self.rule.native_types
        self._native_types = native | {_NONE} if nullable else native

    def accepts_all(self, values: list[Any]) -> bool:
        if not self._native_types.issuperset(map(type, values)):
            return False
        if self.expected == "datetime":
            # The type of a value does not show whether it has a time zone.
            return not any(getattr(value, "tzinfo", None) for value in values)
        return self.rule.bounds is None or not values or _are_within(values, *self.rule.bounds)

    def convert(self, value: object, path: FieldPath, row: Row, violations: Violations) -> object:
        if is_null(value) and not (self.rule.has_nan and isinstance(value, (float, np.floating))):
            return self._convert_null(value, path, row, violations)
        try:
            converted = self.rule.convert(value)
        except ConversionError as error:
            violations.add(error.code, path, row, self.expected, value)
            return value
        if self.strict and type(value) not in self._native_types:
            violations.add(ViolationCode.NEEDS_CONVERSION, path, row, self.expected, value)
        return converted

    def convert_all(
        self, values: Sequence[object], path: FieldPath, violations: Violations
    ) -> list[object]:
        if set(map(type, values)) == {str} and self.expected not in ("string", "datetime"):
            # Counted without a conversion of each, because there may be a million.
            rows = range(len(values))
            violations.add_rows(ViolationCode.WRONG_TYPE, path, rows, self.expected, values)
            return list(values)
        return super().convert_all(values, path, violations)


def _are_within(values: list[Any], low: int, high: int) -> bool:
    try:
        return bool(min(values) >= low and max(values) <= high)
    except TypeError:
        # There is a null among the integers.
        return all(value is None or low <= value <= high for value in values)


class AnyNode(Node):
    """The type that accepts every value."""

    def __init__(self) -> None:
        super().__init__("any", nullable=True, strict=False)

    def accepts_all(self, values: list[Any]) -> bool:
        return True

    def convert(self, value: object, path: FieldPath, row: Row, violations: Violations) -> object:
        return value


class ContainerNode(Node):
    """A type whose values hold other values."""

    containers: ClassVar[tuple[type, ...]] = (dict,)
    """The Python types of the values."""

    def accepts_all(self, values: list[Any]) -> bool:
        if not set(map(type, values)) <= ({dict, _NONE} if self.nullable else {dict}):
            return False
        if self.nullable:
            # An empty dict stands for null.
            values = [value for value in values if value]
        return self._accepts_dicts(values)

    def _accepts_dicts(self, values: list[dict[Any, Any]]) -> bool:
        """Return whether every dict conforms without a conversion."""
        raise NotImplementedError

    def convert(self, value: object, path: FieldPath, row: Row, violations: Violations) -> object:
        if isinstance(value, self.containers):
            return self._convert_items(value, path, row, violations)
        if is_null(value):
            return self._convert_null(value, path, row, violations)
        violations.add(ViolationCode.WRONG_TYPE, path, row, self.expected, value)
        return value

    def _convert_items(
        self, value: Any, path: FieldPath, row: Row, violations: Violations
    ) -> object:
        raise NotImplementedError


class ArrayNode(ContainerNode):
    """A list of values of one type.

    Items may be null: MLflow's arrays cannot forbid it, and are inferred from lists with nulls.
    """

    containers = (list, tuple, np.ndarray)

    def __init__(self, dtype: ArrayType, *, nullable: bool, strict: bool) -> None:
        item = dtype.dtype
        super().__init__(
            f"a list of {_plural(item)}",
            nullable=nullable or isinstance(item, AnyType),
            strict=strict,
        )
        self.item = compile_type(item, nullable=True, strict=strict)
        self._depth = 1
        while isinstance(item, ArrayType):
            self._depth, item = self._depth + 1, item.dtype
        self._dtype = item.to_numpy() if isinstance(item, DataType) else None

    def accepts_all(self, values: list[Any]) -> bool:
        types = set(map(type, values))
        if self.nullable and _NONE in types:
            values = [value for value in values if value is not None]
            types.discard(_NONE)
        if types <= {list}:
            return self.item.accepts_all(list(chain.from_iterable(values)))
        return types == {np.ndarray} and self._are_native(values)

    def _are_native(self, arrays: list[Array]) -> bool:
        dtype, depth = self._dtype, self._depth
        return dtype is not None and all(
            array.dtype == dtype and array.ndim == depth for array in arrays
        )

    def _convert_items(
        self,
        value: list[Any] | tuple[Any, ...] | Array,
        path: FieldPath,
        row: Row,
        violations: Violations,
    ) -> object:
        if isinstance(value, np.ndarray):
            return self._convert_array(value, path, row, violations)
        if self.strict and type(value) is not list:
            violations.add(ViolationCode.NEEDS_CONVERSION, path, row, self.expected, value)
        items = value if isinstance(value, list) else list(value)
        if self.item.accepts_all(items):
            return items
        convert = self.item.convert
        return [convert(item, (*path, index), row, violations) for index, item in enumerate(items)]

    def _convert_array(
        self, value: Array, path: FieldPath, row: Row, violations: Violations
    ) -> object:
        dtype = self._dtype
        if dtype is not None and value.ndim == self._depth and are_castable(value.dtype, dtype):
            return self._cast(value, dtype, path, row, violations)
        if not value.ndim:
            violations.add(ViolationCode.WRONG_TYPE, path, row, self.expected, value)
            return value
        converted = self._convert_items(value.tolist(), path, row, violations)
        if value.dtype == object and value.ndim == self._depth == 1:
            return np.array(converted, dtype=object)
        return converted

    def _cast(
        self,
        value: Array,
        dtype: np.dtype[np.generic],
        path: FieldPath,
        row: Row,
        violations: Violations,
    ) -> Array:
        if value.dtype == dtype or dtype.kind in "USM":
            return value
        converted, lost = cast_with_losses(value, dtype)
        if lost is not None:
            violations.add(ViolationCode.LOSSY, path, row, self.expected, value)
        elif self.strict:
            violations.add(ViolationCode.NEEDS_CONVERSION, path, row, self.expected, value)
        return converted


class ObjectNode(ContainerNode):
    """A dict with a fixed set of properties, some of them optional."""

    def __init__(self, dtype: Object, *, nullable: bool, strict: bool) -> None:
        super().__init__("an object", nullable=nullable, strict=strict)
        self.properties = {
            prop.name: compile_type(prop.dtype, nullable=not prop.required, strict=strict)
            for prop in dtype.properties
        }
        self.required = [prop.name for prop in dtype.properties if prop.required]
        self.optional = [prop.name for prop in dtype.properties if not prop.required]
        self._names = frozenset(self.properties)

    def _accepts_dicts(self, values: list[dict[Any, Any]]) -> bool:
        return self._knows_keys(values) and self._accepts_properties(values)

    def _knows_keys(self, values: list[Any]) -> bool:
        if self.optional:
            return self._names.issuperset(chain.from_iterable(values))
        # Without optional properties, an unknown key means too many keys, or a missing one.
        return set(map(len, values)) <= {len(self._names)}

    def _accepts_properties(self, values: list[Any]) -> bool:
        try:
            accepts_required = all(
                self.properties[name].accepts_all(list(map(itemgetter(name), values)))
                for name in self.required
            )
        except KeyError:
            return False
        return accepts_required and all(
            self.properties[name].accepts_all([value[name] for value in values if name in value])
            for name in self.optional
        )

    def _convert_items(
        self, value: dict[Hashable, object], path: FieldPath, row: Row, violations: Violations
    ) -> object:
        if self.nullable and not value:
            return value
        for name in self.required:
            if name not in value:
                self._add_missing(name, value, path, row, violations)
        converted = {}
        for key, item in value.items():
            node = self.properties.get(key) if isinstance(key, str) else None
            if node is None:
                self._add_unknown(key, value, path, row, violations)
            else:
                converted[key] = node.convert(item, (*path, key), row, violations)
        return converted

    def _add_missing(
        self,
        name: str,
        value: dict[Hashable, object],
        path: FieldPath,
        row: Row,
        violations: Violations,
    ) -> None:
        names = () if violations.total >= violations.limit else value.keys() - self._names
        got = f"nothing{misspelled(name, names)}"
        expected = self.properties[name].expected
        violations.add_message(ViolationCode.MISSING_PROPERTY, (*path, name), expected, got, row)

    def _add_unknown(
        self,
        key: Hashable,
        value: dict[Hashable, object],
        path: FieldPath,
        row: Row,
        violations: Violations,
    ) -> None:
        names = () if violations.total >= violations.limit else self._names - value.keys()
        got = f"an unknown property{did_you_mean(key, names)}"
        expected = "a property of the signature"
        violations.add_message(ViolationCode.UNKNOWN_PROPERTY, (*path, key), expected, got, row)


class MapNode(ContainerNode):
    """A dict of any string keys, whose values have one type."""

    def __init__(self, dtype: Map, *, nullable: bool, strict: bool) -> None:
        accepts_any = isinstance(dtype.value_type, AnyType)
        super().__init__(
            f"a map of {_plural(dtype.value_type)}", nullable=nullable or accepts_any, strict=strict
        )
        self.item = compile_type(dtype.value_type, nullable=nullable, strict=strict)

    def _accepts_dicts(self, values: list[dict[Any, Any]]) -> bool:
        if not {str}.issuperset(map(type, chain.from_iterable(values))):
            return False
        return self.item.accepts_all(list(chain.from_iterable(map(dict.values, values))))

    def _convert_items(
        self, value: dict[Hashable, object], path: FieldPath, row: Row, violations: Violations
    ) -> object:
        for key in value:
            if not isinstance(key, str):
                violations.add(ViolationCode.WRONG_TYPE, path, row, "string keys", key)
        return {
            key: self.item.convert(item, (*path, str(key)), row, violations)
            for key, item in value.items()
        }


_NODES: tuple[tuple[type, Callable[..., Node]], ...] = (
    (DataType, ScalarNode),
    (ArrayType, ArrayNode),
    (Object, ObjectNode),
    (Map, MapNode),
)


def compile_type(dtype: ColumnType, *, nullable: bool, strict: bool = False) -> Node:
    """Compile one type.

    Args:
        dtype: MLflow's `DataType`, `Array`, `Object`, `Map` or `AnyType`.
        nullable: Whether a null is accepted.
        strict: Whether values that need a conversion are rejected.

    Example:
        >>> compile_type(ArrayType(DataType.double), nullable=False).accepts_all([[1.0, 2.0], []])
        True
    """
    for kind, build in _NODES:
        if isinstance(dtype, kind):
            return build(dtype, nullable=nullable, strict=strict)
    return AnyNode()


def _plural(dtype: ColumnType) -> str:
    if isinstance(dtype, DataType):
        return f"{dtype.name} values"
    names = {ArrayType: "lists", Object: "objects", Map: "maps", AnyType: "anything"}
    return next(name for kind, name in names.items() if isinstance(dtype, kind))
