"""Export of signatures as JSON Schema, draft 2020-12.

A schema accepts the JSON that the policy `lossless` accepts. It is derived from the compiled checks
of the enforcer, so both agree on nulls. JSON Schema cannot express the width of numbers;
`tests/signature/export/test_verdicts.py` lists the resulting differences.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

from modelpact.signature.enforcement.columns import compile_column
from modelpact.signature.enforcement.nested import (
    AnyNode,
    ArrayNode,
    MapNode,
    Node,
    ObjectNode,
    ScalarNode,
    compile_type,
)
from modelpact.signature.language.tensor_types import accepts_any_array

__all__ = ["DATE", "TIME", "JsonSchema", "rows_schema", "to_json_schema"]

JsonSchema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

_HOUR, _MINUTE = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
DATE = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
"""The pattern of a month and a day, except February 29."""

TIME = f"(?:[T ]{_HOUR}(?::{_MINUTE}(?::{_MINUTE}(?:[.,][0-9]+)?)?)?(?:Z|[+-]{_HOUR}:{_MINUTE})?)?"
"""The pattern of an optional time with an optional UTC offset."""

_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
# The first lookahead excludes offsets on the first and the last day of Python's calendar, which
# may leave it in UTC. The second is needed because `$` also matches before a final newline.
DATETIME = (
    f"^(?!(?:0001-01-01|9999-12-31).*[+-]..:..$)(?:{_YEAR}-{DATE}|{_LEAP_YEAR}-02-29){TIME}(?!\\n)$"
)
"""The pattern of a date or a date and time in ISO 8601."""


_DIGIT = "[A-Za-z0-9+/][\\r\\n]*"
BASE64 = f"^(?:(?:{_DIGIT}){{4}})*(?:(?:{_DIGIT}){{2}}=[\\r\\n]*=|(?:{_DIGIT}){{3}}=)?[\\r\\n]*$"
"""The pattern of bytes in base64 with padding; MLflow breaks the text into lines."""


def to_json_schema(signature: ModelSignature) -> JsonSchema:
    """Convert a signature to the JSON Schema of its payloads.

    Columns are a list of rows: objects for named columns, lists for unnamed ones, or plain values
    for a single unnamed column. Rows may have extra columns. A tensor is a nested list; named
    tensors are an object of nested lists.

    Args:
        signature: MLflow's signature.

    Returns:
        A schema with the properties `inputs`, `outputs` and `params` that the signature has. Bytes
        are base64 text. A part that has no JSON form, such as a complex tensor, is `{"not": {}}`.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> signature = parse({"inputs": {"age": "integer"}, "params": {"top": "long = 3"}})
        >>> properties = to_json_schema(signature)["properties"]
        >>> properties["inputs"]["items"]["properties"]
        {'age': {'type': 'integer', 'minimum': -2147483648, 'maximum': 2147483647}}
        >>> properties["params"]["properties"]["top"]["default"]
        3
    """
    properties = {
        name: _payload_schema(schema)
        for name, schema in (("inputs", signature.inputs), ("outputs", signature.outputs))
        if schema
    }
    if signature.params is not None:
        properties["params"] = _params_schema(signature.params)
    return {"$schema": _DRAFT, "type": "object", "properties": properties}


def rows_schema(schema: Schema) -> JsonSchema:
    """Convert a schema of columns to the JSON Schema of one row.

    Args:
        schema: MLflow's schema of columns.

    Returns:
        An object for named columns, a list for unnamed ones, or the schema of the value for a
        single unnamed column.

    Raises:
        ValueError: The schema is one of tensors, which have no rows.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> inputs = parse({"inputs": {"tags": ["string"], "note?": "string"}}).inputs
        >>> rows_schema(inputs)["required"]
        ['tags']
        >>> rows_schema(parse({"inputs": ["boolean"]}).inputs)
        {'type': 'boolean'}
    """
    if schema.is_tensor_spec():
        raise ValueError("a schema of tensors has no rows: use to_json_schema")
    specs: Any = schema.inputs
    if specs[0].name is not None:
        return _named_row(specs, [spec.name for spec in specs if spec.required])
    nodes = [column_node(spec) for spec in specs]
    return _node_schema(nodes[0]) if len(nodes) == 1 else _unnamed_row(nodes, len(nodes))


def column_node(spec: ColSpec) -> Node:
    """Return the compiled type of a column."""
    return compile_column(spec, spec.name).node


def nothing() -> JsonSchema:
    """Return the schema that accepts no value."""
    return {"not": {}}


def nullable(schema: JsonSchema) -> JsonSchema:
    """Return a schema that also accepts null."""
    if "type" not in schema:
        return {"type": "null"} if schema == nothing() else schema
    return {**schema, "type": [schema["type"], "null"]}


def scalar_schema(name: str) -> JsonSchema:
    """Return the schema of a scalar type."""
    return dict(_SCALARS.get(name, nothing()))


def _payload_schema(schema: Schema) -> JsonSchema:
    specs: Any = schema.inputs
    if schema.is_tensor_spec():
        return _tensors_schema(specs) if schema.has_input_names() else _tensor_schema(specs[0])
    if schema.has_input_names():
        return _named_rows(specs)
    return _unnamed_rows([column_node(spec) for spec in specs])


def _named_rows(specs: Sequence[ColSpec]) -> JsonSchema:
    """Return the schema of a list of rows.

    A required column of a type with nulls, such as double, may be missing in some rows, but not in
    all.
    """
    in_every_row, in_some_row = _split_required(specs)
    if not _are_texts([*in_every_row, *in_some_row]):
        return nothing()
    rows: JsonSchema = {"type": "array", "items": _named_row(specs, in_every_row)}
    if in_every_row or in_some_row:
        rows["minItems"] = 1
    if in_some_row:
        rows["allOf"] = [{"contains": {"required": [name]}} for name in in_some_row]
    return rows


def _split_required(specs: Sequence[ColSpec]) -> tuple[list[str | None], list[str | None]]:
    """Return the required columns of every row, and those that some rows may lack."""
    in_every_row: list[str | None] = []
    in_some_row: list[str | None] = []
    for spec in specs:
        if spec.required:
            (in_some_row if column_node(spec).nullable else in_every_row).append(spec.name)
    return in_every_row, in_some_row


def _are_texts(names: Iterable[object]) -> bool:
    return all(isinstance(name, str) for name in names)


def _named_row(specs: Sequence[ColSpec], required: Sequence[str | None]) -> JsonSchema:
    """Return the schema of a row. A column named by a number cannot occur in JSON."""
    if not _are_texts(required):
        return nothing()
    properties = {
        spec.name: _node_schema(column_node(spec)) for spec in specs if isinstance(spec.name, str)
    }
    row: JsonSchema = {"type": "object", "properties": properties}
    if required:
        row["required"] = required
    return row


def _unnamed_rows(nodes: list[Node]) -> JsonSchema:
    rows = _list_rows(nodes)
    if len(nodes) > 1:
        return rows
    if isinstance(nodes[0], AnyNode):
        return {"type": "array"}
    value = _node_schema(nodes[0])
    cells = {"type": "array", "items": value}
    if not isinstance(nodes[0], ScalarNode):
        row = {"type": "array", "items": value, "minItems": 1, "maxItems": 1}
        rows = {"type": "array", "items": row}
    return {"anyOf": [cells, rows]}


def _list_rows(nodes: list[Node]) -> JsonSchema:
    """Return the schema of rows as lists. All but one row may omit nulls at their end."""
    shortest = max((index for index, node in enumerate(nodes, 1) if not node.nullable), default=0)
    rows: JsonSchema = {"type": "array", "minItems": 1, "items": _unnamed_row(nodes, shortest)}
    if shortest < len(nodes):
        rows["contains"] = {"minItems": len(nodes)}
    return rows


def _unnamed_row(nodes: list[Node], shortest: int) -> JsonSchema:
    values = [_node_schema(node) for node in nodes]
    return {"type": "array", "prefixItems": values, "minItems": shortest}


def _node_schema(node: Node) -> JsonSchema:
    """Return the schema of a compiled type."""
    if isinstance(node, ScalarNode):
        schema = scalar_schema(node.expected)
    elif isinstance(node, ArrayNode):
        schema = {"type": "array", "items": _node_schema(node.item)}
    elif isinstance(node, MapNode):
        schema = {"type": "object", "additionalProperties": _node_schema(node.item)}
    elif isinstance(node, ObjectNode):
        return _object_schema(node)
    else:
        return {}
    return nullable(schema) if node.nullable else schema


def _object_schema(node: ObjectNode) -> JsonSchema:
    schema: JsonSchema = {
        "type": "object",
        "properties": {name: _node_schema(inner) for name, inner in node.properties.items()},
        "additionalProperties": False,
    }
    if node.required:
        schema["required"] = node.required
    if not node.nullable:
        return schema
    if not node.required:
        return nullable(schema)
    # An empty object stands for null.
    return {"anyOf": [schema, {"type": ["object", "null"], "maxProperties": 0}]}


def _tensors_schema(specs: Sequence[TensorSpec]) -> JsonSchema:
    names = [spec.name for spec in specs]
    if not _are_texts(names):
        return nothing()
    properties = {spec.name: _tensor_schema(spec) for spec in specs}
    return {"type": "object", "properties": properties, "required": names}


def _tensor_schema(spec: TensorSpec) -> JsonSchema:
    """Return the schema of nested lists. Only the last axis can be empty: `[]` has no more axes."""
    if not spec.shape or 0 in spec.shape[:-1]:
        return nothing()
    if accepts_any_array(spec):
        return {"type": "array"}
    schema = _tensor_item_schema(spec.type, is_open=spec.shape[-1] == -1)
    for axis, length in reversed(list(enumerate(spec.shape, start=1))):
        schema = {"type": "array", "items": schema}
        if length != -1:
            schema |= {"minItems": length, "maxItems": length}
        elif axis < len(spec.shape):
            schema["minItems"] = 1
    return schema


def _tensor_item_schema(dtype: np.dtype[Any], *, is_open: bool) -> JsonSchema:
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return {"type": "integer", "minimum": int(bounds.min), "maximum": int(bounds.max)}
    if dtype.kind == "f":
        # Null is NaN.
        return nullable({"type": "number", **float_bounds(dtype)})
    if dtype.kind == "O":
        return {} if is_open else {"not": {"type": "array"}}
    return dict(_TENSOR_ITEMS.get(dtype.kind, nothing()))


def float_bounds(dtype: np.dtype[Any]) -> JsonSchema:
    """Return the bounds within which a double is rounded to a finite number of a dtype."""
    if dtype.itemsize >= 8:
        return {}
    largest = math.nextafter(overflow_limit(dtype), 0.0)
    return {"minimum": -largest, "maximum": largest}


def overflow_limit(dtype: np.dtype[Any]) -> float:
    """Return the smallest double that a floating-point dtype rounds to infinity."""
    width = np.finfo(dtype)
    return float(2.0**width.maxexp - 2.0 ** (width.maxexp - width.nmant - 2))


def _params_schema(params: ParamSchema) -> JsonSchema:
    """Return the schema of params. All are optional, and null stands for no params."""
    return {
        "type": ["object", "null"],
        "properties": {spec.name: _param_schema(spec) for spec in params},
        "additionalProperties": False,
    }


def _param_schema(spec: ParamSpec) -> JsonSchema:
    if spec.dtype == DataType.binary:
        return nothing()
    if isinstance(spec.dtype, DataType):
        # Null stands for an unset param.
        schema = nullable(scalar_schema(spec.dtype.name))
        if spec.shape is not None:
            schema = {"type": "array", "items": schema}
    else:
        schema = _node_schema(compile_type(spec.dtype, nullable=False))
    try:
        return {**schema, "default": _to_json(spec.default)}
    except ValueError:
        return schema


def _to_json(value: object) -> object:
    """Return a default as JSON data.

    Raises:
        ValueError: The default contains NaN or infinity.
    """
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return list(map(_to_json, value))
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        raise ValueError(f"{plain} is not valid JSON")
    return plain


_SCALARS: dict[str, JsonSchema] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": "number", **float_bounds(np.dtype("float32"))},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "binary": {"type": "string", "contentEncoding": "base64", "pattern": BASE64},
    "datetime": {"type": "string", "pattern": DATETIME},
}
_TENSOR_ITEMS: dict[str, JsonSchema] = {
    "b": {"type": "boolean"},
    "U": {"type": "string"},
    "S": _SCALARS["binary"],
    "M": {"type": ["string", "null"], "pattern": DATETIME},
}
"""The schema of the items of a tensor by the kind of its dtype."""
