"""Params as people write them, a type and a default: `double = 0.7`, `"[string] = []"`, or `{type: double, default: 0.7}`."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.types.schema import Array, DataType, Object, ParamSchema, ParamSpec

from modelpact._internal.text import did_you_mean, preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.language.issues import Problems, refuse_repeated
from modelpact.signature.language.types import (
    Type,
    awkward,
    format_type,
    is_tensor,
    read_key,
    read_type,
)
from modelpact.signature.language.yaml_reader import Unreadable, read_document, read_stored

__all__ = ["RANGES", "format_param", "format_params", "read_param", "read_params"]

RANGES = {
    DataType.integer: (-(2**31), 2**31 - 1),
    DataType.long: (-(2**63), 2**63 - 1),
    DataType.float: (-float(np.finfo(np.float32).max), float(np.finfo(np.float32).max)),
}
"""The least and the greatest value of a type; MLflow checks neither in a param."""

_LONG_KEYS = ["name", "type", "dtype", "default", "shape", "properties"]
_MOMENT = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?)?")
_NOTHING = object()


def format_param(spec: ParamSpec) -> str:
    """Write one param as its type and its default; `read_param` reads it back as the same.

    Example:
        >>> format_param(ParamSpec("stop", DataType.string, ["a"], (-1,)))
        '[string] = ["a"]'
    """
    text = f"[{format_type(spec.dtype)}]" if spec.shape else format_type(spec.dtype)
    default = json.dumps(spec.to_dict()["default"], ensure_ascii=False)
    return f"{text} = {default if default.isprintable() else json.dumps(spec.to_dict()['default'])}"


def read_param(name: str, value: Any, place: FieldPath, problems: Problems) -> ParamSpec | None:
    """Read one param from its short or its long form; faults are noted and answered with None."""
    if value is Unreadable:
        return None
    before = len(problems)
    if isinstance(value, str):
        dtype, default, shape = _read_short(value, place, problems)
    elif isinstance(value, dict):
        dtype, default, shape = _read_long(value, place, problems)
    else:
        problems.add(
            place,
            f"a param is a type and a default, such as double = 0.7; here is {preview(value)}",
        )
        return None
    if len(problems) > before or not _fits_params(dtype, shape, place, problems):
        return None
    if isinstance(dtype, Array):
        dtype, shape = dtype.dtype, (-1,)
    return _build(name, dtype, default, shape=shape, place=place, problems=problems)


def _read_short(value: str, place: FieldPath, problems: Problems) -> tuple[Type | None, Any, None]:
    written, equals, default = _split(value)
    if not equals:
        problems.add(place, f"a param needs a default: {written[:60]} = {_sample(written)}")
        return None, None, None
    dtype = _read_param_type(written, place, problems)
    if dtype is None or not _fits_params(dtype, None, place, problems):
        return None, None, None
    return dtype, _read_default(default, dtype, place, problems), None


def _read_param_type(
    written: Any, place: FieldPath, problems: Problems, *, long: bool = False
) -> Type | None:
    if isinstance(written, str) and is_tensor(written):
        problems.add(
            place,
            f"a param cannot be a tensor ({preview(written)}); a list of any length is [double]",
        )
        return None
    return read_type(written, place, problems, long=long)


def _split(text: str) -> tuple[str, str, str]:
    """Cut `type = default` at the first `=` outside of brackets and quotes."""
    depth, quoted, before = 0, "", ""
    letters = iter(enumerate(text))
    for index, letter in letters:
        if quoted == '"' and letter == "\\":
            next(letters, None)  # the escaped letter is not the end of the quotes
        elif quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "\"'" and before in "[{,:":
            quoted = letter
        elif letter == "=" and not depth:
            return text[:index].strip(), "=", text[index + 1 :].strip()
        else:
            depth += (letter in "[{") - (letter in "]}")
        before = letter if letter.strip() else before
    return text.strip(), "", ""


def _sample(written: str) -> str:
    samples = {"string": '""', "boolean": "false", "datetime": "2024-01-31T12:00:00"}
    return (
        "[]"
        if written.startswith("[")
        else "{}"
        if written.startswith("{")
        else samples.get(written, "0")
    )


def _read_default(text: str, dtype: Type, place: FieldPath, problems: Problems) -> Any:
    """A default is JSON; where a string or a moment is wanted, text without quotes stands for itself."""
    if not text:
        problems.add(
            place,
            'there is no default behind the =; empty text is "", and YAML drops what follows a # unless it is quoted',
        )
        return _NOTHING
    bare = (
        dtype in (DataType.string, DataType.datetime)
        and text != "null"
        and not text.startswith('"')
    )
    if bare:
        return text
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        twice.extend(sorted({key for key in keys if keys.count(key) > 1}))
        return dict(found)

    try:
        value = json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        problems.add(
            place,
            f"the default {preview(text)} is no {format_type(dtype)} in JSON{_spelling(text)}",
        )
        return _NOTHING
    if twice:
        problems.add(place, f"the default gives {', '.join(map(preview, twice[:5]))} twice")
    return value


def _spelling(text: str) -> str:
    meant = {
        "True": "true",
        "False": "false",
        "None": "null",
        "yes": "true",
        "no": "false",
        "nan": "NaN",
        "inf": "Infinity",
    }.get(text)
    if meant:
        return f"; write {meant}"
    return "; texts in a list or an object stand in double quotes" if text[0] in "[{'" else ""


def _read_long(
    value: dict[Any, Any], place: FieldPath, problems: Problems
) -> tuple[Type | None, Any, tuple[int, ...] | None]:
    for key in value:
        if key not in _LONG_KEYS:
            problems.add(
                (*place, key), f"a param has no {preview(key)}{did_you_mean(str(key), _LONG_KEYS)}"
            )
    kind = (
        "dtype" if "dtype" in value and "type" not in value else "type"
    )  # MLflow's older files say dtype
    missing = [key for key in (kind, "default") if key not in value]
    if missing:
        problems.add(
            place, f"a param needs {' and '.join(missing)}: {{type: double, default: 0.7}}"
        )
        return None, None, None
    if value[kind] == "object":
        part = {key: item for key, item in value.items() if key in ("properties",)}
        dtype = _read_param_type({"type": "object", **part}, place, problems)
    else:
        if "properties" in value:
            problems.add(
                (*place, "properties"),
                f"only type object has properties, not {preview(value[kind])}",
            )
        dtype = _read_param_type(value[kind], (*place, kind), problems)
    shape = value.get("shape")
    if shape is not None and (not isinstance(shape, (list, tuple)) or list(shape) != [-1]):
        problems.add(
            (*place, "shape"),
            f"the shape of a param is [-1] for a list, or left out; here is {preview(shape)}",
        )
        return None, None, None
    return dtype, value["default"], None if shape is None else (-1,)


def _fits_params(
    dtype: Type, shape: tuple[int, ...] | None, place: FieldPath, problems: Problems
) -> bool:
    """MLflow's params are scalars, lists of one scalar, and objects."""
    if isinstance(dtype, DataType) and dtype != DataType.binary:
        return True
    if isinstance(dtype, Object) and shape is None:
        return True
    if (
        isinstance(dtype, Array)
        and shape is None
        and isinstance(dtype.dtype, DataType)
        and dtype.dtype != DataType.binary
    ):
        return True
    written = format_type(Array(dtype) if shape else dtype)
    problems.add(
        place,
        f"a param cannot be {written}; it is a scalar other than binary, a list of one, or an object",
    )
    return False


