"""What to write instead of a type hint that states no schema."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import fractions
import inspect
import pathlib
import types
import typing
import uuid
from typing import Any, ForwardRef, TypeVar, get_args, get_origin

import numpy as np

from modelpact.signature.language.issues import LIMIT

__all__ = ["hint_text", "remedy_for", "states_no_schema"]

_GENERAL = (
    "Use int, float, str, bool, bytes, date, datetime, Literal, an Enum, list[...], dict[str, ...], a Pydantic model, "
    "a TypedDict, Optional of these, or Any."
)
_BY_TYPE: dict[Any, str] = {
    decimal.Decimal: "No MLflow type holds a decimal: write float, or str to keep every digit.",
    fractions.Fraction: "No MLflow type holds a fraction: write float, or str.",
    complex: "No MLflow column is complex: write two floats.",
    datetime.timedelta: "No MLflow type holds a duration: write float, in seconds.",
    datetime.time: "No MLflow type holds a time of day: write str, or datetime with a date.",
    uuid.UUID: "Write str, and make the UUID in predict.",
    pathlib.Path: "Write str, and make the path in predict.",
    object: "Write Any where anything may stand.",
    type(None): "Name the type of the other values, such as Optional[str].",
    list: "Name the type of the items, such as list[str].",
    dict: "Name the types of keys and values, such as dict[str, float]; for named fields use a Pydantic model.",
    bytearray: "Write bytes.",
    memoryview: "Write bytes.",
}
_LISTS = (tuple, set, frozenset, collections.deque, collections.abc.Iterable)
_FRAMES = (
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
)


def hint_text(hint: Any) -> str:
    """A hint as it is written, in 80 characters at most.

    Example:
        >>> hint_text(dict[str, Any])
        'dict[str, Any]'
    """
    if isinstance(hint, str):
        text = repr(hint)
    elif inspect.isclass(hint) and not get_args(hint):
        text = hint.__qualname__.rsplit(".", 1)[-1]
    else:
        text = str(hint).replace("typing.", "")
    return text if len(text) <= LIMIT else text[: LIMIT - 3] + "..."


def states_no_schema(hint: Any) -> bool:
    """Whether a hint names a container of data, such as a DataFrame, but not what is in it.

    Example:
        >>> states_no_schema(np.ndarray), states_no_schema(list[int])
        (True, False)
    """
    if isinstance(hint, TypeVar):
        return hint.__name__ == "TypeFromExample"  # MLflow's own word for "as in the input example"
    if get_origin(hint) in (typing.Union, types.UnionType):
        return all(map(states_no_schema, get_args(hint)))
    kind = get_origin(hint) or hint
    if not inspect.isclass(kind) or issubclass(kind, np.generic):
        return False
    home = (kind.__module__ or "").split(".")[0]
    return kind is np.ndarray or (
        home in _FRAMES and not issubclass(kind, collections.abc.Hashable)
    )


def remedy_for(hint: Any) -> str:
    """What to write instead of a hint that states no schema.

    Example:
        >>> remedy_for(decimal.Decimal)
        'No MLflow type holds a decimal: write float, or str to keep every digit.'
    """
    if states_no_schema(hint):
        return "It names a container, not its columns: sign from data (signer=infer), or write the signature (signer=explicit)."
    if isinstance(hint, (str, ForwardRef)):
        return "Give the type itself, not its name as text."
    if isinstance(hint, TypeVar):
        return f"{hint.__name__} stands for any type: write the one that is meant."
    kind = type(None) if hint is None else get_origin(hint) or hint
    if not inspect.isclass(kind):
        return _GENERAL
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    return _for_class(kind, get_args(hint))


def _for_class(kind: type, arguments: tuple[Any, ...]) -> str:
    inner = hint_text(arguments[0]) if arguments else "str"
    if dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return f"Make {kind.__name__} a Pydantic model, or a TypedDict."
    if issubclass(kind, np.generic):
        return f"Write {_python_name(kind)}: hints name Python's types, not NumPy's."
    if issubclass(kind, collections.abc.Mapping):
        return f"Write dict[str, {hint_text(arguments[-1]) if arguments else 'str'}]."
    for base in (bool, int, float, str, bytes, datetime.datetime, pathlib.PurePath):
        if issubclass(kind, base):
            return f"Write {'str' if base is pathlib.PurePath else base.__name__}, and make the {kind.__name__} in predict."
    if issubclass(kind, _LISTS):
        return f"Write list[{inner}]."
    return _GENERAL


def _python_name(kind: type[np.generic]) -> str:
    for base, name in (
        (np.bool_, "bool"),
        (np.integer, "int"),
        (np.floating, "float"),
        (np.str_, "str"),
        (np.bytes_, "bytes"),
    ):
        if issubclass(kind, base):
            return name
    return "datetime" if issubclass(kind, np.datetime64) else "float"
