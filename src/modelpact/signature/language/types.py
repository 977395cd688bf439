"""Type expressions: `double`, `[string]`, `{name: string, "orcid?": string}`, `float32[-1, 3]`."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from mlflow.types.schema import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
)

from modelpact.signature.issues import SpecIssues
from modelpact.signature.language.tensor_types import is_tensor, read_tensor
from modelpact.signature.language.type_names import ColumnType, type_name
from modelpact.signature.language.type_reader import is_plain_key, read_type

__all__ = ["column_labels", "format_type", "parse_type", "properties_by_name", "type_to_spec"]

_YAML_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


def parse_type(spec: object) -> ColumnType | TensorSpec:
    """Parse a type expression.

    Args:
        spec: Text, or the data that YAML reads from it: `"double"`, `["string"]`,
            `{"name": "string"}`, `"float32[-1, 3]"`.

    Returns:
        The MLflow type: a `DataType`, `Array`, `Object`, `Map`, `AnyType`, `SparkMLVector`, or an
        unnamed `TensorSpec`.

    Raises:
        SpecError: The expression is malformed. Every problem is listed.

    Example:
        >>> parse_type('{name: string, "orcid?": [long]}')
        {name: string (required), orcid: Array(long) (optional)}
        >>> parse_type("float32[-1, 3]")
        Tensor('float32', (-1, 3))
    """
    issues = SpecIssues()
    dtype = read_tensor(spec, (), issues) if is_tensor(spec) else read_type(spec, (), issues)
    issues.raise_if_any()
    return cast("ColumnType | TensorSpec", dtype)


def type_to_spec(dtype: ColumnType | TensorSpec) -> Any:
    """Return a type as data for YAML or JSON, which `parse_type` reads back.

    Example:
        >>> type_to_spec(Map(Array(DataType.double)))
        {'*': ['double']}
    """
    match dtype:
        case TensorSpec():
            return f"{dtype.type.name}[{', '.join(map(str, dtype.shape))}]"
        case DataType() | AnyType() | SparkMLVector():
            return type_name(dtype)
        case Array():
            return [type_to_spec(dtype.dtype)]
        case Map():
            return {"*": type_to_spec(dtype.value_type)}
    return _object_to_spec(dtype)


def properties_by_name(dtype: Object) -> dict[str, Property]:
    """Return the properties of an object by their names."""
    return {prop.name: prop for prop in dtype.properties}


def column_labels(schema: Schema) -> list[Any]:
    """Return the names of columns or tensors; the positions of unnamed ones."""
    names: list[Any] = [spec.name for spec in schema.inputs]
    return names if schema.has_input_names() else list(range(len(names)))


def _object_to_spec(dtype: Object) -> dict[str, object]:
    properties = dtype.properties
    names = [prop.name for prop in properties]
    if "type" not in names and all(map(is_plain_key, names)):
        return {
            prop.name + ("" if prop.required else "?"): type_to_spec(prop.dtype)
            for prop in properties
        }
    members = {
        prop.name: {"type": type_to_spec(prop.dtype), "required": prop.required}
        for prop in properties
    }
    return {"type": "object", "properties": members}


def format_type(dtype: ColumnType | TensorSpec) -> str:
    """Return a type as text on one line, which `parse_type` reads back.

    Example:
        >>> format_type(Map(Array(DataType.double)))
        '{"*": [double]}'
    """
    return _format_flow(type_to_spec(dtype))


def _format_flow(value: object) -> str:
    """Return data as YAML in flow style."""
    if isinstance(value, list):
        return f"[{', '.join(map(_format_flow, value))}]"
    if isinstance(value, dict):
        items = (f"{_format_flow_key(key)}: {_format_flow(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _format_flow_key(key: str) -> str:
    if re.fullmatch(r"[A-Za-z_][\w-]*", key) and key.lower() not in _YAML_WORDS:
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    letters = (letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in escaped)
    return f'"{"".join(letters)}"'
