"""Params of a written signature: `double = 0.7`, or `{type: double, default: 0.7}`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from mlflow.types.schema import Array, DataType, Object, ParamSchema, ParamSpec

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.issues import SpecIssues
from modelpact.signature.language.param_defaults import (
    build_param,
    format_param_type,
    parse_default,
    sample_default,
    split_default,
)
from modelpact.signature.language.tensor_types import is_tensor
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.type_reader import is_plain_key, read_key, read_type
from modelpact.signature.language.types import format_type
from modelpact.signature.language.yaml_reader import Unreadable, read_inline, read_stored

__all__ = ["params_to_spec", "read_params"]

_KEYS = ["name", "type", "dtype", "default", "shape", "properties"]


def read_params(value: object, path: FieldPath, issues: SpecIssues) -> ParamSchema | None:
    """Read the params; return None after adding an issue, and for no params.

    Args:
        value: A mapping, MLflow's list of dicts, or MLflow's JSON text.
        path: The position of the value in the signature.
        issues: Collects the issues.
    """
    stored: ParamSchema | None = read_stored(value, ParamSchema.from_json)
    if stored is not None:
        return stored
    value = read_inline(value, path, issues)
    if value is Unreadable or value in ([], {}):
        return None
    found = _read_entries(value, path, issues)
    params = list(filter(None, found))
    issues.add_duplicates(path, [param.name for param in params])
    return None if issues else ParamSchema(params)


def _read_entries(value: object, path: FieldPath, issues: SpecIssues) -> list[ParamSpec | None]:
    if isinstance(value, Mapping):
        return [_read_named(key, item, (*path, key), issues) for key, item in value.items()]
    if isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
        return [_read_listed(item, (*path, index), issues) for index, item in enumerate(value)]
    text = "params are written as {name: type = default}, such as {temperature: double = 0.7}"
    issues.add(path, f"{text}; got {preview(value)}")
    return []


def _read_named(
    key: object, value: object, path: FieldPath, issues: SpecIssues
) -> ParamSpec | None:
    name, is_required = read_key(key, path[:-1], issues) or (str(key), True)
    if not is_required:
        issues.add(path, "params are always optional; remove the ?")
    return _read_param(name, value, path, issues)


def _read_listed(
    value: Mapping[str, object], path: FieldPath, issues: SpecIssues
) -> ParamSpec | None:
    name = value.get("name")
    if name is None:
        issues.add((*path, "name"), "missing name")
    elif not isinstance(name, str):
        issues.add((*path, "name"), f"names must be strings, got {preview(name)}")
    return _read_param(str(name), dict(value), path, issues)


def _read_param(name: str, value: object, path: FieldPath, issues: SpecIssues) -> ParamSpec | None:
    if value is Unreadable:
        return None
    before = len(issues)
    shape: tuple[int, ...] | None = None
    if isinstance(value, str):
        dtype, default = _read_short(value, path, issues)
    elif isinstance(value, dict):
        dtype, default = _read_long(value, path, issues)
        shape = _read_shape(value, path, issues)
    else:
        text = "a param is written as a type and a default, such as double = 0.7"
        issues.add(path, f"{text}; got {preview(value)}")
        return None
    if dtype is None or len(issues) > before or not _check_type(dtype, shape, path, issues):
        return None
    if isinstance(dtype, Array):
        dtype, shape = dtype.dtype, (-1,)
    base = cast("DataType | Object", dtype)
    return build_param(name, base, default, shape, path=path, issues=issues)


def _read_short(
    value: str, path: FieldPath, issues: SpecIssues
) -> tuple[ColumnType | None, object]:
    type_text, default = split_default(value)
    if default is None:
        remedy = f"write {type_text[:60]} = {sample_default(type_text)}"
        issues.add(path, f"missing default; {remedy}")
        return None, None
    dtype = _read_param_type(type_text, path, issues)
    if dtype is None or not _check_type(dtype, None, path, issues):
        return None, None
    return dtype, parse_default(default, dtype, path, issues)


def _read_param_type(value: object, path: FieldPath, issues: SpecIssues) -> ColumnType | None:
    if is_tensor(value):
        text = f"a param cannot be a tensor ({preview(value)})"
        issues.add(path, f"{text}; write a list of any length as [double]")
        return None
    return read_type(value, path, issues)


def _read_long(
    value: dict[str, object], path: FieldPath, issues: SpecIssues
) -> tuple[ColumnType | None, object]:
    issues.add_unknown_keys(path, value, _KEYS, " of a param")
    # Older files of MLflow contain dtype.
    type_key = "dtype" if "dtype" in value and "type" not in value else "type"
    missing = [key for key in (type_key, "default") if key not in value]
    if missing:
        text = f"a param requires {' and '.join(missing)}"
        issues.add(path, f"{text}, as in {{type: double, default: 0.7}}")
        return None, None
    return _read_long_type(value, type_key, path, issues), value["default"]


def _read_long_type(
    value: dict[str, object], type_key: str, path: FieldPath, issues: SpecIssues
) -> ColumnType | None:
    written = value[type_key]
    properties = {key: item for key, item in value.items() if key == "properties"}
    if written == "object":
        return _read_param_type({"type": "object", **properties}, path, issues)
    if properties:
        text = f"properties are for type object only, not for {preview(written)}"
        issues.add((*path, "properties"), text)
    return _read_param_type(written, (*path, type_key), issues)


def _read_shape(
    value: dict[str, object], path: FieldPath, issues: SpecIssues
) -> tuple[int, ...] | None:
    shape = value.get("shape")
    if shape is None:
        return None
    if not isinstance(shape, (list, tuple)) or list(shape) != [-1]:
        text = f"the shape of a param must be [-1] (a list) or omitted, got {preview(shape)}"
        issues.add((*path, "shape"), text)
    return (-1,)


def _check_type(
    dtype: ColumnType, shape: tuple[int, ...] | None, path: FieldPath, issues: SpecIssues
) -> bool:
    """Check that MLflow supports the type for params; add an issue if not."""
    full_type = Array(dtype) if shape else dtype
    scalar = full_type.dtype if isinstance(full_type, Array) else full_type
    is_supported = isinstance(scalar, DataType) and scalar != DataType.binary
    if is_supported or isinstance(full_type, Object):
        return True
    text = f"unsupported type {format_type(full_type)} for a param"
    remedy = "use a scalar other than binary, a list of such scalars, or an object"
    issues.add(path, f"{text}; {remedy}")
    return False


def params_to_spec(schema: ParamSchema) -> dict[str, str]:
    """Return params in the short form.

    Raises:
        ValueError: A name is not a plain key; MLflow's own form can hold it.

    Example:
        >>> params_to_spec(ParamSchema([ParamSpec("top", DataType.long, 3)]))
        {'top': 'long = 3'}
    """
    if not all(is_plain_key(param.name) for param in schema.params):
        raise ValueError("a name is not a plain key")
    return {param.name: _param_to_spec(param) for param in schema.params}


def _param_to_spec(param: ParamSpec) -> str:
    stored = param.to_dict()["default"]
    default = json.dumps(stored, ensure_ascii=False)
    if not default.isprintable():
        default = json.dumps(stored)
    return f"{format_param_type(param.dtype, param.shape)} = {default}"
