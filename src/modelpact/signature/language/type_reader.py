"""Reads types from the data that YAML makes of type expressions, and collects their issues."""

from __future__ import annotations

from types import NoneType
from typing import TypeGuard

from mlflow.types.schema import AnyType, Array, Map, Object, Property, SparkMLVector

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.issues import SpecIssues
from modelpact.signature.language.tensor_types import is_tensor
from modelpact.signature.language.type_names import (
    SCALAR_TYPES,
    TYPE_NAMES,
    ColumnType,
    describe_unknown_type,
)
from modelpact.signature.language.yaml_reader import Unreadable, read_document

__all__ = ["is_plain_key", "merge_required", "read_key", "read_member", "read_type"]

_CONTAINERS: dict[str, type[Array] | type[Map]] = {"array": Array, "map": Map}
_LONG_FORM_KEYS = {"array": "items", "object": "properties", "map": "values"}
_IN_LONG_FORM = " in MLflow's long form"
_LONG_FORM_TYPES = (*_LONG_FORM_KEYS, "sparkml_vector")


def is_plain_key(name: object) -> bool:
    """Return whether a name can be a key of the short form, where ? and * have a meaning."""
    return isinstance(name, str) and name not in ("", "*") and not name.endswith("?")


def read_key(key: object, path: FieldPath, issues: SpecIssues) -> tuple[str, bool] | None:
    """Split a key of the short form into its name and whether it is required.

    Returns:
        The name and the flag; None after adding an issue.
    """
    if not isinstance(key, str):
        text = f"names must be strings, got the {type(key).__name__} {preview(key)}"
        if isinstance(key, bool):
            text += " (YAML reads on, yes, off and no as booleans)"
        issues.add((*path, str(key)), f"{text}; quote the key", issues.find_line((*path, key)))
        return None
    name = key.removesuffix("?")
    if not is_plain_key(name):
        text = f"invalid name {preview(key)}; names that are empty, equal * or end with ? need"
        issues.add((*path, key), f"{text} MLflow's long form")
        return None
    return name, name == key


def read_member(
    value: object, path: FieldPath, issues: SpecIssues, *, in_long_form: bool = False
) -> tuple[ColumnType | None, bool | None]:
    """Read the value of a key: a type, or MLflow's long form of one with a flag `required`.

    Args:
        value: The value of the key.
        path: Its position in the signature.
        issues: Collects the issues.
        in_long_form: Whether the parent is in MLflow's long form, where `{type: string}` is the
            type and not an object with a property named type.

    Returns:
        The type (None after an issue) and the flag (None if not given).
    """
    if not _is_long_member(value, in_long_form):
        return read_type(value, path, issues), None
    required = value.get("required")
    if not isinstance(required, (bool, NoneType)):
        text = f"required must be true or false, got {preview(required)}"
        issues.add((*path, "required"), text)
        required = None
    rest = {key: item for key, item in value.items() if key != "required"}
    return read_type(rest, path, issues, in_long_form=True), required


def _is_long_member(value: object, in_long_form: bool) -> TypeGuard[dict[str, object]]:
    if not isinstance(value, dict) or "type" not in value:
        return False
    return in_long_form or isinstance(value.get("required", ""), (bool, NoneType))


def read_type(
    value: object, path: FieldPath, issues: SpecIssues, *, in_long_form: bool = False
) -> ColumnType | None:
    """Read a column type, nested to any depth; return None after adding an issue."""
    if value is Unreadable:
        return None
    if isinstance(value, str):
        return _read_text(value, path, issues)
    if isinstance(value, list):
        return _read_array(value, path, issues)
    if isinstance(value, dict):
        return _read_mapping(value, path, issues, in_long_form=in_long_form)
    issues.add(path, "missing type" if value is None else _describe_non_type(value))
    return None


def _describe_non_type(value: object) -> str:
    text = f"expected a type name such as double, got the {type(value).__name__} {preview(value)}"
    name = getattr(value, "__name__", None) or getattr(value, "name", None)
    if value is float:
        name = "float64"
    if isinstance(name, str) and name not in TYPE_NAMES:
        return f"{text}; {describe_unknown_type(name)}"
    return f"{text}; write {name!r}" if name else text


def _read_text(value: str, path: FieldPath, issues: SpecIssues) -> ColumnType | None:
    text = value.strip()
    if text in SCALAR_TYPES:
        return SCALAR_TYPES[text]
    if text in TYPE_NAMES:
        return AnyType() if text == "any" else SparkMLVector()
    if text[:1] in ("[", "{"):
        return read_type(read_document(text, path, issues), path, issues)
    issues.add(path, _describe_invalid_text(value))
    return None


def _describe_invalid_text(value: str) -> str:
    text = value.strip()
    if not text:
        return "missing type"
    if is_tensor(text):
        return (
            f"a tensor ({preview(text)}) cannot be nested in a type or mixed with columns; "
            "write an array of any length as [type]"
        )
    type_name, equals, _ = text.partition("=")
    if equals and type_name.strip() in SCALAR_TYPES:
        return f"only params have defaults; write {type_name.strip()}"
    return describe_unknown_type(value)


