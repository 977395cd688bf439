"""The type of Python values, nested or not: what MLflow's own inference says, a level at a time instead of a value at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
import pydantic
from mlflow.exceptions import MlflowException
from mlflow.types.schema import AnyType, Array, DataType, Object, Property

from modelpact._internal import mlflow_compat
from modelpact.signature.field_path import FieldPath
from modelpact.signature.inference.issues import Troubles, type_names

__all__ = ["by_key", "common_type"]

_NULLS = frozenset({type(None), type(pd.NA), type(pd.NaT)})
_LONG = (-(2**63), 2**63 - 1)
_EMPTY: Any = AnyType()


class _NoCommonType(Exception):
    """Values that MLflow's rules give no type; the trouble is noted already."""


class _EmptyArray(Exception):
    """An array without items was met: MLflow skips those, and how far only it knows."""


def common_type(values: list[Any], place: FieldPath, troubles: Troubles) -> Any:
    """The type that all values have in common, as MLflow infers it for the items of a list.

    Args:
        values: At least one value.
        place: Where they stand.
        troubles: Takes what has no type.

    Returns:
        A `DataType`, `Array`, `Object` or `AnyType`.

    Example:
        >>> common_type([{"a": 1}, {"a": 2, "b": "x"}], ("author",), Troubles())
        {a: long (required), b: string (optional)}
    """
    try:
        return _common(values, place, troubles)[0]
    except _EmptyArray:
        return _as_mlflow(values, place, troubles)
    except _NoCommonType:
        return AnyType()


def _common(values: list[Any], place: FieldPath, troubles: Troubles) -> tuple[Any, bool]:
    """The common type, and whether any of the values is one that MLflow takes for Any (a null, an empty list or dict)."""
    kinds = set(map(type, values))
    if len(kinds) == 1 and (kind := next(iter(kinds))) in _SIMPLE:
        return _SIMPLE[kind], False
    if kinds == {float} and (total := sum(values)) == total:  # a NaN anywhere would be a NaN here
        return DataType.double, False
    given, nulls = values, False
    if not kinds.isdisjoint(_NULLS):
        if len(rest := kinds - _NULLS) == 1 and (kind := next(iter(rest))) in _SIMPLE:
            return _SIMPLE[kind], True
        given = [value for value in values if type(value) not in _NULLS]
        nulls, kinds = True, kinds - _NULLS
    if any(issubclass(kind, float) for kind in kinds):
        real = [value for value in given if not _is_nan(value)]
        nulls = nulls or len(real) < len(given)
        given, kinds = real, set(map(type, real))
    if not given:
        return _EMPTY, nulls
    families = {_family(kind) for kind in kinds}
    if families == {"dict"}:
        return _objects(given, nulls, place, troubles)
    if families <= {"list", "ndarray"}:
        return _arrays(given, nulls, "ndarray" in families, place, troubles)
    if families == {"scalar"}:
        return _scalars(given, kinds, place, troubles), nulls
    return _mixed(given, kinds, nulls, place, troubles)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


@lru_cache(maxsize=1024)
def _family(kind: type) -> str:
    for base, name in (
        (dict, "dict"),
        (list, "list"),
        (np.ndarray, "ndarray"),
        (pydantic.BaseModel, "pydantic"),
    ):
        if issubclass(kind, base):
            return name
    return "scalar"


def _mixed(
    values: list[Any], kinds: set[type], nulls: bool, place: FieldPath, troubles: Troubles
) -> tuple[Any, bool]:
    """Values of several families. MLflow takes an empty list or dict for Any beside anything, then refuses that data."""
    if any(_family(kind) == "pydantic" for kind in kinds):
        troubles.add(
            place,
            "Pydantic objects have no inferred type",
            "give dicts (model_dump), or sign with type hints",
        )
        raise _NoCommonType
    if all(isinstance(value, (dict, list)) and not value for value in values):
        return _EMPTY, True
    troubles.add(
        place,
        f"values of different types ({type_names(kinds)})",
        "give values of one type, or write the signature",
    )
    raise _NoCommonType


