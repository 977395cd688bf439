"""Checks of the types of items."""

from __future__ import annotations

from typing import TypeGuard, TypeVar

__all__ = ["is_list_of"]

T = TypeVar("T")


def is_list_of(value: object, kind: type[T]) -> TypeGuard[list[T]]:
    """Return whether a value is a list in which each item is an instance of a class.

    Example:
        >>> is_list_of([{"a": 1}], dict), is_list_of({"a": 1}, dict), is_list_of([], dict)
        (True, False, True)
    """
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)
