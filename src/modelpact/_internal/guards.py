"""Guards for calls of users' and libraries' code, which may raise exceptions of any class."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["capture", "convert_errors", "on_error"]

E = TypeVar("E", bound=BaseException)
T = TypeVar("T")


@contextlib.contextmanager
def convert_errors(
    convert: Callable[[Exception], BaseException | None],
    unless: type[Exception] | tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Raise what `convert` returns instead of an exception, which is chained.

    Args:
        convert: Returns the exception to raise; None for the original one.
        unless: The classes of exceptions that are not converted.
    """
    try:
        yield
    except unless:
        raise
    # The guarded code may raise anything.
    except Exception as error:
        converted = convert(error)
        if converted is None:
            raise
        raise converted from error


@contextlib.contextmanager
def on_error(
    callback: Callable[[BaseException], object], kind: type[BaseException] = BaseException
) -> Iterator[None]:
    """Call a function with an exception of the kind, then raise the exception again."""
    try:
        yield
    except kind as error:
        callback(error)
        raise


def capture(function: Callable[[], T], kind: type[E]) -> T | E:
    """Return what a function returns, or the exception of the kind that it raises."""
    try:
        return function()
    except kind as error:
        return error
