"""Nested Python values (lists, dicts, scalars) under arrays, objects, maps and scalars.

Each type becomes a node with two ways through it. `fits` looks at a whole level at once (all values of one property of all
rows) and only says whether every value is already right: a handful of C loops a level, however many values. `convert` goes value
by value; it runs only where `fits` said no, makes what conversions lose nothing, and notes the rest as failures.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from mlflow.types.schema import AnyType, DataType, Map, Object
from mlflow.types.schema import Array as ArrayType

from modelpact.signature.enforcement import casting
from modelpact.signature.enforcement.scalars import Refused, is_null, rule
from modelpact.signature.enforcement.violations import Code, Failures, near_miss
from modelpact.signature.field_path import FieldPath

__all__ = ["Node", "node"]

_NONE = type(None)


class Node:
    """One type at one place of a signature.

    Args:
        expected: The type, as it stands in messages.
        nullable: Whether a null may stand here.
        strict: Whether values that need a conversion are refused.
    """

    def __init__(self, expected: str, *, nullable: bool, strict: bool) -> None:
        self.expected = expected
        self.nullable = nullable
        self.strict = strict

    def fits(self, values: list[Any]) -> bool:
        """Whether every value is right as it is."""
        raise NotImplementedError

    def convert(self, value: Any, place: FieldPath, row: int | None, failures: Failures) -> Any:
        """The value, converted where that loses nothing; what cannot be is noted and returned as it is."""
        raise NotImplementedError

    def _null(self, value: Any, place: FieldPath, row: int | None, failures: Failures) -> Any:
        if not self.nullable:
            failures.add(Code.NULL, place, row, self.expected, value)
        return None


class ScalarNode(Node):
    """A scalar type."""

    def __init__(self, dtype: DataType, *, nullable: bool, strict: bool) -> None:
        super().__init__(dtype.name, nullable=nullable, strict=strict)
        self.rule = rule(dtype)
        self.exact = self.rule.exact | {_NONE} if nullable else self.rule.exact

    def fits(self, values: list[Any]) -> bool:
        """Whether every value is right as it is."""
        if not self.exact.issuperset(map(type, values)):
            return False
        if self.expected == "datetime":  # whether it has a time zone is not told by its type
            return not any(getattr(value, "tzinfo", None) for value in values)
        if self.rule.bounds is None or not values:
            return True
        low, high = self.rule.bounds
        try:
            return bool(min(values) >= low and max(values) <= high)
        except TypeError:  # a null among the integers
            return all(value is None or low <= value <= high for value in values)

    def convert(self, value: Any, place: FieldPath, row: int | None, failures: Failures) -> Any:
        """The value, converted where that loses nothing."""
        if is_null(value) and not (self.rule.nan and isinstance(value, (float, np.floating))):
            return self._null(value, place, row, failures)
        try:
            converted = self.rule.convert(value)
        except Refused as refused:
            failures.add(refused.code, place, row, self.expected, value)
            return value
        if self.strict and type(value) not in self.exact:
            failures.add(Code.NEEDS_CONVERSION, place, row, self.expected, value)
        return converted


class AnyNode(Node):
    """The type that takes everything."""

    def __init__(self) -> None:
        super().__init__("any", nullable=True, strict=False)

    def fits(self, values: list[Any]) -> bool:
        """Always."""
        return True

    def convert(self, value: Any, place: FieldPath, row: int | None, failures: Failures) -> Any:
        """The value as it is."""
        return value


class ArrayNode(Node):
    """A list of values of one type. Its items may be null: the type cannot say otherwise, and is inferred from such lists."""

    def __init__(self, dtype: ArrayType, *, nullable: bool, strict: bool) -> None:
        item = dtype.dtype
        super().__init__(
            f"a list of {_plural(item)}",
            nullable=nullable or isinstance(item, AnyType),
            strict=strict,
        )
        self.item = node(item, nullable=True, strict=strict)
        depth, inner = 1, item
        while isinstance(inner, ArrayType):
            depth, inner = depth + 1, inner.dtype
        self.depth = depth
        self.numpy = inner.to_numpy() if isinstance(inner, DataType) else None

    def fits(self, values: list[Any]) -> bool:
        """Whether every value is right as it is."""
        kinds = set(map(type, values))
        if self.nullable and _NONE in kinds:
            values = [value for value in values if value is not None]
            kinds.discard(_NONE)
        if kinds <= {list}:
            return self.item.fits(list(chain.from_iterable(values)))
        if kinds != {np.ndarray} or self.numpy is None:
            return False
        return all(value.dtype == self.numpy and value.ndim == self.depth for value in values)

    def convert(self, value: Any, place: FieldPath, row: int | None, failures: Failures) -> Any:
        """The value, converted where that loses nothing."""
        if isinstance(value, np.ndarray):
            return self._convert_array(value, place, row, failures)
        if is_null(value):
            return self._null(value, place, row, failures)
        if not isinstance(value, (list, tuple)):
            failures.add(Code.WRONG_TYPE, place, row, self.expected, value)
            return value
        if self.strict and type(value) is not list:
            failures.add(Code.NEEDS_CONVERSION, place, row, self.expected, value)
        items = list(value)
        if self.item.fits(items):
            return value if isinstance(value, list) else items
        convert = self.item.convert
        return [convert(item, (*place, index), row, failures) for index, item in enumerate(items)]

    def _convert_array(
        self, value: np.ndarray[Any, Any], place: FieldPath, row: int | None, failures: Failures
    ) -> Any:
        if self.numpy is not None and value.ndim == self.depth:
            if value.dtype == self.numpy or value.dtype.kind == self.numpy.kind in "USM":
                return value
            if casting.castable(value.dtype, self.numpy) and value.dtype.kind in "iufb":
                converted, lost = casting.cast(value, self.numpy)
                if lost is not None or self.strict:
                    code = Code.LOSSY if lost is not None else Code.NEEDS_CONVERSION
                    failures.add(code, place, row, self.expected, value)
                return converted
        if not value.ndim:
            failures.add(Code.WRONG_TYPE, place, row, self.expected, value)
            return value
        converted = self.convert(value.tolist(), place, row, failures)
        return (
            np.array(converted, dtype=object)
            if value.dtype == object and value.ndim == 1 and self.depth == 1
            else converted
        )


class ObjectNode(Node):
    """A dict with known properties, some of them optional."""

    def __init__(self, dtype: Object, *, nullable: bool, strict: bool) -> None:
        super().__init__("an object", nullable=nullable, strict=strict)
        self.nodes = {
            prop.name: node(prop.dtype, nullable=not prop.required, strict=strict)
            for prop in dtype.properties
        }
        self.names = frozenset(self.nodes)
        self._dicts = {dict, _NONE} if nullable else {dict}
        self.required = [prop.name for prop in dtype.properties if prop.required]
        self.optional = [prop.name for prop in dtype.properties if not prop.required]

    def fits(self, values: list[Any]) -> bool:
        """Whether every value is right as it is."""
        if not self._dicts.issuperset(map(type, values)):
            return False
        if self.nullable:
            values = [
                value for value in values if value
            ]  # neither None nor the empty object, which stands for it
        if self.optional:
            if not self.names.issuperset(chain.from_iterable(values)):
                return False
        elif not set(map(len, values)) <= {len(self.names)}:
            return False
        try:
            if not all(
                self.nodes[name].fits(list(map(itemgetter(name), values))) for name in self.required
            ):
                return False
        except KeyError:
            return False
        return all(
            self.nodes[name].fits([value[name] for value in values if name in value])
            for name in self.optional
        )

    def convert(self, value: Any, place: FieldPath, row: int | None, failures: Failures) -> Any:
        """The value, converted where that loses nothing; a new dict where anything was."""
        if is_null(value) or (self.nullable and isinstance(value, dict) and not value):
            return self._null(value, place, row, failures) if value != {} else value
        if not isinstance(value, dict):
            failures.add(Code.WRONG_TYPE, place, row, self.expected, value)
            return value
        for name in self.required:
            if name not in value:
                hint = near_miss(name, value.keys() - self.names, "; there is {}")
                failures.say(
                    Code.MISSING_PROPERTY,
                    (*place, name),
                    row,
                    self.nodes[name].expected,
                    f"nothing{hint}",
                )
        converted = {}
        for key, item in value.items():
            inner = self.nodes.get(key) if isinstance(key, str) else None
            if inner is None:
                hint = near_miss(key, self.names - value.keys())
                failures.say(
                    Code.UNKNOWN_PROPERTY, (*place, key), row, "no such property", f"one{hint}"
                )
            else:
                converted[key] = inner.convert(item, (*place, key), row, failures)
        return converted


class MapNode(Node):
    """A dict of any keys, its values all of one type."""

    def __init__(self, dtype: Map, *, nullable: bool, strict: bool) -> None:
        anything = isinstance(dtype.value_type, AnyType)
        super().__init__(
            f"a map of {_plural(dtype.value_type)}", nullable=nullable or anything, strict=strict
        )
        self.item = node(dtype.value_type, nullable=nullable, strict=strict)
        self._dicts = {dict, _NONE} if self.nullable else {dict}

    def fits(self, values: list[Any]) -> bool:
        """Whether every value is right as it is."""
        if not self._dicts.issuperset(map(type, values)):
            return False
        if self.nullable:
            values = [value for value in values if value]
        if not {str}.issuperset(map(type, chain.from_iterable(values))):
            return False
        return self.item.fits(list(chain.from_iterable(map(dict.values, values))))

    def convert(self, value: Any, place: FieldPath, row: int | None, failures: Failures) -> Any:
        """The value, converted where that loses nothing."""
        if is_null(value):
            return self._null(value, place, row, failures)
        if not isinstance(value, dict):
            failures.add(Code.WRONG_TYPE, place, row, self.expected, value)
            return value
        for key in value:
            if not isinstance(key, str):
                failures.add(Code.WRONG_TYPE, place, row, "keys that are text", key)
        return {
            key: self.item.convert(item, (*place, str(key)), row, failures)
            for key, item in value.items()
        }


_NODES: tuple[tuple[type, Callable[..., Node]], ...] = (
    (DataType, ScalarNode),
    (ArrayType, ArrayNode),
    (Object, ObjectNode),
    (Map, MapNode),
)


def node(dtype: Any, *, nullable: bool, strict: bool = False) -> Node:
    """Compile one type.

    Args:
        dtype: MLflow's `DataType`, `Array`, `Object`, `Map` or `AnyType`.
        nullable: Whether a null may stand here.
        strict: Whether values that need a conversion are refused.

    Example:
        >>> node(ArrayType(DataType.double), nullable=False).fits([[1.0, 2.0], []])
        True
    """
    for kind, build in _NODES:
        if isinstance(dtype, kind):
            return build(dtype, nullable=nullable, strict=strict)
    return AnyNode()


def _plural(dtype: Any) -> str:
    if isinstance(dtype, DataType):
        return f"{dtype.name} values"
    names = {ArrayType: "lists", Object: "objects", Map: "maps", AnyType: "anything"}
    return next(name for kind, name in names.items() if isinstance(dtype, kind))
