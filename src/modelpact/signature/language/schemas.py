"""Inputs and outputs of a written signature: columns and tensors, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mlflow.exceptions import MlflowException
from mlflow.types.schema import ColSpec, Schema, TensorSpec

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.issues import SpecIssues
from modelpact.signature.language.tensor_types import is_tensor, read_tensor
from modelpact.signature.language.type_names import TYPE_NAMES, ColumnType
from modelpact.signature.language.type_reader import (
    is_plain_key,
    merge_required,
    read_key,
    read_member,
    read_type,
)
from modelpact.signature.language.types import type_to_spec
from modelpact.signature.language.yaml_reader import Unreadable, read_inline, read_stored

__all__ = ["read_schema", "schema_to_spec"]

_Spec = ColSpec | TensorSpec

_LONG_FORM_KEYS = {"type", "name", "required", "items", "properties", "values", "tensor-spec"}
# A tuple, because the value of `type` may be unhashable: a column may be named type.
_LONG_FORM_TYPES = ("tensor", "array", "object", "map")


def read_schema(value: object, path: FieldPath, issues: SpecIssues) -> Schema | None:
    """Read the inputs or the outputs; return None after adding an issue.

    Args:
        value: A mapping, a list, a tensor, or MLflow's JSON text.
        path: The position of the value in the signature.
        issues: Collects the issues.
    """
    stored: Schema | None = read_stored(value, Schema.from_json)
    if stored is not None:
        return stored
    value = read_inline(value, path, issues)
    if value is Unreadable:
        return None
    before = len(issues)
    specs = _read_specs(value, path, issues)
    valid_specs: list[_Spec] = list(filter(None, specs))
    _check_consistency(valid_specs, path, issues)
    if len(issues) > before or len(valid_specs) < len(specs):
        return None
    try:
        return Schema(valid_specs)
    except MlflowException as error:
        issues.add(path, f"MLflow rejects the schema: {preview(error.message)}")
        return None


def _read_specs(value: object, path: FieldPath, issues: SpecIssues) -> list[_Spec | None]:
    if isinstance(value, Mapping) and value:
        return _read_mapping(value, path, issues)
    if isinstance(value, (list, tuple)) and value:
        return [_read_listed(item, (*path, index), issues) for index, item in enumerate(value)]
    if isinstance(value, str):
        return [_read_listed(value, path, issues)]
    text = "expected columns ({name: type} or [type]) or a tensor (float32[-1, 3])"
    issues.add(path, f"{text}, got {preview(value)}")
    return []


def _read_mapping(
    value: Mapping[object, object], path: FieldPath, issues: SpecIssues
) -> list[_Spec | None]:
    if set(value) == {"*"} or value.get("type") in _LONG_FORM_TYPES:
        text = f"write an unnamed column as a list of its type: [{preview(dict(value))}]"
        issues.add(path, text)
        return []
    return [_read_named(key, item, (*path, key), issues) for key, item in value.items()]


def _make_column(
    name: str | None, dtype: ColumnType | None, required: bool | None
) -> ColSpec | None:
    if dtype is None:
        return None
    # MLflow's own files may lack `required`, and MLflow then reads None.
    return ColSpec(dtype, name, cast("bool", required))


def _read_named(key: object, value: object, path: FieldPath, issues: SpecIssues) -> _Spec | None:
    name, required = read_key(key, path[:-1], issues) or (None, True)
    spec: _Spec | None
    if is_tensor(value):
        spec = read_tensor(value, path, issues, name)
        if not required:
            issues.add(path, "a tensor cannot be optional; remove the ?")
    elif isinstance(value, Mapping) and value.get("type") == "tensor":
        spec = _read_long_tensor(value, name, path, issues)
    else:
        dtype, flag = read_member(value, path, issues)
        spec = _make_column(name, dtype, merge_required(required, flag, path, issues))
    return None if name is None else spec


def _read_listed(value: object, path: FieldPath, issues: SpecIssues) -> _Spec | None:
    if is_tensor(value):
        return read_tensor(value, path, issues)
    if isinstance(value, Mapping) and "type" in value and set(value) <= _LONG_FORM_KEYS:
        return _read_long_column(value, path, issues)
    return _make_column(None, read_type(value, path, issues), True)


def _read_long_column(
    value: Mapping[str, Any], path: FieldPath, issues: SpecIssues
) -> _Spec | None:
    """Read an item of MLflow's list of dicts."""
    name: Any = value.get("name")
    if not isinstance(name, (str, int, float, type(None))):
        issues.add((*path, "name"), f"names must be strings or numbers, got {preview(name)}")
        name = preview(name)
    if set(value) == {"name", "type"} and name in TYPE_NAMES:
        text = f"ambiguous: a column named {name}, or an object with the properties name and type"
        remedy = "add required: true for the column, or write {type: object, properties: ...}"
        issues.add(path, f"{text}; {remedy}")
    if value["type"] == "tensor":
        return _read_long_tensor(value, name, path, issues)
    if value["type"] in _LONG_FORM_TYPES and "required" not in value:
        text = "MLflow reads a missing required as optional here"
        issues.add(path, f"{text}; add required: true or required: false")
    dtype, _ = read_member(value, path, issues, in_long_form=True)
    return _make_column(name, dtype, value.get("required", True))


