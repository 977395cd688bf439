"""Short texts of the parts of a signature, for the two sides of a change."""

from __future__ import annotations

from mlflow.types.schema import ColSpec, ParamSpec, Property, Schema, TensorSpec

from modelpact._internal.counts import format_count
from modelpact.signature.language.param_defaults import format_param_type
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import format_type

__all__ = ["Part", "describe_part"]

Part = (
    Schema
    | ColSpec
    | TensorSpec
    | Property
    | ParamSpec
    | ColumnType
    | list[str | int | None]
    | str
    | None
)
"""A part of a signature, or the names of its columns."""


def describe_part(part: Part) -> str | None:
    """Return a short text for a schema, column, tensor, property, param or type.

    Text and None are returned unchanged; a list of names is joined.

    Example:
        >>> describe_part(ColSpec("long", "age", required=False))
        'long (optional)'
    """
    match part:
        case None | str():
            return part
        case list():
            return ", ".join(map(str, part))
        case Schema():
            return _describe_schema(part)
        case ParamSpec():
            return format_param_type(part.dtype, part.shape)
        case ColSpec():
            return _describe_member(part.type, part.required)
        case Property():
            return _describe_member(part.dtype, part.required)
    return format_type(part)


def _describe_member(dtype: ColumnType, required: bool) -> str:
    return f"{format_type(dtype)}{'' if required else ' (optional)'}"


def _describe_schema(schema: Schema) -> str:
    named = "" if schema.has_input_names() else "unnamed "
    kind = "tensor" if schema.is_tensor_spec() else "column"
    return format_count(len(schema.inputs), f"{named}{kind}")
