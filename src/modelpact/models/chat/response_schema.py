"""Response formats that need the signature engine: written schemas and type hints."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelpact import signature
from modelpact._internal.text import truncate
from modelpact.errors import ModelConfigError, OutputsError, SignError, SpecError
from modelpact.models.chat.response_format import FormatMismatch, ResponseFormat, parse_json

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["format_from_schema", "hinted_outputs", "parse_schema"]


def hinted_outputs(predict: Callable[..., Any]) -> Schema | None:
    """Return the return type hint of `predict` as a schema; None if MLflow cannot express it."""
    try:
        _, outputs = signature.from_predict(predict)
    except SignError:
        return None
    return outputs


def parse_schema(written: Any) -> Schema:
    """Parse a `response_format` that is written in the language of signatures.

    Raises:
        ModelConfigError: The format is malformed.
    """
    try:
        schema: Schema | None = signature.parse({"outputs": written}).outputs
    except SpecError as error:
        raise ModelConfigError(
            f"response_format: {error.message}", remedy=error.remedy, keys=["response_format"]
        ) from error
    if schema is None or schema.is_tensor_spec():
        raise ModelConfigError(
            "response_format: a chat model cannot return tensors",
            remedy="Write a schema with columns: {name: string, age: long}.",
            keys=["response_format"],
        )
    return schema


def format_from_schema(schema: Schema) -> ResponseFormat | None:
    """Return the format of rows of a schema; None for plain text."""
    from mlflow.models import ModelSignature
    from mlflow.types import DataType

    has_columns = schema.has_input_names()
    if not has_columns and schema.input_types() == [DataType.string]:
        return None
    strict = signature.strict_rows_schema(schema)
    row_schema = signature.rows_schema(schema) if strict is None else strict
    # The API only accepts an object at the top level.
    is_wrapped = row_schema.get("type") != "object"
    if is_wrapped:
        row_schema = {
            "type": "object",
            "properties": {"value": row_schema},
            "required": ["value"],
            "additionalProperties": False,
        }
    enforcer = signature.compile(ModelSignature(outputs=schema))

    def parse(text: str) -> Any:
        value = parse_json(text)
        if is_wrapped:
            if not (isinstance(value, dict) and "value" in value):
                raise FormatMismatch('it is not an object with the key "value"')
            value = value["value"]
        if has_columns and not isinstance(value, dict):
            raise FormatMismatch(f"it is a JSON {type(value).__name__}, not an object")
        try:
            enforcer.enforce_outputs([value])
        except OutputsError as error:
            raise FormatMismatch(truncate(error.message, 500)) from error
        return value

    json_schema = {"name": "answer", "schema": row_schema, "strict": strict is not None}
    return ResponseFormat(
        {"type": "json_schema", "json_schema": json_schema},
        tuple(map(str, schema.input_names())) if has_columns else (),
        parse,
    )
