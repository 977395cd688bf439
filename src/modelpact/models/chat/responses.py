"""Checks of a server's responses, in messages without the keys that were sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from modelpact._internal.text import truncate
from modelpact.models.chat.attempt_errors import AttemptError, error_message
from modelpact.security import secrets

__all__ = ["ResponseParser"]


class ResponseParser:
    """Parses the responses of one server.

    Args:
        keys: Secrets that were sent. A server may repeat them, so they are removed from messages.
    """

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def parse_completion(self, body: bytes, content_type: str) -> dict[str, Any]:
        """Return a `chat.completion` object whose first choice has content or tool calls.

        Raises:
            AttemptError: The body is not such an object.
        """
        completion = self._parse_json(body, content_type)
        choice = self._first_choice(completion if isinstance(completion, dict) else {})
        message = choice.get("message")
        if not isinstance(message, dict):
            raise AttemptError("malformed", "its first choice has no message")
        if message.get("content") is None and not message.get("tool_calls"):
            self._raise_empty(message, choice.get("finish_reason"))
        content = message.get("content") or ""
        if not isinstance(content, str):
            kind = type(content).__name__
            raise AttemptError("malformed", f"its content is of type {kind}, not a string")
        return dict(completion)

    def iter_deltas(self, event: str) -> Iterator[tuple[str | None, str | None]]:
        """Yield the text and the finish reason of each choice in a `chat.completion.chunk`.

        Raises:
            AttemptError: The event is an error, or not such an object.
        """
        try:
            chunk = json.loads(event)
            if isinstance(chunk, dict) and chunk.get("error"):
                raise AttemptError("server_error", self.redact(error_message(chunk)))
            # The chunk that reports token usage has no choices.
            for choice in chunk.get("choices") or ():
                yield (choice.get("delta") or {}).get("content"), choice.get("finish_reason")
        except (ValueError, RecursionError):
            detail = f"an event of the stream is not valid JSON: {self.redact(event, 40)!r}"
            raise AttemptError("malformed", detail) from None
        except (TypeError, AttributeError):
            detail = f"an event is not a chat.completion.chunk: {self.redact(event, 40)!r}"
            raise AttemptError("malformed", detail) from None

    def redact(self, text: object, length: int = 300) -> str:
        """Return a text of the server for a message: keys are removed before it is truncated."""
        return truncate(secrets.redact_values(str(text), self._keys), length)

    def safe_cause(self, error: BaseException) -> BaseException | None:
        """Return the error to chain, or None if it or one of its causes contains a key.

        Tracebacks are written to log files.
        """
        cause: BaseException | None = error
        while cause is not None:
            text = f"{cause} {cause!r} {getattr(cause, 'doc', '')}"
            if secrets.redact_values(text, self._keys) != text:
                return None
            cause = cause.__cause__ or cause.__context__
        return error

    def _parse_json(self, body: bytes, content_type: str) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            start = self.redact(body[:2000].decode("utf-8", "replace"), 40)
            kind = self.redact(content_type) or "no content type"
            detail = f"{len(body)} bytes of {kind} are not JSON; they begin with {start!r}"
            raise AttemptError("malformed", detail) from None

    def _first_choice(self, completion: dict[str, Any]) -> dict[str, Any]:
        choices = completion.get("choices")
        if not isinstance(choices, list):
            error = completion.get("error")
            detail = f", with an error: {self.redact(error)}" if error else ""
            raise AttemptError("malformed", f"JSON without choices{detail}")
        if not choices:
            raise AttemptError("empty", "its list of choices is empty")
        return choices[0] if isinstance(choices[0], dict) else {}

    def _raise_empty(self, message: dict[str, Any], finish_reason: object) -> NoReturn:
        refusal = message.get("refusal")
        no_text = f"it has no text; finish reason {finish_reason!r}"
        detail = f"the model refused: {refusal}" if refusal else no_text
        raise AttemptError("empty", self.redact(detail))
