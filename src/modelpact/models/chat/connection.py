"""The connection to one chat server: requests through the `openai` SDK, errors by reason code."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from modelpact.errors import ModelConfigError
from modelpact.models.chat.attempt_errors import AttemptError
from modelpact.models.chat.messages import Message
from modelpact.models.chat.responses import ResponseParser
from modelpact.models.chat.settings import Endpoint
from modelpact.models.chat.sse import closing_iterator, iter_event_data
from modelpact.models.chat.transport import create_http_client, http_error_class
from modelpact.security import secrets

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["ServerConnection"]


class ServerConnection:
    """Connections to a server for one model, kept open between requests, on one event loop.

    Args:
        endpoint: The model, the server, and references to keys, which `open` resolves.
        max_bytes: Maximum size of a response body.
    """

    def __init__(self, endpoint: Endpoint, max_bytes: int) -> None:
        self.endpoint = endpoint
        self._max_bytes = max_bytes
        self._keys: list[str] = []
        self._parser = ResponseParser(self._keys)
        self._sdk: AsyncOpenAI | None = None
        self._http_error: type[Exception] = OSError

    @property
    def label(self) -> str:
        """The model and the URL, for messages."""
        url = self.endpoint.base_url if self._sdk is None else self._sdk.base_url
        return f"model {self.endpoint.model} at {url}"

    def open(self) -> AsyncOpenAI:
        """Resolve the references and create the SDK client, on the first call. Sends nothing.

        Raises:
            ModelConfigError: A referenced variable is not set, or cannot be sent.
        """
        if self._sdk is not None:
            return self._sdk
        import openai

        url = self.endpoint.resolved_url()
        headers = {
            name.lower(): _resolve_header(value, f"model.headers.{name}")
            for name, value in self.endpoint.headers.items()
        }
        keys = []
        if self.endpoint.api_key is not None:
            keys.append(_resolve_header(self.endpoint.api_key, "model.api_key"))
            headers = {"authorization": f"Bearer {keys[0]}", **headers}
        self._keys[:] = [*headers.values(), *keys]
        http_client = create_http_client(headers, self._max_bytes)
        self._http_error = http_error_class(http_client)
        self._sdk = openai.AsyncOpenAI(
            # The SDK requires a key, and would take it from a variable of its own.
            api_key="none",
            base_url=url,
            http_client=http_client,
            max_retries=0,
            timeout=None,
        )
        # The SDK imports this module on first use, which must not count against `model.timeout`.
        _ = self._sdk.chat.completions
        return self._sdk

    async def close(self) -> None:
        """Close the connections."""
        if self._sdk is not None:
            await self._sdk.close()

    async def complete(self, messages: list[Message], extra: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return the `chat.completion` object.

        Raises:
            AttemptError: The request failed.
            ModelConfigError: A referenced variable is not set.
        """
        import openai

        create = self.open().chat.completions.with_streaming_response.create
        body = bytearray()
        try:
            async with create(**self._build_request(messages, extra)) as response:
                async with closing_iterator(response.http_response.aiter_bytes()) as chunks:
                    async for chunk in chunks:
                        body += chunk
                        # The limit of the transport counts compressed bytes.
                        if len(body) > self._max_bytes:
                            raise AttemptError.body_too_large(self._max_bytes)
                content_type = response.headers.get("content-type", "")
        except (openai.OpenAIError, self._http_error) as error:
            raise self._to_attempt_error(error) from self._parser.safe_cause(error)
        return self._parser.parse_completion(bytes(body), content_type)

    async def stream(
        self, messages: list[Message], extra: Mapping[str, Any]
    ) -> AsyncGenerator[str]:
        """Send one request and yield the text of the response as it arrives.

        Raises:
            AttemptError: The request failed, or the stream ended early.
            ModelConfigError: A referenced variable is not set.
        """
        import openai

        create = self.open().chat.completions.with_streaming_response.create
        request = {**self._build_request(messages, extra), "stream": True}
        has_text, finish_reason = False, None
        try:
            async with create(**request) as response:
                self._check_event_stream(response.headers.get("content-type", ""))
                async with (
                    closing_iterator(response.http_response.aiter_bytes()) as body,
                    closing_iterator(iter_event_data(body)) as events,
                ):
                    async for event in events:
                        for text, reason in self._parser.iter_deltas(event):
                            finish_reason = reason or finish_reason
                            if text:
                                has_text = True
                                yield text
        except (openai.OpenAIError, self._http_error, UnicodeDecodeError) as error:
            raise self._to_attempt_error(error) from self._parser.safe_cause(error)
        if finish_reason is None:
            raise AttemptError("disconnected", "the stream ended before the response was complete")
        if not has_text:
            detail = f"it has no text; finish reason {finish_reason!r}"
            raise AttemptError("empty", self._parser.redact(detail))

    def _build_request(self, messages: list[Message], extra: Mapping[str, Any]) -> dict[str, Any]:
        # Settings go into `extra_body`, because the SDK's own arguments vary between releases.
        settings = {**self.endpoint.request, **extra}
        return {"model": self.endpoint.model, "messages": messages, "extra_body": settings}

    def _check_event_stream(self, content_type: str) -> None:
        if content_type.partition(";")[0].strip().lower() != "text/event-stream":
            kind = self._parser.redact(content_type) or "no content type"
            detail = f"expected a stream (text/event-stream), but received {kind}"
            raise AttemptError("malformed", detail)

    def _to_attempt_error(self, error: Exception) -> AttemptError:
        import openai

        if isinstance(error, openai.APIStatusError):
            body = error.body if error.body is not None else error.response.text
            headers = error.response.headers
            return AttemptError.from_status(error.status_code, headers, body, self._keys)
        if isinstance(error, openai.APITimeoutError):
            return AttemptError("timeout", "the connection timed out")
        if isinstance(error, UnicodeDecodeError):
            detail = f"an event of the stream is not UTF-8: {error.reason}"
            return AttemptError("malformed", detail)
        cause: BaseException = error
        if isinstance(error, openai.APIConnectionError):
            cause = error.__cause__ or error
        elif isinstance(error, openai.APIError):
            # An error in the middle of a stream.
            return AttemptError("server_error", self._describe(error))
        is_connect_error = "Connect" in type(cause).__name__
        reason = "unreachable" if is_connect_error else "disconnected"
        return AttemptError(reason, self._describe(cause))

    def _describe(self, error: BaseException) -> str:
        return self._parser.redact(error) or type(error).__name__


def _resolve_header(reference: str, place: str) -> str:
    value = secrets.resolve(reference, place)
    if not (value.isascii() and value.isprintable()):
        name = secrets.referenced_variable(reference)
        raise ModelConfigError(
            f"{place}: the value of {name} has a line break or a non-ASCII character, "
            "and cannot be sent in a header",
            remedy=f"Set it again without: export {name}=...",
            variable=name,
            place=place,
        )
    return value
