"""Signatures as JSON Schema, draft 2020-12: what it accepts of JSON is what the `lossless` policy accepts of it.

The types are read from the compiled checks themselves, so there is one place that says where a null may stand. JSON Schema has
numbers, but no widths: `tests/signature/test_export.py` lists what it cannot tell apart.
"""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
from mlflow.models import ModelSignature
from mlflow.types.schema import DataType, ParamSchema, ParamSpec, Schema, TensorSpec

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

__all__ = ["rows_schema", "strict_rows_schema", "to_json_schema"]

JsonSchema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_FLOAT_MAX = float(np.finfo("float32").max)

_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_DAYS = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
_TIME = f"(?:[T ]{_HOUR}(?::{_SIXTY}(?::{_SIXTY}(?:[.,][0-9]+)?)?)?(?:Z|[+-]{_HOUR}:{_SIXTY})?)?"
_DATE = (
    f"(?:(?:[1-9][0-9]{{3}}|0[1-9][0-9]{{2}}|00[1-9][0-9]|000[1-9])-{_DAYS}"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)"
)
# Before a last newline, Python's $ stands too. With an offset, the first and the last day may be days in UTC that there are not.
_MOMENT = f"^(?!(?:0001-01-01|9999-12-31).*[+-]..:..$){_DATE}{_TIME}(?!\\n)$"
# The same without looking ahead, which OpenAI does not take: the years are such that any offset will do.
_STRICT_MOMENT = f"^(?:[1-8][0-9]{{3}}-{_DAYS}|(?:[1-8][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[1357][26])00)-02-29){_TIME}$"


def to_json_schema(signature: ModelSignature) -> JsonSchema:
    """The JSON Schema of a signature's payloads.

    Inputs and outputs of columns are a list of rows: objects where the columns are named, else lists, or the plain values of a
    single column. Tensors are nested lists, or an object of them. Rows may have more columns than the signature knows.

    Args:
        signature: MLflow's signature.

    Returns:
        A schema with the properties `inputs`, `outputs` and `params`, as far as the signature has them. Where no JSON will do, as
        for a binary value, which JSON has not, it says `{"not": {}}`.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> found = to_json_schema(parse({"inputs": {"age": "integer"}, "params": {"top": "long = 3"}}))
        >>> found["properties"]["inputs"]["items"]["properties"]
        {'age': {'type': 'integer', 'minimum': -2147483648, 'maximum': 2147483647}}
        >>> found["properties"]["params"]["properties"]["top"]["default"]
        3
    """
    properties = {
        name: _payload(schema)
        for name, schema in (("inputs", signature.inputs), ("outputs", signature.outputs))
        if schema
    }
    if signature.params is not None:
        properties["params"] = _params(signature.params)
    return {"$schema": _DRAFT, "type": "object", "properties": properties}


def rows_schema(schema: Schema) -> JsonSchema:
    """The JSON Schema of one row of columns.

    Args:
        schema: MLflow's schema, of columns.

    Returns:
        An object of the columns; where they have no names, a list of their values, or for a single one the schema of its value.

    Raises:
        ValueError: The schema is one of tensors, which have no rows.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> rows_schema(parse({"inputs": {"tags": ["string"], "note?": "string"}}).inputs)["required"]
        ['tags']
        >>> rows_schema(parse({"inputs": ["boolean"]}).inputs)
        {'type': 'boolean'}
    """
    if schema.is_tensor_spec():
        raise ValueError("tensors have no rows; to_json_schema says what they are in JSON")
    specs: Any = schema.inputs
    if specs[0].name is not None:
        return _row(specs, [spec.name for spec in specs if spec.required])
    nodes = [_column_node(spec) for spec in specs]
    return _value(nodes[0]) if len(nodes) == 1 else _positional_row(nodes, len(nodes))


def strict_rows_schema(schema: Schema) -> JsonSchema | None:
    """The JSON Schema of one row in the form that OpenAI's strict structured output wants.

    Every object lists all its properties as required and allows no others; what is optional may be null, and nothing else may.
    What it accepts, `rows_schema` accepts; of moments, those of the years 1000 to 8999. OpenAI also wants an object at the root:
    the value of an unnamed column may be none.

    Args:
        schema: MLflow's schema, of columns.

    Returns:
        The schema; None where it cannot be said in that form: with maps, `any`, a required binary value, a name that is no text,
        several unnamed columns, or tensors.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> strict_rows_schema(parse({"inputs": {"name": "string", "nick?": "string"}}).inputs)["properties"]
        {'name': {'type': 'string'}, 'nick': {'type': ['string', 'null']}}
        >>> strict_rows_schema(parse({"inputs": {"scores": {"*": "double"}}}).inputs) is None
        True
    """
    specs: Any = schema.inputs
    if schema.is_tensor_spec() or (specs[0].name is None and len(specs) > 1):
        return None
    if specs[0].name is None:
        return _strict(_column_node(specs[0]), optional=False)
    return _strict_object(
        {spec.name: _strict(_column_node(spec), optional=not spec.required) for spec in specs}
    )