def _build(
    name: str,
    dtype: Type,
    default: Any,
    *,
    shape: tuple[int, ...] | None,
    place: FieldPath,
    problems: Problems,
) -> ParamSpec | None:
    written = f"[{format_type(dtype)}]" if shape else format_type(dtype)
    values = default if shape and isinstance(default, list) else [default]
    if dtype == DataType.datetime and (reason := _not_a_moment(values)):
        problems.add(place, f"the default {preview(default)} is no {written}: {reason}")
        return None
    try:
        spec = ParamSpec(name, dtype, default, shape)
    except (MlflowException, ValueError, TypeError, OverflowError):
        problems.add(
            place, f"the default {preview(default)} is no {written}{_remedy(dtype, shape, default)}"
        )
        return None
    low, high = RANGES.get(dtype, (None, None)) if isinstance(dtype, DataType) else (None, None)
    for value in values:
        finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        if low is not None and finite and not low <= value <= high:
            problems.add(
                place,
                f"the default {preview(value)} is out of the range of {dtype.name}, {low} to {high}",
            )
            return None
    return spec


def _remedy(dtype: Type, shape: tuple[int, ...] | None, default: Any) -> str:
    if shape and not isinstance(default, list):
        return "; write a list, such as []"
    if dtype == DataType.string:
        return "; put it in quotes"
    if dtype in (DataType.long, DataType.integer) and isinstance(default, float):
        return "; write a whole number, or make the type double"
    return ""