def _read_long_tensor(
    value: Mapping[str, Any], name: str | None, path: FieldPath, issues: SpecIssues
) -> TensorSpec | None:
    match value.get("tensor-spec"):
        case {"dtype": dtype, "shape": [*shape]}:
            text = f"{dtype}[{', '.join(map(str, shape))}]"
        case _:
            issues.add(path, "type tensor requires tensor-spec: {dtype: float32, shape: [-1, 3]}")
            return None
    if value.get("required") is False:
        issues.add(path, "a tensor cannot be optional; remove required")
    if not is_tensor(text):
        message = f"invalid tensor {preview(text)}; a tensor has a dtype and a shape"
        issues.add((*path, "tensor-spec"), f"{message}, such as float32 and [-1, 3]")
        return None
    return read_tensor(text, (*path, "tensor-spec"), issues, name)


def _check_consistency(specs: list[_Spec], path: FieldPath, issues: SpecIssues) -> None:
    """Add the issues of columns and tensors that MLflow does not allow together."""
    names = [spec.name for spec in specs if spec.name is not None]
    issues.add_duplicates(path, names)
    _check_mixture(specs, path, issues)
    if not names:
        _check_unnamed(specs, path, issues)
    elif len(names) < len(specs):
        counts = f"named ({len(names)}) and unnamed ({len(specs) - len(names)})"
        issues.add(path, f"{counts} columns cannot be mixed; name all of them or none")


def _check_mixture(specs: list[_Spec], path: FieldPath, issues: SpecIssues) -> None:
    n_tensors = sum(isinstance(spec, TensorSpec) for spec in specs)
    n_columns = len(specs) - n_tensors
    if n_tensors and n_columns:
        text = f"tensors ({n_tensors}) and columns ({n_columns}) cannot be mixed"
        issues.add(path, f"{text}; write an array column as [double]")


def _check_unnamed(specs: list[_Spec], path: FieldPath, issues: SpecIssues) -> None:
    if len(specs) > 1 and all(isinstance(spec, TensorSpec) for spec in specs):
        text = "several tensors need names: {left: float32[-1, 3], right: float32[-1, 3]}"
        issues.add(path, text)
    for index, spec in enumerate(specs):
        if isinstance(spec, ColSpec) and spec.required is False:
            text = "an unnamed column cannot be optional; name it, or remove required: false"
            issues.add((*path, index), text)


def schema_to_spec(schema: Schema) -> object:
    """Return inputs or outputs in the short form, as data for YAML.

    Raises:
        ValueError: The short form cannot hold the schema: a name is not a plain key, or not unique.

    Example:
        >>> schema_to_spec(Schema([ColSpec("long", "age", required=False)]))
        {'age?': 'long'}
    """
    specs = schema.inputs
    types = [type_to_spec(spec if isinstance(spec, TensorSpec) else spec.type) for spec in specs]
    if specs[0].name is None:
        return types[0] if schema.is_tensor_spec() else types
    return dict(zip(_list_keys(specs), types, strict=True))


def _list_keys(specs: list[_Spec]) -> list[str]:
    names = {spec.name for spec in specs if is_plain_key(spec.name)}
    if len(names) < len(specs):
        raise ValueError("a name is not a plain key, or not unique")
    return [f"{spec.name}?" if _is_optional(spec) else str(spec.name) for spec in specs]


def _is_optional(spec: _Spec) -> bool:
    return isinstance(spec, ColSpec) and not spec.required