def _payload(schema: Schema) -> JsonSchema:
    specs: Any = schema.inputs
    if schema.is_tensor_spec():
        return _tensors(specs) if schema.has_input_names() else _tensor(specs[0])
    return (
        _records(specs)
        if specs[0].name is not None
        else _unnamed([_column_node(spec) for spec in specs])
    )


def _column_node(spec: Any) -> Node:
    return compile_column(spec, spec.name).node


def _records(specs: list[Any]) -> JsonSchema:
    """A list of rows. A column whose nulls are values, as those of double are, has to be in one row only."""
    required = [spec for spec in specs if spec.required]
    everywhere = [spec.name for spec in required if not _column_node(spec).nullable]
    somewhere = [spec.name for spec in required if spec.name not in everywhere]
    found: JsonSchema = {"type": "array", "items": _row(specs, everywhere)}
    if required:
        found["minItems"] = 1
    if somewhere:
        found["allOf"] = [
            {"contains": {"required": [name]}} for name in somewhere if isinstance(name, str)
        ]
    return found if all(isinstance(spec.name, str) for spec in required) else _nothing()


def _row(specs: list[Any], required: list[Any]) -> JsonSchema:
    """One row as an object. JSON's names are text: no row has a column that is named by a number."""
    if not all(isinstance(name, str) for name in required):
        return _nothing()
    found: JsonSchema = {
        "type": "object",
        "properties": {
            spec.name: _value(_column_node(spec)) for spec in specs if isinstance(spec.name, str)
        },
    }
    if required:
        found["required"] = required
    return found


def _unnamed(nodes: list[Node]) -> JsonSchema:
    rows = _positional_rows(nodes)
    if len(nodes) > 1:
        return rows
    cells = {"type": "array", "items": _value(nodes[0])}
    if isinstance(nodes[0], AnyNode):
        return {"type": "array"}
    if isinstance(nodes[0], ScalarNode):
        return {"anyOf": [cells, rows]}
    return {
        "anyOf": [
            cells,
            {
                "type": "array",
                "items": {"type": "array", "items": cells["items"], "minItems": 1, "maxItems": 1},
            },
        ]
    }


def _positional_rows(nodes: list[Node]) -> JsonSchema:
    """Rows as lists. Those at whose end only nulls would follow may be shorter, as long as one of them is not."""
    least = max((index + 1 for index, found in enumerate(nodes) if not found.nullable), default=0)
    rows: JsonSchema = {"type": "array", "minItems": 1, "items": _positional_row(nodes, least)}
    if least < len(nodes):
        rows["contains"] = {"minItems": len(nodes)}
    return rows


def _positional_row(nodes: list[Node], least: int) -> JsonSchema:
    return {"type": "array", "prefixItems": [_value(found) for found in nodes], "minItems": least}


def _value(found: Node) -> JsonSchema:
    """The schema of a compiled type."""
    if isinstance(found, ScalarNode):
        schema = _scalar(found.expected, _MOMENT)
    elif isinstance(found, ArrayNode):
        schema = {"type": "array", "items": _value(found.item)}
    elif isinstance(found, MapNode):
        schema = {"type": "object", "additionalProperties": _value(found.item)}
    elif isinstance(found, ObjectNode):
        return _object(found)
    else:
        return {}
    return _or_null(schema) if found.nullable else schema


def _object(found: ObjectNode) -> JsonSchema:
    schema: JsonSchema = {
        "type": "object",
        "properties": {name: _value(inner) for name, inner in found.properties.items()},
        "additionalProperties": False,
    }
    if found.required:
        schema["required"] = found.required
    if not found.nullable:
        return schema
    if not found.required:
        return _or_null(schema)
    return {
        "anyOf": [schema, {"type": ["object", "null"], "maxProperties": 0}]
    }  # an empty object stands for null


