"""Short texts of the parts of a signature, for the two sides of a change."""

from __future__ import annotations

from typing import Any

from mlflow.types.schema import ColSpec, ParamSpec, Property, Schema

from modelpact.signature.language.types import format_type

__all__ = ["describe_part"]


def describe_part(part: Any) -> str | None:
    """Return a short text for a schema, column, tensor, property, param or type.

    Text and None are returned unchanged; a list of names is joined.

    Example:
        >>> describe_part(ColSpec("long", "age", required=False))
        'long (optional)'
    """
    if part is None or isinstance(part, str):
        return part
    if isinstance(part, list):
        return ", ".join(map(str, part))
    if isinstance(part, Schema):
        return _describe_schema(part)
    if isinstance(part, ParamSpec):
        text = format_type(part.dtype)
        return text if part.shape is None else f"[{text}]"
    if isinstance(part, (ColSpec, Property)):
        dtype = part.type if isinstance(part, ColSpec) else part.dtype
        return f"{format_type(dtype)}{'' if part.required else ' (optional)'}"
    return format_type(part)


def _describe_schema(schema: Schema) -> str:
    n = len(schema.inputs)
    named = "" if schema.has_input_names() else "unnamed "
    kind = "tensor" if schema.is_tensor_spec() else "column"
    return f"{n} {named}{kind}{'' if n == 1 else 's'}"
