"""Type expressions: how one type is written (`double`, `[string]`, `{name: string, "orcid?": string}`, `float32[-1, 3]`)."""

from __future__ import annotations

import json
import re
from types import NoneType
from typing import Any

import numpy as np
from mlflow.types.schema import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    TensorSpec,
)

from modelpact._internal.text import did_you_mean, preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.language.issues import Problems
from modelpact.signature.language.type_names import SCALARS, WORDS, explain_dtype, explain_type
from modelpact.signature.language.yaml_reader import Unreadable, read_document

__all__ = [
    "Type",
    "format_type",
    "parse_type",
    "read_key",
    "read_member",
    "read_tensor",
    "read_type",
    "type_to_spec",
]

Type = Any
"""One of MLflow's `DataType`, `Array`, `Object`, `Map`, `AnyType`, `SparkMLVector`."""

_PARTS = {"array": "items", "object": "properties", "map": "values", "sparkml_vector": None}
_TENSOR = re.compile(r"^\s*([A-Za-z_.]+\d*(?:\[\d*[A-Za-zμ]+\])?)\s*\[([^\]]*)\]\s*$")
_YAML_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
_GENERIC_NAMES = (
    "list",
    "dict",
    "optional",
    "sequence",
    "mapping",
    "map",
    "array",
    "union",
    "tuple",
    "set",
)


def parse_type(value: Any) -> Type | TensorSpec:
    """Read one type expression.

    Args:
        value: Text, or what YAML makes of it: `"double"`, `["string"]`, `{"name": "string"}`, `"float32[-1, 3]"`.

    Returns:
        MLflow's own object: a `DataType`, `Array`, `Object`, `Map`, `AnyType`, or an unnamed `TensorSpec`.

    Raises:
        SpecError: The expression is malformed; every fault is listed.

    Example:
        >>> parse_type('{name: string, "orcid?": [long]}')
        {name: string (required), orcid: Array(long) (optional)}
        >>> parse_type("float32[-1, 3]")
        Tensor('float32', (-1, 3))
    """
    problems = Problems()
    found = read_tensor(value, (), problems) if is_tensor(value) else read_type(value, (), problems)
    problems.raise_if_any()
    return found


def type_to_spec(dtype: Type | TensorSpec) -> Any:
    """Write one type as a value for YAML or JSON; `parse_type` reads it back as the same type.

    Example:
        >>> type_to_spec(Map(Array(DataType.double)))
        {'*': ['double']}
    """
    if isinstance(dtype, TensorSpec):
        return f"{dtype.type.name}[{', '.join(map(str, dtype.shape))}]"
    if isinstance(dtype, DataType):
        return dtype.name
    if isinstance(dtype, SparkMLVector):
        return "sparkml_vector"
    if isinstance(dtype, AnyType):
        return "any"
    if isinstance(dtype, Array):
        return [type_to_spec(dtype.dtype)]
    if isinstance(dtype, Map):
        return {"*": type_to_spec(dtype.value_type)}
    if _needs_long_form(dtype):
        properties = {
            prop.name: {"type": type_to_spec(prop.dtype), "required": prop.required}
            for prop in dtype.properties
        }
        return {"type": "object", "properties": properties}
    return {
        prop.name + ("" if prop.required else "?"): type_to_spec(prop.dtype)
        for prop in dtype.properties
    }


def format_type(dtype: Type | TensorSpec) -> str:
    """Write one type on one line, as in messages and tables.

    Example:
        >>> format_type(Object([Property("name", DataType.string), Property("orcid", DataType.string, required=False)]))
        '{name: string, "orcid?": string}'
    """
    return _flow(type_to_spec(dtype))


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_flow_key(key)}: {_flow(item)}" for key, item in value.items()) + "}"
        )
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _flow_key(key: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_][\w-]*", key) and key.lower() not in _YAML_WORDS
    if plain:
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in escaped)
        + '"'
    )


def awkward(name: Any) -> bool:
    """Whether a name cannot be a key of the short form: it is no text, or is empty, or would be read as a mark."""
    return not isinstance(name, str) or not name or name.endswith("?") or name == "*"


def _needs_long_form(dtype: Object) -> bool:
    names = [prop.name for prop in dtype.properties]
    return "type" in names or any(map(awkward, names))


