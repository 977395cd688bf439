"""Answers as JSON: asked for by schema, checked against it, and put back once where they do not fit."""

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

__all__ = ["Format", "Misfit", "format_of"]

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)

_NATIVE = ("text", "json_object", "json_schema")


class Misfit(Exception):
    """An answer that is not what was asked for; its text says why, as one may say it to the model."""


@dataclass(frozen=True)
class Format:
    """What an answer has to look like.

    Attributes:
        request: What the server is told, as `response_format`.
        columns: The names of the columns of an answer; empty for a single value, and where `read` gives text.
        read: Takes an answer's text; gives its value, or raises `Misfit`.
    """

    request: dict[str, Any]
    columns: tuple[str, ...]
    read: Callable[[str], Any]

    def again(self, messages: list[Message], text: str, misfit: Misfit) -> list[Message]:
        """The conversation that asks for a better answer."""
        wanted = self.request.get("json_schema", {}).get("schema")
        schema = f" It must fit this JSON Schema: {json.dumps(wanted)}" if wanted else ""
        complaint = f"That answer cannot be used: {misfit}. Answer again, with nothing but the JSON.{schema}"
        return [
            *messages,
            {"role": "assistant", "content": text},
            {"role": "user", "content": complaint},
        ]


def format_of(written: Any, hinted: Schema | None) -> Format | None:
    """The format of a model's answers.

    Args:
        written: `response_format` of the settings: None, the protocol's own form, or a schema in the language of signatures.
        hinted: What `predict` returns by its type hints, where it has some.

    Returns:
        None for plain text.

    Raises:
        ModelConfigError: It is malformed.
    """
    if written is None:
        return None if hinted is None or _is_text(hinted) else _of_schema(hinted)
    if isinstance(written, dict) and written.get("type") in _NATIVE:
        return None if written["type"] == "text" else Format(written, (), _checked_json)
    try:
        parsed = signature.parse({"outputs": written}).outputs
    except SpecError as error:
        raise ModelConfigError(
            f"response_format: {error.message}", remedy=error.remedy, keys=["response_format"]
        ) from error
    if parsed is None or parsed.is_tensor_spec():
        raise ModelConfigError(
            "response_format: a chat model answers no tensors",
            remedy="Write {name: string, age: long}.",
            keys=["response_format"],
        )
    return None if _is_text(parsed) else _of_schema(parsed)


def _is_text(schema: Schema) -> bool:
    from mlflow.types import DataType

    return not schema.has_input_names() and schema.input_types() == [DataType.string]


def _of_schema(schema: Schema) -> Format:
    from mlflow.models import ModelSignature

    strict = signature.strict_rows_schema(schema)
    row = signature.rows_schema(schema) if strict is None else strict
    named = schema.has_input_names()
    wrapped = row.get("type") != "object"  # servers answer with an object only
    if wrapped:
        row = {
            "type": "object",
            "properties": {"value": row},
            "required": ["value"],
            "additionalProperties": False,
        }
    enforcer = signature.compile(ModelSignature(outputs=schema))

    def read(text: str) -> Any:
        value = _json(text)
        if wrapped and not (isinstance(value, dict) and "value" in value):
            raise Misfit('it is not an object with the key "value"')
        value = value["value"] if wrapped else value
        if named and not isinstance(value, dict):
            raise Misfit(f"it is JSON, but a {type(value).__name__} and not an object")
        try:
            enforcer.enforce_outputs([value])
        except OutputsError as error:
            raise Misfit(truncate(error.message, 500)) from error
        return value

    told = {"name": "answer", "schema": row, "strict": strict is not None}
    return Format(
        {"type": "json_schema", "json_schema": told},
        tuple(map(str, schema.input_names())) if named else (),
        read,
    )


def _json(text: str) -> Any:
    try:
        return json.loads(_bare(text))
    except (ValueError, RecursionError) as error:
        raise Misfit(f"it is not JSON ({error})") from None


def _checked_json(text: str) -> str:
    _json(text)
    return _bare(text)


def _bare(text: str) -> str:
    """A text without the fence that models like to put around JSON."""
    fenced = _FENCED.fullmatch(text)
    return fenced[1] if fenced else text
