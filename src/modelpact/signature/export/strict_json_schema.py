"""Export of rows as JSON Schema for OpenAI's strict structured outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlflow.types.schema import Schema

from modelpact.signature.enforcement.nested import ArrayNode, Node, ObjectNode, ScalarNode
from modelpact.signature.export.json_schema import (
    DATE,
    TIME,
    JsonSchema,
    column_node,
    nothing,
    nullable,
    scalar_schema,
)

__all__ = ["strict_rows_schema"]

_LEAP_YEAR = "(?:[1-8][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[1357][26])00)"
# OpenAI does not support lookaheads. In the years 1000 to 8999, every UTC offset is valid.
_DATETIME = f"^(?:[1-8][0-9]{{3}}-{DATE}|{_LEAP_YEAR}-02-29){TIME}$"
_STRICT_SCALARS: dict[str, JsonSchema] = {
    # A language model cannot be expected to write base64.
    "binary": nothing(),
    "datetime": {"type": "string", "pattern": _DATETIME},
}


def strict_rows_schema(schema: Schema) -> JsonSchema | None:
    """Convert a schema of columns to the JSON Schema of one row in OpenAI's strict form.

    Every object requires all its properties and allows no others. Optional values may be null, and
    others may not. What the result accepts, `rows_schema` accepts as well; dates are limited to the
    years 1000 to 8999. OpenAI also requires an object at the root, which the value of an unnamed
    column may not be.

    Args:
        schema: MLflow's schema of columns.

    Returns:
        The schema; None if it has no strict form, as for maps, `any`, required binary values,
        names that are not strings, several unnamed columns, and tensors.

    Example:
        >>> from modelpact.signature.language.spec import parse
        >>> inputs = parse({"inputs": {"name": "string", "nick?": "string"}}).inputs
        >>> strict_rows_schema(inputs)["properties"]
        {'name': {'type': 'string'}, 'nick': {'type': ['string', 'null']}}
        >>> strict_rows_schema(parse({"inputs": {"scores": {"*": "double"}}}).inputs) is None
        True
    """
    specs: Any = schema.inputs
    if schema.is_tensor_spec():
        return None
    if schema.has_input_names():
        return _strict_object(
            {
                spec.name: _strict_value(column_node(spec), optional=not spec.required)
                for spec in specs
            }
        )
    return _strict_value(column_node(specs[0]), optional=False) if len(specs) == 1 else None


def _strict_value(node: Node, *, optional: bool) -> JsonSchema | None:
    schema = _strict_type(node)
    if schema is None or (schema == nothing() and not optional):
        return None
    return nullable(schema) if optional else schema


def _strict_type(node: Node) -> JsonSchema | None:
    if isinstance(node, ScalarNode):
        return _STRICT_SCALARS.get(node.expected) or scalar_schema(node.expected)
    if isinstance(node, ArrayNode):
        items = _strict_value(node.item, optional=False)
        return None if items is None else {"type": "array", "items": items}
    if isinstance(node, ObjectNode):
        return _strict_object(
            {
                name: _strict_value(inner, optional=name in node.optional)
                for name, inner in node.properties.items()
            }
        )
    return None


def _strict_object(properties: Mapping[str, JsonSchema | None]) -> JsonSchema | None:
    if any(inner is None or not isinstance(name, str) for name, inner in properties.items()):
        return None
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