def is_tensor(value: Any) -> bool:
    """Whether a text has the looks of a tensor: a word, then a shape in brackets."""
    if not isinstance(value, str) or not (match := _TENSOR.match(value)):
        return False
    shape = match[2].strip()
    if match[1].lower() in _GENERIC_NAMES:
        return False
    return bool(re.fullmatch(r"[-\d\s,.?*:]+|None.*|.*None", shape)) or (
        not shape and match[1] not in WORDS and _dtype(match[1]) is not None
    )


def _dtype(name: str) -> np.dtype[Any] | None:
    try:
        found = np.dtype(name)
    except (TypeError, ValueError):
        return None
    return found if found.name == name else None


def read_tensor(
    value: str, place: FieldPath, problems: Problems, name: Any = None
) -> TensorSpec | None:
    """Read `dtype[axis, axis, ...]`; a fault is noted and answered with None."""
    before = len(problems)
    match = _TENSOR.match(value)
    if match is None:
        problems.add(
            place,
            f"{preview(value)} is no tensor; write the dtype and the shape, such as float32[-1, 3]",
        )
        return None
    if (dtype := _dtype(match[1])) is None:
        problems.add(place, explain_dtype(match[1]))
    axes = [axis.strip() for axis in match[2].split(",")] if match[2].strip() else []
    for axis in axes:
        if not re.fullmatch(r"-1|\d{1,18}", axis):
            problems.add(
                place,
                f"{preview(axis)} is no axis of a tensor: write its length, or -1 for any length",
            )
    if dtype is None or len(problems) > before:
        return None
    return TensorSpec(dtype, tuple(map(int, axes)), name)


def read_key(key: Any, place: FieldPath, problems: Problems) -> tuple[str, bool] | None:
    """Split a key of the short form into its name and whether it is required; a fault is noted and answered with None."""
    if not isinstance(key, str):
        habit = " (YAML reads on, yes, off and no as booleans)" if isinstance(key, bool) else ""
        fault = f"a name must be text, not the {type(key).__name__} {preview(key)}{habit}; put the key in quotes"
        problems.add((*place, str(key)), fault, problems.line((*place, key)))
        return None
    name = key.removesuffix("?")
    if not name or awkward(name):
        problems.add(
            (*place, key),
            f"{preview(key)} is no name here; a name that is empty, is * or ends with ? needs MLflow's long form",
        )
        return None
    return name, name == key


def read_member(
    value: Any, place: FieldPath, problems: Problems, *, long: bool = False
) -> tuple[Type | None, bool | None]:
    """Read what stands behind a key: a type, or MLflow's long form of one, which may say `required` itself.

    Args:
        value: The value behind the key.
        place: Where it stands.
        problems: Takes the faults.
        long: Whether this is inside MLflow's long form, where `{type: string}` can only mean the type.

    Returns:
        The type (None after a fault) and what `required` said (None where it did not).
    """
    says_required = isinstance(value, dict) and isinstance(
        value.get("required", ""), (bool, NoneType)
    )
    if not isinstance(value, dict) or "type" not in value or not (long or says_required):
        return read_type(value, place, problems), None
    required = value.get("required")
    if required is not None and not isinstance(required, bool):
        problems.add((*place, "required"), f"required is true or false, not {preview(required)}")
        required = None
    return read_type(
        {key: item for key, item in value.items() if key != "required"}, place, problems, long=True
    ), required


def read_type(
    value: Any, place: FieldPath, problems: Problems, *, long: bool = False
) -> Type | None:
    """Read one type of a column, at any depth; a fault is noted and answered with None."""
    if value is Unreadable:
        return None
    if isinstance(value, str):
        return _read_text(value, place, problems)
    if isinstance(value, list):
        return _read_array(value, place, problems)
    if isinstance(value, dict):
        return _read_mapping(value, place, problems, long=long)
    if value is None:
        problems.add(place, "no type is given")
    else:
        name = (
            "float64"
            if value is float
            else getattr(value, "__name__", None) or getattr(value, "name", None)
        )
        meant = (
            f"; {explain_type(name)}"
            if isinstance(name, str) and name not in WORDS
            else f"; write {name!r}"
            if name
            else ""
        )
        problems.add(
            place,
            f"a type is text such as double, not the {type(value).__name__} {preview(value)}{meant}",
        )
    return None


