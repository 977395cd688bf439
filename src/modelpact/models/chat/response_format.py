"""Structured responses: JSON that is requested by schema and checked against it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelpact.errors import ModelConfigError
from modelpact.models.chat.messages import Message

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["FormatMismatch", "ResponseFormat", "parse_json", "parse_response_format"]

_CODE_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)


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
    match written:
        case None if hinted is None:
            return None
        case {"type": "text"}:
            return None
        case {"type": "json_object" | "json_schema"}:
            return ResponseFormat(written, (), _check_json)
    try:
        from modelpact.models.chat import response_schema
    # A model that was saved without a response format does not carry this module.
    except ImportError as error:
        raise ModelConfigError(
            "response_format: the model was saved without one and cannot check a schema",
            remedy="Publish the model with model.response_format.",
            keys=["response_format"],
        ) from error

    schema = hinted if written is None else response_schema.parse_schema(written)
    return None if schema is None else response_schema.format_from_schema(schema)


def parse_json(text: str) -> Any:
    """Return the JSON value of a response.

    Raises:
        FormatMismatch: The response is not JSON.
    """
    try:
        return json.loads(_strip_fence(text))
    except (ValueError, RecursionError) as error:
        raise FormatMismatch(f"it is not valid JSON ({error})") from None


def _check_json(text: str) -> str:
    parse_json(text)
    return _strip_fence(text)


def _strip_fence(text: str) -> str:
    """Return a text without the Markdown code fence that models often put around JSON."""
    fenced = _CODE_FENCE.fullmatch(text)
    return fenced[1] if fenced else text
