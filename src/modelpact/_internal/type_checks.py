"""Checks of types, and messages about them."""

from __future__ import annotations

from typing import TypeGuard, TypeVar

__all__ = ["is_list_of", "wrong_type"]

T = TypeVar("T")


def is_list_of(value: object, kind: type[T]) -> TypeGuard[list[T]]:
    """Return whether a value is a list in which each item is an instance of a class.

    Example:
        >>> is_list_of([{"a": 1}], dict), is_list_of({"a": 1}, dict), is_list_of([], dict)
        (True, False, True)
    """
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def wrong_type(value: object, kind: type) -> str:
    """Return the type that was expected and the one of a value.

    Example:
        >>> wrong_type(1, str)
        'a str, not an int'
    """
    names = [kind.__name__, type(value).__name__]
    expected, actual = (f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}" for name in names)
    return f"{expected}, not {actual}"