def _not_a_moment(values: list[Any]) -> str:
    """Why MLflow could not keep a default for ever: NumPy also reads `now`, drops time zones and stores no null."""
    for value in values:
        if value is None:
            return "MLflow cannot store a datetime param whose default is null"
        if (
            isinstance(value, (datetime.date, np.datetime64))
            and getattr(value, "tzinfo", None) is None
        ):
            continue
        if not isinstance(value, (str, datetime.date)):
            return "write a moment, such as 2024-01-31T12:00:00"
        if not _MOMENT.fullmatch(str(value)):
            if re.search(r"\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$", str(value)):
                return "MLflow's moments have no time zone; write it in UTC, without one"
            return "write a moment, such as 2024-01-31T12:00:00"
    return ""


def read_params(value: Any, place: FieldPath, problems: Problems) -> ParamSchema | None:
    """Read the params; faults are noted and answered with None, and so are no params."""
    stored: ParamSchema | None = read_stored(value, ParamSchema.from_json)
    if stored is not None:
        return stored
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = read_document(value, place, problems)
    if value is Unreadable or value in ([], {}):
        return None
    found: list[ParamSpec | None]
    if isinstance(value, Mapping):
        found = [
            _read_named_param(key, item, (*place, key), problems) for key, item in value.items()
        ]
    elif isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
        found = [
            _read_listed_param(item, (*place, index), problems) for index, item in enumerate(value)
        ]
    else:
        problems.add(
            place,
            f"params are {{name: type = default}}, such as {{temperature: double = 0.7}}; here is {preview(value)}",
        )
        return None
    specs = [spec for spec in found if spec is not None]
    refuse_repeated([spec.name for spec in specs], place, problems)
    return None if problems or len(specs) < len(found) else ParamSchema(specs)


def _read_named_param(
    key: Any, value: Any, place: FieldPath, problems: Problems
) -> ParamSpec | None:
    known = read_key(key, place[:-1], problems)
    if known and not known[1]:
        problems.add(place, "a param has a default, so it is always optional; drop the ?")
    return read_param(known[0] if known else str(key), value, place, problems)


def _read_listed_param(
    value: Mapping[Any, Any], place: FieldPath, problems: Problems
) -> ParamSpec | None:
    name = value.get("name")
    if not isinstance(name, str):
        problems.add(
            (*place, "name"),
            "a param needs a name" if name is None else f"a name is text, not {preview(name)}",
        )
    return read_param(str(name), dict(value), place, problems)


def format_params(schema: ParamSchema) -> dict[str, str]:
    """Write the params in the short form.

    Raises:
        ValueError: A name cannot be a key; MLflow's own form can say it.

    Example:
        >>> format_params(ParamSchema([ParamSpec("top", DataType.long, 3)]))
        {'top': 'long = 3'}
    """
    if any(awkward(spec.name) for spec in schema.params):
        raise ValueError("a name that is no key")
    return {spec.name: format_param(spec) for spec in schema.params}
