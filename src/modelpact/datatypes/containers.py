"""Lists, dicts, and objects with fields."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from modelpact._internal.type_checks import is_list_of
from modelpact.datatypes.arrays import ArrayKind
from modelpact.datatypes.base import (
    PREDICTION,
    Counts,
    Kind,
    Tolerance,
    UnlikeError,
    find_kind,
    register,
)

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["DictKind", "FieldsKind", "ListKind", "compare_items", "compare_values", "update_digest"]


_JSON_SCALARS = frozenset({str, int, bool, type(None)})
_PYTHON_SCALARS = _JSON_SCALARS | {float, bytes}


def update_digest(sha: _Hash, value: object) -> None:
    """Add a value of any kind to a hash."""
    sha.update(type(value).__name__.encode())
    find_kind(value).update_digest(sha, value)


def compare_values(after: Any, before: Any, tolerance: Tolerance, path: str = "") -> Counts:
    """Compare two values of any kind.

    Raises:
        UnlikeError: They cannot be compared one by one.
    """
    kind = find_kind(before)
    try:
        if find_kind(after) is not kind:
            old, new = type(before).__name__, type(after).__name__
            raise UnlikeError(f"the type was {old} and is {new}")
        return kind.compare(after, before, tolerance)
    except UnlikeError as error:
        error.path = path + error.path
        raise


def compare_items(
    after: Iterable[Any], before: Iterable[Any], paths: Iterable[str], tolerance: Tolerance
) -> Counts:
    """Compare values one by one, and return the sum of the counts.

    Raises:
        UnlikeError: Two of them cannot be compared.
    """
    n_different = n_values = 0
    for new, old, path in zip(after, before, paths, strict=True):
        counts = compare_values(new, old, tolerance, path)
        n_different += counts.n_different
        n_values += counts.n_values
    return Counts(n_different, n_values)


@register
class ListKind(Kind[Any]):
    """Lists and tuples, one item per row."""

    types = frozenset({("builtins", "list"), ("builtins", "tuple")})

    def count_rows(self, value: Sequence[Any]) -> int:
        return len(value) if isinstance(value, list) else 1

    def take_rows(self, value: Any, positions: Sequence[int]) -> Any:
        return [value[position] for position in positions] if isinstance(value, list) else value

    def join_rows(self, first: Any, second: Any) -> Any:
        return [*first, *second] if isinstance(first, list) else first

    def update_digest(self, sha: _Hash, value: Sequence[Any]) -> None:
        if _update_json(sha, value):
            return
        sha.update(str(len(value)).encode())
        for item in value:
            update_digest(sha, item)

    def compare(self, after: Sequence[Any], before: Sequence[Any], tolerance: Tolerance) -> Counts:
        if len(after) != len(before):
            raise UnlikeError(f"the length was {len(before)} and is {len(after)}")
        if set(map(type, after)) == set(map(type, before)) == {float}:
            return ArrayKind().compare(np.array(after), np.array(before), tolerance)
        paths = (f"[{index}]" for index in range(len(before)))
        return compare_items(after, before, paths, tolerance)

    def to_columns(self, value: Sequence[Any], names: Sequence[str] | None) -> dict[str, Any]:
        if names == [PREDICTION] or not value or not is_list_of(value, dict):
            return super().to_columns(value, names)
        columns = names or dict.fromkeys(chain.from_iterable(value))
        return {str(key): [row.get(key) for row in value] for key in columns}

    def to_python(self, value: Sequence[Any]) -> list[Any]:
        if set(map(type, value)) <= _PYTHON_SCALARS:
            return list(value)
        return [find_kind(item).to_python(item) for item in value]

    def to_json(self, value: Sequence[Any]) -> list[Any]:
        if set(map(type, value)) <= _JSON_SCALARS:
            return list(value)
        return [find_kind(item).to_json(item) for item in value]


@register
class DictKind(Kind[Any]):
    """A dict: named arrays with one row per first axis, or else one row."""

    types = frozenset({("builtins", "dict")})

    def count_rows(self, value: dict[Any, Any]) -> int:
        return min(len(array) for array in value.values()) if _is_tensors(value) else 1

    def take_rows(self, value: dict[Any, Any], positions: Sequence[int]) -> Any:
        if not _is_tensors(value):
            return value
        return {key: find_kind(item).take_rows(item, positions) for key, item in value.items()}

    def join_rows(self, first: dict[Any, Any], second: dict[Any, Any]) -> Any:
        if not _is_tensors(first):
            return first
        return {key: find_kind(item).join_rows(item, second[key]) for key, item in first.items()}

    def update_digest(self, sha: _Hash, value: dict[Any, Any]) -> None:
        if not _update_json(sha, value):
            items = sorted(value.items(), key=lambda item: str(item[0]))
            ListKind().update_digest(sha, items)

    def compare(self, after: Any, before: Any, tolerance: Tolerance) -> Counts:
        if after.keys() != before.keys():
            raise UnlikeError(
                f"the keys were {sorted(map(str, before))} and are {sorted(map(str, after))}"
            )
        paths = (f".{key}" for key in before)
        return compare_items((after[key] for key in before), before.values(), paths, tolerance)

    def to_columns(self, value: dict[Any, Any], names: Sequence[str] | None) -> dict[str, Any]:
        return {str(name): values for name, values in value.items()}

    def to_python(self, value: dict[Any, Any]) -> dict[Any, Any]:
        return {key: find_kind(item).to_python(item) for key, item in value.items()}

    def to_json(self, value: dict[Any, Any]) -> dict[str, Any]:
        return {str(key): find_kind(item).to_json(item) for key, item in value.items()}


@register
class FieldsKind(Kind[Any]):
    """An object with named fields, such as a dataclass, which is one row."""

    types = frozenset({("dataclasses", "dataclass")})

    def update_digest(self, sha: _Hash, value: Any) -> None:
        update_digest(sha, self.fields(value))

    def compare(self, after: Any, before: Any, tolerance: Tolerance) -> Counts:
        return compare_values(self.fields(after), self.fields(before), tolerance)

    def fields(self, value: Any) -> dict[str, Any]:
        """Return the fields of an object, which may be objects themselves."""
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}

    def to_python(self, value: Any) -> Any:
        return DictKind().to_python(self.fields(value))

    def to_json(self, value: Any) -> Any:
        return DictKind().to_json(self.fields(value))


@register
class PydanticKind(FieldsKind):
    """An object of a Pydantic model."""

    types = frozenset({("pydantic", "BaseModel")})

    def fields(self, value: Any) -> dict[str, Any]:
        return {"root": value.root} if hasattr(value, "root") else dict(value)

    def to_python(self, value: Any) -> Any:
        return value.model_dump(mode="python")

    def to_json(self, value: Any) -> Any:
        plain = value.model_dump(mode="python")
        return find_kind(plain).to_json(plain)


def _is_tensors(value: dict[Any, Any]) -> bool:
    return bool(value) and all(getattr(item, "shape", ()) for item in value.values())


def _update_json(sha: _Hash, value: Any) -> bool:
    """Add a value that is plain JSON to a hash in one step."""
    try:
        text = json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return False
    sha.update(text.encode())
    return True