def _scalars(values: list[Any], kinds: set[type], place: FieldPath, troubles: Troubles) -> Any:
    samples = {kind: _sample(kind, values) for kind in kinds}
    found = {kind: _scalar(kind, sample) for kind, sample in samples.items()}
    for kind, dtype in found.items():
        if dtype is None:
            troubles.add(
                place, f"values of type {kind.__name__} have no MLflow type", _remedy(kind)
            )
    if None in found.values():
        raise _NoCommonType
    types = set(found.values())
    if len(types) > 1:
        remedy = "write whole numbers as floats (1.0), or use integers only" if types == {DataType.long, DataType.double} else (
            "give values of one type, or write the signature"
        )  # fmt: skip
        troubles.add(place, f"values of different types ({type_names(kinds)})", remedy)
        raise _NoCommonType
    if (
        DataType.long in types
        and int in kinds
        and not (_LONG[0] <= min(values) and max(values) <= _LONG[1])
    ):
        troubles.add(
            place,
            "an integer beyond 64 bits, which MLflow calls long",
            "give it as text or as a float",
        )
        raise _NoCommonType
    return types.pop()


def _sample(kind: type, values: list[Any]) -> Any:
    return next(value for value in values if type(value) is kind)


_SCALARS: dict[type, Any] = {object: None}  # MLflow calls a bare object() a string


def _scalar(kind: type, value: Any) -> Any:
    if kind not in _SCALARS:
        try:
            _SCALARS[kind] = mlflow_compat.scalar_type(value)
        except MlflowException:
            _SCALARS[kind] = None
    return _SCALARS[kind]


_SIMPLE = {str: DataType.string, bool: DataType.boolean, bytes: DataType.binary}
"""Types that neither hold a null nor have a range: one look at the types is enough."""

_REMEDIES = {
    "Decimal": "convert to float",
    "tuple": "give a list",
    "set": "give a list",
    "complex": "give the real and the imaginary part as two columns",
    "timedelta": "give seconds, as a float",
    "Timedelta": "give seconds, as a float",
    "UUID": "give text (str)",
    "Timestamp": "give a column of dtype datetime64, or Python datetimes",
}


def _remedy(kind: type) -> str:
    return _REMEDIES.get(
        kind.__name__, "give bool, int, float, str, bytes, datetime, or lists and dicts of them"
    )


def _arrays(
    values: list[Any], nulls: bool, numpy: bool, place: FieldPath, troubles: Troubles
) -> tuple[Any, bool]:
    """Lists: their items all together have the type that MLflow finds by merging list after list."""
    if numpy:
        if any(
            isinstance(value, np.ndarray) and (not value.ndim or not value.size) for value in values
        ):
            raise _EmptyArray
        values = [
            _representative(value) if isinstance(value, np.ndarray) else value for value in values
        ]
    items = list(chain.from_iterable(values))
    nulls = nulls or not all(values)
    if not items:
        return _EMPTY, True
    return Array(_common(items, (*place, 0), troubles)[0]), nulls


def _as_mlflow(values: list[Any], place: FieldPath, troubles: Troubles) -> Any:
    """MLflow's own answer."""
    try:
        return mlflow_compat.values_type(values)
    except (MlflowException, TypeError):
        troubles.add(
            place,
            "arrays without items tell no type, or the others have none in common",
            "give arrays that have items",
        )
        return AnyType()


def _representative(value: np.ndarray[Any, Any]) -> list[Any]:
    """A nested list of the same depth with one item that stands for all: the array's dtype is the type of each."""
    if value.dtype == object:
        return list(value)
    flat = value.ravel()
    item = flat[0]
    if value.dtype.kind == "f" and np.isnan(item):
        real = flat[~np.isnan(flat)]
        item = real[0] if real.size else item
    for _ in range(value.ndim):
        item = [item]
    return item  # type: ignore[no-any-return]


def _objects(
    values: list[Any], nulls: bool, place: FieldPath, troubles: Troubles
) -> tuple[Any, bool]:
    real = values if all(values) else [value for value in values if value]
    nulls = nulls or len(real) < len(values)
    if not real:
        return _EMPTY, True
    properties = []
    before = len(troubles.found)
    for name, items in by_key(real).items():
        if not isinstance(name, str):
            troubles.add(
                place,
                f"a key of type {type(name).__name__} ({str(name)[:40]!r})",
                "property names are text",
            )
            continue
        try:
            dtype, empty = _common(items, (*place, name), troubles)
        except _NoCommonType:
            continue
        properties.append(
            Property(name, dtype, required=not (nulls or empty) and len(items) == len(real))
        )
    if len(troubles.found) > before:
        raise _NoCommonType
    return Object(properties), nulls


def by_key(rows: list[dict[Any, Any]]) -> dict[Any, list[Any]]:
    """The values of each key, in time linear in their number however much the keys differ from row to row."""
    names = list(rows[0])
    if set(map(len, rows)) == {len(names)}:
        try:
            return {name: list(map(itemgetter(name), rows)) for name in names}
        except KeyError:
            pass  # as many keys, but not the same ones
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            found[name].append(value)
    return found
