"""The base class of the kinds of values, and their registry.

A kind is recognized by the names of its types, so that no library is imported to look for it.
"""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["PREDICTION", "Counts", "Kind", "Tolerance", "UnlikeError", "find_kind", "register"]


PREDICTION = "prediction"
"""The column of a value without a name."""


class Tolerance(NamedTuple):
    """How far two floats may differ, as in `numpy.isclose`."""

    rtol: float = 0.0
    atol: float = 0.0


class Counts(NamedTuple):
    """The number of values that differ, and of all values."""

    n_different: int
    n_values: int


class UnlikeError(Exception):
    """Two values that differ in more than their values: in type, shape, names or length.

    Attributes:
        text: How they differ.
        path: The position of both within the values that are compared.
    """

    def __init__(self, text: str, path: str = "") -> None:
        super().__init__(text)
        self.text, self.path = text, path


V = TypeVar("V")


class Kind(ABC, Generic[V]):
    """One kind of values, and what is done with the values of that kind.

    A value is one row unless its kind says otherwise.

    Attributes:
        types: The types of the kind, each as the top-level package and the name of the class.
    """

    types: ClassVar[frozenset[tuple[str, str]]] = frozenset()

    def count_rows(self, value: V) -> int:
        """Return the number of rows."""
        return 1

    def take_rows(self, value: V, positions: Sequence[int]) -> V:
        """Return the rows at `positions`, in that order, as a value of the same type."""
        return value

    def join_rows(self, first: V, second: V) -> V:
        """Return the rows of one value, then those of another one of the same type."""
        return first

    @abstractmethod
    def update_digest(self, sha: _Hash, value: V) -> None:
        """Add a value to a hash."""

    @abstractmethod
    def compare(self, after: V, before: V, tolerance: Tolerance) -> Counts:
        """Count the values that differ.

        Raises:
            UnlikeError: The values cannot be compared one by one.
        """

    @abstractmethod
    def to_json(self, value: V) -> Any:
        """Return a value as JSON values; NaN and Infinity become null."""

    def to_python(self, value: V) -> Any:
        """Return a value as lists, dicts and single values of Python."""
        return value

    def to_columns(self, value: V, names: Sequence[str] | None) -> dict[str, Any]:
        """Return the columns of a value by name, each with one item per row.

        Args:
            value: The value.
            names: The names in the signature; None if it does not determine them.
        """
        return {names[0] if names is not None and len(names) == 1 else PREDICTION: value}


_KINDS: dict[tuple[str, str], Kind[Any]] = {}

K = TypeVar("K", bound=type[Kind[Any]])


def register(kind: K) -> K:
    """Add a class to the kinds that `find_kind` knows."""
    _KINDS.update(dict.fromkeys(kind.types, kind()))
    return kind


def find_kind(value: object) -> Kind[Any]:
    """Return the kind of a value: that of its type, or of the nearest base class.

    Example:
        >>> type(find_kind([1, 2])).__name__
        'ListKind'
    """
    return _find_kind(type(value))  # type: ignore[arg-type]  # mypy takes a class for unhashable


@functools.lru_cache(maxsize=1024)
def _find_kind(kind: type) -> Kind[Any]:
    if dataclasses.is_dataclass(kind):
        return _KINDS["dataclasses", "dataclass"]
    names = ((base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__)
    return next(_KINDS[name] for name in names if name in _KINDS)
