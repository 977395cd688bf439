"""Defaults of params: split from the type, parsed as JSON, and checked against the type."""

from __future__ import annotations

import datetime
import json
import math
import re
from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.types.schema import Array, DataType, Object, ParamSpec

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.issues import SpecIssues
from modelpact.signature.language.json_values import Unstorable, find_unstorable, is_missing
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import format_type

__all__ = [
    "build_param",
    "format_param_type",
    "parse_default",
    "sample_default",
    "split_default",
]

# The smallest and the largest value of a type; MLflow checks neither in a param.
_RANGES: dict[DataType, tuple[float, float]] = {
    DataType.integer: (-(2**31), 2**31 - 1),
    DataType.long: (-(2**63), 2**63 - 1),
    DataType.float: (-float(np.finfo(np.float32).max), float(np.finfo(np.float32).max)),
}
_DATETIME = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?)?")
_OFFSET = re.compile(r"\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$")
_QUOTED = re.compile(r"""(^|[\[{,:])(\s*(?:"(?:\\.|[^"\\])*["\\]?|'[^']*'?))""", re.DOTALL)
_WRITE_DATETIME = "write a datetime such as 2024-01-31T12:00:00"
_JSON_SPELLINGS = {
    "True": "true",
    "False": "false",
    "None": "null",
    "yes": "true",
    "no": "false",
    "nan": "NaN",
    "inf": "Infinity",
}


def split_default(text: str) -> tuple[str, str | None]:
    """Split `type = default` at the first `=` outside of brackets and quotes.

    Returns:
        The type and the default; the default is None without a `=`.

    Example:
        >>> split_default('{"a=b": string} = {}')
        ('{"a=b": string}', '{}')
    """
    # Quotes open after a bracket, a comma or a colon only: elsewhere they are apostrophes.
    unquoted = _QUOTED.sub(lambda quoted: quoted[1] + "_" * len(quoted[2]), text)
    depth = 0
    for index, letter in enumerate(unquoted):
        if letter == "=" and not depth:
            return text[:index].strip(), text[index + 1 :].strip()
        depth += (letter in "[{") - (letter in "]}")
    return text.strip(), None


def sample_default(type_text: str) -> str:
    """Return a default to suggest for a type.

    Example:
        >>> sample_default("[string]")
        '[]'
    """
    if type_text[:1] in ("[", "{"):
        return "[]" if type_text[0] == "[" else "{}"
    samples = {"string": '""', "boolean": "false", "datetime": "2024-01-31T12:00:00"}
    return samples.get(type_text, "0")


def parse_default(text: str, dtype: ColumnType, path: FieldPath, issues: SpecIssues) -> object:
    """Parse a default from JSON; strings and datetimes may go without quotes.

    Returns:
        The default; None after adding an issue.
    """
    if not text:
        remedy = 'write an empty string as "", and quote text that contains # (a YAML comment)'
        issues.add(path, f"missing default after =; {remedy}")
        return None
    is_text = dtype in (DataType.string, DataType.datetime)
    if is_text and text != "null" and not text.startswith('"'):
        return text
    duplicates: list[str] = []

    def make_dict(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        duplicates.extend(sorted({key for key in keys if keys.count(key) > 1}))
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=make_dict)
    except (ValueError, RecursionError):
        message = f"invalid default {preview(text)} for type {format_type(dtype)}"
        issues.add(path, f"{message}: it is not JSON{_suggest_json(text)}")
        return None
    if duplicates:
        keys_text = ", ".join(map(preview, duplicates[:5]))
        issues.add(path, f"duplicate keys in the default: {keys_text}")
    return value


def _suggest_json(text: str) -> str:
    if text in _JSON_SPELLINGS:
        return f"; write {_JSON_SPELLINGS[text]}"
    return "; put strings in double quotes" if text[0] in "[{'" else ""


def build_param(
    name: str,
    dtype: DataType | Object,
    default: object,
    shape: tuple[int, ...] | None,
    *,
    path: FieldPath,
    issues: SpecIssues,
) -> ParamSpec | None:
    """Build a param whose default fits its type; return None after adding an issue.

    Args:
        name: The name of the param.
        dtype: A scalar or an object.
        default: The default, as plain data.
        shape: `(-1,)` for a list of scalars, None otherwise.
        path: The position of the param in the signature.
        issues: Collects the issues.
    """
    values = default if shape and isinstance(default, list) else [default]
    message = f"invalid default {preview(default)} for type {format_param_type(dtype, shape)}"
    if dtype == DataType.datetime and (remedy := _check_datetimes(values)):
        issues.add(path, f"{message}; {remedy}")
        return None
    if found := _find_unstorable(dtype, default):
        issues.add((*path, *found.path), f"invalid default: {found.text}; {found.remedy}")
        return None
    try:
        param = ParamSpec(name, dtype, default, shape)
    except (MlflowException, ValueError, TypeError, OverflowError):
        issues.add(path, message + _suggest_default(dtype, shape, default))
        return None
    if text := _check_range(values, dtype):
        issues.add(path, text)
        return None
    return param


def _find_unstorable(dtype: DataType | Object, default: object) -> Unstorable | None:
    is_text = isinstance(dtype, Object) or dtype == DataType.string
    return find_unstorable(default) if is_text else None


def format_param_type(dtype: ColumnType, shape: tuple[int, ...] | None) -> str:
    """Return the type of a param as text."""
    return format_type(Array(dtype) if shape else dtype)


def _check_range(values: list[Any], dtype: ColumnType) -> str:
    """Return a message for the first value that is out of range, or an empty string."""
    if not isinstance(dtype, DataType) or dtype not in _RANGES:
        return ""
    low, high = _RANGES[dtype]
    for value in filter(_is_finite, values):
        if not low <= value <= high:
            return f"default {preview(value)} is out of range for {dtype.name} ({low} to {high})"
    return ""


def _is_finite(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def _suggest_default(dtype: ColumnType, shape: tuple[int, ...] | None, default: object) -> str:
    if shape and not isinstance(default, list):
        return "; write a list, such as []"
    if shape is None and isinstance(default, (list, tuple)):
        return f"; for a list, write [{dtype.name}]" if isinstance(dtype, DataType) else ""
    if dtype == DataType.string:
        return "; put it in quotes"
    if dtype in (DataType.long, DataType.integer) and isinstance(default, float):
        return "; write an integer, or change the type to double"
    return ""


def _check_datetimes(values: list[object]) -> str:
    """Return what to do about datetimes that MLflow cannot store, or an empty string.

    NumPy also parses `now`, and MLflow drops time zones and cannot store null.
    """
    return next(filter(None, map(_check_datetime, values)), "")


def _check_datetime(value: object) -> str:
    if value is None or is_missing(value):
        return "MLflow cannot store null as the default of a datetime"
    if isinstance(value, (datetime.date, np.datetime64)):
        if getattr(value, "tzinfo", None) is None:
            return ""
    elif not isinstance(value, str):
        return _WRITE_DATETIME
    if _DATETIME.fullmatch(str(value)):
        return ""
    if _OFFSET.search(str(value)):
        return "MLflow stores datetimes without a time zone; write it in UTC, without an offset"
    return _WRITE_DATETIME
