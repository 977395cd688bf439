"""Suggests what to write instead of a type hint without a schema."""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import fractions
import inspect
import pathlib
import types
import typing
import uuid
from typing import ForwardRef, TypeVar, get_args, get_origin

import numpy as np

from modelpact._internal.text import truncate

__all__ = ["format_hint", "is_container_hint", "suggest_hint"]

_GENERAL = (
    "Use int, float, str, bool, bytes, date, datetime, Literal, an Enum, list[...], "
    "dict[str, ...], a Pydantic model, a dataclass, a TypedDict, Optional of these, or Any."
)
_BY_TYPE: dict[type, str] = {
    decimal.Decimal: "No MLflow type holds a decimal: write float, or str to keep every digit.",
    fractions.Fraction: "No MLflow type holds a fraction: write float, or str.",
    complex: "No MLflow column is complex: write two floats.",
    datetime.timedelta: "No MLflow type holds a duration: write float, in seconds.",
    datetime.time: "No MLflow type holds a time of day: write str, or datetime with a date.",
    uuid.UUID: "Write str, and create the UUID in predict.",
    pathlib.Path: "Write str, and create the path in predict.",
    object: "Write Any to accept any value.",
    type(None): "Write the type of the other values, such as Optional[str].",
    list: "Write the type of the items, such as list[str].",
    dict: "Write the types of keys and values, such as dict[str, float]; for named fields use a "
    "Pydantic model.",
    bytearray: "Write bytes.",
    memoryview: "Write bytes.",
}
_LISTS = (tuple, set, frozenset, collections.deque, collections.abc.Iterable)
_SCALARS: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    datetime.datetime: "datetime",
    pathlib.PurePath: "str",
}
_NUMPY_SCALARS: dict[type, str] = {
    np.bool_: "bool",
    np.integer: "int",
    np.str_: "str",
    np.bytes_: "bytes",
    np.datetime64: "datetime",
    np.generic: "float",
}
_CONTAINER_PACKAGES = [
    "pandas",
    "numpy",
    "scipy",
    "polars",
    "pyarrow",
    "pyspark",
    "torch",
    "tensorflow",
    "xarray",
    "dask",
]


def format_hint(hint: object) -> str:
    """Return a type hint as source text, at most 80 characters long.

    Example:
        >>> format_hint(dict[str, typing.Any])
        'dict[str, Any]'
    """
    if isinstance(hint, str):
        return truncate(repr(hint))
    if inspect.isclass(hint) and not get_args(hint):
        return truncate(hint.__qualname__.rsplit(".", 1)[-1])
    return truncate(str(hint).replace("typing.", ""))


def is_container_hint(hint: object) -> bool:
    """Return whether a hint names a container of data, such as a DataFrame, without its content.

    Example:
        >>> is_container_hint(np.ndarray), is_container_hint(list[int])
        (True, False)
    """
    if isinstance(hint, TypeVar):
        # MLflow's hint for "as in the input example".
        return hint.__name__ == "TypeFromExample"
    if get_origin(hint) in (typing.Union, types.UnionType):
        return all(map(is_container_hint, get_args(hint)))
    kind = get_origin(hint) or hint
    if not inspect.isclass(kind):
        return False
    package = (kind.__module__ or "").split(".")[0]
    return package in _CONTAINER_PACKAGES and not issubclass(kind, collections.abc.Hashable)


def suggest_hint(hint: object) -> str:
    """Return what to write instead of a hint without a schema.

    Example:
        >>> suggest_hint(decimal.Decimal)
        'No MLflow type holds a decimal: write float, or str to keep every digit.'
    """
    if is_container_hint(hint):
        return (
            "It names a container, not its columns: infer the signature from data (signer=infer), "
            "or write it (signer=explicit)."
        )
    if isinstance(hint, (str, ForwardRef)):
        return "Use the type itself, not its name as a string."
    if isinstance(hint, TypeVar):
        return f"{hint.__name__} is a type variable: write a concrete type."
    kind = type(None) if hint is None else get_origin(hint) or hint
    if not inspect.isclass(kind):
        return _GENERAL
    return _BY_TYPE.get(kind) or _suggest_for_class(kind, get_args(hint))


def _suggest_for_class(kind: type, arguments: tuple[object, ...]) -> str:
    name = kind.__name__
    first, last = (arguments[0], arguments[-1]) if arguments else (str, str)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return f"Make {name} a Pydantic model, a dataclass, or a TypedDict."
    if issubclass(kind, np.generic):
        return f"Write {_find_base(kind, _NUMPY_SCALARS)}: hints name Python's types, not NumPy's."
    if issubclass(kind, collections.abc.Mapping):
        return f"Write dict[str, {format_hint(last)}]."
    scalar = _find_base(kind, _SCALARS)
    if scalar:
        return f"Write {scalar}, and create the {name} in predict."
    if issubclass(kind, _LISTS):
        return f"Write list[{format_hint(first)}]."
    return _GENERAL


def _find_base(kind: type, names: dict[type, str]) -> str:
    """Return the name of the first base class of a type, or an empty string."""
    return next((name for base, name in names.items() if issubclass(kind, base)), "")