def _scalar(name: str, moment: str) -> JsonSchema:
    if name in ("integer", "long"):
        low, high = (-(2**31), 2**31 - 1) if name == "integer" else (-(2**63), 2**63 - 1)
        return {"type": "integer", "minimum": low, "maximum": high}
    if name == "float":
        return {"type": "number", "minimum": -_FLOAT_MAX, "maximum": _FLOAT_MAX}
    if name == "datetime":
        return {"type": "string", "pattern": moment}
    return {
        "boolean": {"type": "boolean"},
        "double": {"type": "number"},
        "string": {"type": "string"},
    }.get(name, _nothing())


def _nothing() -> JsonSchema:
    return {"not": {}}


def _or_null(schema: JsonSchema) -> JsonSchema:
    if "type" not in schema:
        return {"type": "null"} if schema == _nothing() else schema
    return {**schema, "type": [schema["type"], "null"]}


def _strict(found: Node, *, optional: bool) -> JsonSchema | None:
    schema: JsonSchema | None = None
    if isinstance(found, ScalarNode):
        schema = _scalar(found.expected, _STRICT_MOMENT)
        if schema == _nothing() and not optional:
            return None
    elif isinstance(found, ArrayNode):
        items = _strict(found.item, optional=False)
        schema = None if items is None else {"type": "array", "items": items}
    elif isinstance(found, ObjectNode):
        schema = _strict_object(
            {
                name: _strict(inner, optional=name in found.optional)
                for name, inner in found.properties.items()
            }
        )
    return _or_null(schema) if optional and schema is not None else schema


def _strict_object(properties: dict[Any, JsonSchema | None]) -> JsonSchema | None:
    if any(inner is None or not isinstance(name, str) for name, inner in properties.items()):
        return None
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _tensors(specs: list[TensorSpec]) -> JsonSchema:
    names: list[Any] = [spec.name for spec in specs]
    if not all(isinstance(name, str) for name in names):
        return _nothing()
    return {
        "type": "object",
        "properties": {spec.name: _tensor(spec) for spec in specs},
        "required": names,
    }


def _tensor(spec: TensorSpec) -> JsonSchema:
    """Nested lists. A list that is empty has no further axes: only the last axis can be without items."""
    if not spec.shape or 0 in spec.shape[:-1]:
        return _nothing()
    if spec.type.kind == "O" and spec.shape == (-1,):
        return {"type": "array"}
    schema = _tensor_item(spec.type, last=spec.shape[-1])
    for place, length in reversed(list(enumerate(spec.shape, start=1))):
        schema = {"type": "array", "items": schema}
        if length != -1:
            schema |= {"minItems": length, "maxItems": length}
        elif place < len(spec.shape):
            schema["minItems"] = 1
    return schema


def _tensor_item(dtype: np.dtype[Any], last: int) -> JsonSchema:
    if dtype.kind in "iu":
        whole = np.iinfo(dtype)
        return {"type": "integer", "minimum": int(whole.min), "maximum": int(whole.max)}
    if dtype.kind == "f" and dtype.itemsize < 8:
        width = np.finfo(dtype)
        beyond = 2.0**width.maxexp - 2.0 ** (
            width.maxexp - width.nmant - 2
        )  # the first that rounds to infinity
        return {"type": "number", "exclusiveMinimum": -beyond, "exclusiveMaximum": beyond}
    if dtype.kind == "O":
        return {} if last == -1 else {"not": {"type": "array"}}
    return {"b": {"type": "boolean"}, "f": {"type": "number"}, "U": {"type": "string"}}.get(
        dtype.kind, _nothing()
    )


def _params(params: ParamSchema) -> JsonSchema:
    """None of them has to be given, and null is as good as none of them."""
    return {
        "type": ["object", "null"],
        "properties": {spec.name: _param(spec) for spec in params},
        "additionalProperties": False,
    }


def _param(spec: ParamSpec) -> JsonSchema:
    if isinstance(spec.dtype, DataType):
        schema = _or_null(_scalar(spec.dtype.name, _MOMENT))  # null stands for unset
        if spec.shape is not None:
            schema = {"type": "array", "items": schema}
    else:
        schema = _value(compile_type(spec.dtype, nullable=False))
    try:
        return {**schema, "default": _in_json(spec.default)}
    except ValueError:
        return schema


def _in_json(value: Any) -> Any:
    """A default as JSON has it; NaN and the infinities are not there."""
    if isinstance(value, dict):
        return {key: _in_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_in_json(item) for item in value]
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        raise ValueError("no number of JSON")
    return plain
