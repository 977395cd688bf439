"""Structured responses: JSON that is requested by schema and checked against it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelpact import signature
from modelpact._internal.text import truncate
from modelpact.errors import ModelConfigError, OutputsError, SpecError
from modelpact.models.chat.messages import Message

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["FormatMismatch", "ResponseFormat", "parse_response_format"]

_CODE_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)

_API_FORMATS = ("text", "json_object", "json_schema")


class FormatMismatch(Exception):
    """A response does not have the requested format; the text is part of a correction prompt."""


@dataclass(frozen=True)
class ResponseFormat:
    """The format of a model's responses.

    Attributes:
        request: The value of `response_format` in a request.
        columns: Column names of a response; empty for a single value.
        parse: Returns the value of a response's text, or raises `FormatMismatch`.
    """

    request: dict[str, Any]
    columns: tuple[str, ...]
    parse: Callable[[str], Any]

    def correction_messages(
        self, messages: list[Message], text: str, mismatch: FormatMismatch
    ) -> list[Message]:
        """Return the conversation that requests a corrected response."""
        schema = self.request.get("json_schema", {}).get("schema")
        advice = f" It must match this JSON Schema: {json.dumps(schema)}" if schema else ""
        correction = (
            f"That response cannot be used: {mismatch}. "
            f"Respond again, with nothing but the JSON.{advice}"
        )
        return [
            *messages,
            {"role": "assistant", "content": text},
            {"role": "user", "content": correction},
        ]


def parse_response_format(written: Any, hinted: Schema | None) -> ResponseFormat | None:
    """Return the response format of a model, or None for plain text.

    Args:
        written: `response_format` of the settings: None, a value of OpenAI's API, or a schema in
            the language of signatures.
        hinted: The return type hint of `predict`, as a schema; None without a type hint.

    Raises:
        ModelConfigError: The format is malformed.
    """
    if written is None:
        return None if hinted is None else _from_schema(hinted)
    if isinstance(written, dict) and written.get("type") in _API_FORMATS:
        return None if written["type"] == "text" else ResponseFormat(written, (), _check_json)
    try:
        schema = signature.parse({"outputs": written}).outputs
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
    return _from_schema(schema)


def _from_schema(schema: Schema) -> ResponseFormat | None:
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
        value = _parse_json(text)
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


def _parse_json(text: str) -> Any:
    try:
        return json.loads(_strip_fence(text))
    except (ValueError, RecursionError) as error:
        raise FormatMismatch(f"it is not valid JSON ({error})") from None


def _check_json(text: str) -> str:
    _parse_json(text)
    return _strip_fence(text)


def _strip_fence(text: str) -> str:
    """Return a text without the Markdown code fence that models often put around JSON."""
    fenced = _CODE_FENCE.fullmatch(text)
    return fenced[1] if fenced else text