def _read_text(value: str, place: FieldPath, problems: Problems) -> Type | None:
    text = value.strip()
    if text in SCALARS:
        return SCALARS[text]
    if text in WORDS:
        return AnyType() if text == "any" else SparkMLVector()
    if text[:1] in ("[", "{"):
        return read_type(read_document(text, place, problems), place, problems)
    if is_tensor(text):
        problems.add(
            place,
            f"a tensor ({preview(text)}) cannot stand inside another type, nor beside columns; an array of any length is [type]",
        )
    elif "=" in text and text.split("=")[0].strip() in SCALARS:
        problems.add(place, f"only params have defaults; write {text.split('=')[0].strip()}")
    else:
        problems.add(place, explain_type(value) if text else "no type is given")
    return None


def _read_array(value: list[Any], place: FieldPath, problems: Problems) -> Array | None:
    if value and all(isinstance(axis, int) for axis in value):
        problems.add(
            place,
            f"{preview(value)} looks like a shape; a tensor is written with its dtype: float32{preview(value)}",
        )
    elif len(value) != 1:
        problems.add(
            place, f"an array is a list of one type, such as [string]; this list has {len(value)}"
        )
    else:
        item = read_type(value[0], (*place, 0), problems)
        return None if item is None else Array(item)
    return None


def _read_mapping(
    value: dict[Any, Any], place: FieldPath, problems: Problems, *, long: bool
) -> Type | None:
    kind = value.get("type")
    if (
        isinstance(kind, str)
        and kind in _PARTS
        and (kind != "sparkml_vector" or long or len(value) == 1)
    ):
        return _read_long(kind, value, place, problems)
    if long and "type" in value:
        _refuse_others(value, ["type", "required", "name"], place, problems)
        return read_type(kind, (*place, "type"), problems)
    if set(value) == {"type"}:
        text = preview(kind) if not isinstance(kind, str) else kind
        problems.add(place, f"{preview(value)} may mean {text}, or an object with one property named type; write {text}, or "
                            f"{{type: object, properties: {{type: {{type: {text}}}}}}}")  # fmt: skip
        return None
    if "*" in value:
        if len(value) > 1:
            problems.add(
                place,
                'a map has the one key "*"; for an object with a property named * use MLflow\'s long form',
            )
            return None
        item = read_type(value["*"], (*place, "*"), problems)
        return None if item is None else Map(item)
    return _read_object(value, place, problems, long=False)


def _read_long(
    kind: str, value: dict[Any, Any], place: FieldPath, problems: Problems
) -> Type | None:
    part = _PARTS[kind]
    _refuse_others(value, ["type", "name", "required", *([part] if part else [])], place, problems)
    if part is None:
        return SparkMLVector()
    if part not in value:
        problems.add(place, f"type {kind} needs {part}")
        return None
    if kind == "object":
        return _read_object(value[part], (*place, part), problems, long=True)
    inside = value[part]
    item = read_type(
        inside, (*place, part), problems, long=isinstance(inside, dict) and "type" in inside
    )
    return None if item is None else Array(item) if kind == "array" else Map(item)


def _read_object(value: Any, place: FieldPath, problems: Problems, *, long: bool) -> Object | None:
    if not isinstance(value, dict) or not value:
        problems.add(
            place,
            f"an object has at least one property, such as {{name: string}}; here is {preview(value)}",
        )
        return None
    found: dict[str, Property] = {}
    whole = True
    for key, item in value.items():
        known = (key, True) if long and isinstance(key, str) else read_key(key, place, problems)
        dtype, said = read_member(
            item, (*place, key), problems, long=long and isinstance(item, dict)
        )
        if known is None or dtype is None:
            whole = False
            continue
        name, required = known
        if not required and said:
            problems.add(
                (*place, key), "the ? makes it optional, but required says true; keep one of them"
            )
        if name == "cls":
            problems.add((*place, key), "MLflow cannot read back a property named cls; rename it")
        if name in found:
            problems.add((*place, key), f"{preview(name)} is given twice, as {name} and as {name}?")
        found[name] = Property(name, dtype, required if said is None else said)
    return Object(list(found.values())) if whole and found else None


def _refuse_others(
    value: dict[Any, Any], known: list[str], place: FieldPath, problems: Problems
) -> None:
    for key in value:
        if key not in known:
            problems.add(
                (*place, key),
                f"MLflow's long form has no {preview(key)}{did_you_mean(str(key), known)}",
            )
