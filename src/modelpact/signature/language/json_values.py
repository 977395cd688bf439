"""What JSON can hold of the default of a param, and how to convert the rest."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from modelpact._internal.characters import has_surrogates
from modelpact.signature.field_path import FieldPath

__all__ = ["Unstorable", "find_unstorable", "is_missing", "suggest_conversion"]

MAX_DEPTH = 50
"""How deep a default may be nested; deeper ones are taken for values that contain themselves."""

INT64 = range(-(2**63), 2**63)

_SCALARS = {
    "M": "a datetime: value.astype('datetime64[us]').item()",
    "b": "bool(...)",
    "f": "float(...)",
    "i": "int(...)",
    "m": "seconds: value / np.timedelta64(1, 's')",
    "u": "int(...)",
}
"""Conversions of NumPy's scalars, by the kind of their dtype."""

_REMEDIES = {
    bytes: "params cannot be binary; provide a string",
    bytearray: "params cannot be binary; provide a string",
    enum.Enum: "provide its value: member.value",
    int: "provide a float or a string",
    datetime.timedelta: "provide seconds: value.total_seconds()",
    Decimal: "provide a float or a string",
    Fraction: "provide a float or a string",
    complex: "provide a float or a string",
}
"""What to provide instead of values of other types, the first that fits."""


class Unstorable(NamedTuple):
    """A value that JSON cannot hold: its position, what is wrong, and what to do."""

    path: FieldPath
    text: str
    remedy: str


def find_unstorable(value: object, path: FieldPath = ()) -> Unstorable | None:
    """Return the first value in dicts and lists that JSON cannot hold, or None.

    Example:
        >>> find_unstorable({"a": [1, b"x"]}).path
        ('a', 1)
    """
    if len(path) > MAX_DEPTH:
        return Unstorable((), f"nested more than {MAX_DEPTH} levels deep", "flatten it")
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                text = f"the key {key!r} is of type {type(key).__name__}"
                return Unstorable(path, text, f"write it as text: {str(key)!r}")
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return _check_scalar(value, path)
    found = (find_unstorable(item, (*path, key)) for key, item in items)
    return next(filter(None, found), None)


def _check_scalar(value: object, path: FieldPath) -> Unstorable | None:
    text = f"JSON cannot hold a value of type {type(value).__name__}"
    match value:
        case enum.Enum():
            # Even if it is also a string or a number.
            pass
        case int() if value not in INT64:
            text = "an integer of more than 64 bits"
        case str() if has_surrogates(value):
            return Unstorable(path, f"{value!r} cannot be encoded in UTF-8", "remove surrogates")
        case None | int() | float() | str():
            return None
        case datetime.date() if not is_missing(value):
            return Unstorable(path, text, "provide text: value.isoformat()")
    return Unstorable(path, text, suggest_conversion(value))


def suggest_conversion(value: object) -> str:
    """Return what to provide instead of a value that MLflow cannot store as a param.

    Example:
        >>> suggest_conversion((1, 2))
        'provide a list: list(...)'
    """
    if is_missing(value):
        return "leave the param out, or provide a string and parse it in the model"
    for kind, remedy in _REMEDIES.items():
        if isinstance(value, kind):
            return remedy
    if isinstance(value, np.generic):
        return f"provide {_SCALARS.get(value.dtype.kind, 'a Python value: value.item()')}"
    if hasattr(value, "to_pydatetime"):
        return "provide a datetime: value.to_pydatetime()"
    if isinstance(value, Iterable) and not isinstance(value, (str, dict, list)):
        return _suggest_list(value)
    return "provide a bool, int (64 bits), float, str or datetime, a list of them, or a dict"


def _suggest_list(value: object) -> str:
    if getattr(value, "shape", None) == ():
        return "provide a scalar: value.item()"
    if hasattr(value, "columns"):
        return "provide a dict of lists: value.to_dict('list')"
    if getattr(getattr(value, "dtype", None), "kind", "") == "M":
        return "provide a list of datetimes: value.astype('datetime64[us]').tolist()"
    if hasattr(value, "tolist"):
        return "provide a flat list of values of one type: value.tolist()"
    return "provide a list: list(...)"


def is_missing(value: object) -> bool:
    """Return whether a value is pandas' NA, or the NaT of pandas or NumPy."""
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return type(value).__name__ in ("NAType", "NaTType")