def _read_array(value: list[object], path: FieldPath, issues: SpecIssues) -> Array | None:
    if value and all(isinstance(axis, int) for axis in value):
        shape = preview(value)
        issues.add(path, f"{shape} looks like a shape; add the dtype of the tensor: float32{shape}")
        return None
    if len(value) != 1:
        text = "an array is written as a list of one type, such as [string]"
        issues.add(path, f"{text}; this list has {len(value)} items")
        return None
    item = read_type(value[0], (*path, 0), issues)
    return None if item is None else Array(item)


def _read_mapping(
    value: dict[str, object], path: FieldPath, issues: SpecIssues, *, in_long_form: bool
) -> ColumnType | None:
    kind = value.get("type")
    if _is_long_form(value, in_long_form):
        return _read_long_form(str(kind), value, path, issues)
    if in_long_form and "type" in value:
        issues.add_unknown_keys(path, value, ["type", "required", "name"], _IN_LONG_FORM)
        return read_type(kind, (*path, "type"), issues)
    if set(value) == {"type"}:
        name = kind if isinstance(kind, str) else preview(kind)
        long_form = f"{{type: object, properties: {{type: {{type: {name}}}}}}}"
        text = f"{preview(value)} is ambiguous; write {name}, or {long_form}"
        issues.add(path, f"{text} for an object with one property named type")
        return None
    if "*" in value:
        return _read_map(value, path, issues)
    return _read_object(value, path, issues, in_long_form=False)


def _is_long_form(value: dict[str, object], in_long_form: bool) -> bool:
    kind = value.get("type")
    if kind == "sparkml_vector":
        # Outside of the long form, {type: sparkml_vector, id: long} is an object.
        return in_long_form or len(value) == 1
    return isinstance(kind, str) and kind in _LONG_FORM_TYPES


def _read_map(value: dict[str, object], path: FieldPath, issues: SpecIssues) -> Map | None:
    if len(value) > 1:
        text = 'a map has only the key "*"'
        issues.add(path, f"{text}; write an object with a property named * in MLflow's long form")
        return None
    item = read_type(value["*"], (*path, "*"), issues)
    return None if item is None else Map(item)


def _read_long_form(
    kind: str, value: dict[str, object], path: FieldPath, issues: SpecIssues
) -> ColumnType | None:
    key = _LONG_FORM_KEYS.get(kind)
    known = ["type", "name", "required", *filter(None, [key])]
    issues.add_unknown_keys(path, value, known, _IN_LONG_FORM)
    if key is None:
        return SparkMLVector()
    if key not in value:
        issues.add(path, f"type {kind} requires the key {key}")
        return None
    inner = value[key]
    if kind == "object":
        return _read_object(inner, (*path, key), issues, in_long_form=True)
    item = read_type(inner, (*path, key), issues, in_long_form=True)
    return None if item is None else _CONTAINERS[kind](item)


def _read_object(
    value: object, path: FieldPath, issues: SpecIssues, *, in_long_form: bool
) -> Object | None:
    if not isinstance(value, dict) or not value:
        text = "an object needs at least one property, such as {name: string}"
        issues.add(path, f"{text}; got {preview(value)}")
        return None
    properties: dict[str, Property] = {}
    complete = True
    for key, item in value.items():
        prop = _read_property(key, item, path, issues, in_long_form=in_long_form)
        if prop is None:
            complete = False
            continue
        if prop.name in properties:
            text = f"duplicate property {preview(prop.name)}, as {prop.name} and as {prop.name}?"
            issues.add((*path, key), text)
        properties[prop.name] = prop
    return Object(list(properties.values())) if complete else None


def _read_property(
    key: object, value: object, path: FieldPath, issues: SpecIssues, *, in_long_form: bool
) -> Property | None:
    is_name = in_long_form and isinstance(key, str)
    name_and_flag = (str(key), True) if is_name else read_key(key, path, issues)
    dtype, flag = read_member(value, (*path, key), issues, in_long_form=in_long_form)
    if name_and_flag is None or dtype is None:
        return None
    name, required = name_and_flag
    if name == "cls":
        issues.add((*path, key), "MLflow cannot read back a property named cls; rename it")
    return Property(name, dtype, merge_required(required, flag, (*path, key), issues))


def merge_required(required: bool, flag: bool | None, path: FieldPath, issues: SpecIssues) -> bool:
    """Return whether a value is required, and add an issue if key and flag contradict each other.

    Args:
        required: Whether the key lacks a `?`.
        flag: The flag `required`; None if not given.
        path: The position of the value in the signature.
        issues: Collects the issue.
    """
    if flag and not required:
        issues.add(path, "the ? makes it optional, but required is true; remove one of them")
    return required if flag is None else flag
