"""One server of OpenAI's protocol: requests through the `openai` SDK, answers checked, failures named."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import truncate
from modelpact.errors import ModelConfigError
from modelpact.models.chat.attempt_errors import Failure
from modelpact.models.chat.messages import Message
from modelpact.models.chat.settings import Endpoint
from modelpact.models.chat.sse import data_of_events, whole
from modelpact.models.chat.transport import errors_of, http_client
from modelpact.security import secrets

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["Server"]


class Server:
    """A model on a server. Its connections stay open between requests; all of them belong to one event loop.

    Args:
        endpoint: The model, the server, and references to the keys; `connect` looks them up.
        max_bytes: The longest body that is read.
    """

    def __init__(self, endpoint: Endpoint, max_bytes: int) -> None:
        self.endpoint = endpoint
        self._max_bytes = max_bytes
        self._keys: list[str] = []
        self._sdk: AsyncOpenAI | None = None
        self._broken: type[Exception] = OSError

    @property
    def where(self) -> str:
        """The model and the address, for messages."""
        return f"model {self.endpoint.model} at {self.endpoint.base_url if self._sdk is None else self._sdk.base_url}"

    def connect(self) -> AsyncOpenAI:
        """Look up what is referred to; nothing is sent yet.

        Raises:
            ModelConfigError: A variable that is referred to is not set, or cannot be sent.
        """
        if self._sdk is not None:
            return self._sdk
        import openai

        url = self.endpoint.resolved_url()
        key = (
            None
            if self.endpoint.api_key is None
            else _sendable(self.endpoint.api_key, "model.api_key")
        )
        headers = {
            name.lower(): _sendable(value, f"model.headers.{name}")
            for name, value in self.endpoint.headers.items()
        }
        if key is not None:
            headers = {"authorization": f"Bearer {key}", **headers}
        self._keys = [*headers.values(), *([key] if key else [])]
        http = http_client(headers, self._max_bytes)
        self._broken = errors_of(http)
        self._sdk = openai.AsyncOpenAI(
            api_key="none",  # the SDK wants one, and would take it from a variable of its own choice
            base_url=url,
            http_client=http,
            max_retries=0,
            timeout=None,
        )
        return self._sdk

    async def close(self) -> None:
        """Close its connections."""
        if self._sdk is not None:
            await self._sdk.close()

    async def answer(self, messages: list[Message], extra: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and read its answer, a `chat.completion` object with at least one choice.

        Raises:
            Failure: There is none.
            ModelConfigError: A variable that is referred to is not set.
        """
        import openai

        sdk = self.connect()
        try:
            async with sdk.chat.completions.with_streaming_response.create(
                **self._request(messages, extra)
            ) as response:
                body = bytearray()
                async with whole(response.http_response.aiter_bytes()) as pieces:
                    async for piece in pieces:
                        body += piece
                        if len(body) > self._max_bytes:  # where it was sent compressed
                            raise Failure.too_large(self._max_bytes)
                kind = response.headers.get("content-type", "")
        except (openai.OpenAIError, self._broken) as error:
            raise self._named(error) from self._shown(error)
        return self._completion(bytes(body), kind)

    async def pieces(
        self, messages: list[Message], extra: Mapping[str, Any]
    ) -> AsyncGenerator[str]:
        """Send one request and yield its answer as it comes.

        Raises:
            Failure: There is none, or it breaks off.
            ModelConfigError: A variable that is referred to is not set.
        """
        import openai

        sdk = self.connect()
        request = {**self._request(messages, extra), "stream": True}
        some, reason = False, None
        try:
            async with sdk.chat.completions.with_streaming_response.create(**request) as response:
                kind = response.headers.get("content-type", "")
                if kind.partition(";")[0].strip().lower() != "text/event-stream":
                    raise Failure(
                        "malformed",
                        f"a stream was asked for, and {self._said(kind) or 'no content type'} came",
                    )
                async with (
                    whole(response.http_response.aiter_bytes()) as body,
                    whole(data_of_events(body)) as events,
                ):
                    async for event in events:
                        for text, ended in self._deltas(event):
                            reason = ended or reason
                            if text:
                                some = True
                                yield text
        except (openai.OpenAIError, self._broken, UnicodeDecodeError) as error:
            raise self._named(error) from self._shown(error)
        if reason is None:
            raise Failure("disconnected", "the stream ended before the answer did")
        if not some:
            raise Failure("empty", f"it has no text; finish reason {reason!r}")

    def _request(self, messages: list[Message], extra: Mapping[str, Any]) -> dict[str, Any]:
        request = {
            **self.endpoint.request,
            **extra,
        }  # as it is: the SDK's own arguments differ from release to release
        return {"model": self.endpoint.model, "messages": messages, "extra_body": request}

    def _completion(self, body: bytes, kind: str) -> dict[str, Any]:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            begins = self._said(body[:2000].decode("utf-8", "replace"), 40)
            what = f"{len(body)} bytes of {self._said(kind) or 'no content type'}"
            raise Failure("malformed", f"{what} are not JSON; they begin with {begins!r}") from None
        choices = found.get("choices") if isinstance(found, dict) else None
        if not isinstance(choices, list):
            error = found.get("error") if isinstance(found, dict) else None
            raise Failure(
                "malformed",
                f"JSON without choices{f', with an error: {self._said(error)}' if error else ''}",
            )
        if not choices:
            raise Failure("empty", "its list of choices is empty")
        message = choices[0].get("message") if isinstance(choices[0], dict) else None
        if not isinstance(message, dict):
            raise Failure("malformed", "its first choice has no message")
        if message.get("content") is None and not message.get("tool_calls"):
            reason, refusal = choices[0].get("finish_reason"), message.get("refusal")
            no_text = f"it has no text; finish reason {reason!r}"
            raise Failure(
                "empty", self._said(f"the model refused: {refusal}" if refusal else no_text)
            )
        return dict(found)

    def _deltas(self, event: str) -> Iterator[tuple[str | None, str | None]]:
        """The text and the finish reason of each choice in a piece of a stream."""
        try:
            chunk = json.loads(event)
            if isinstance(chunk, dict) and chunk.get("error"):
                error = chunk["error"]
                raise Failure(
                    "server_error",
                    self._said(error.get("message", error) if isinstance(error, dict) else error),
                )
            for choice in chunk.get("choices") or ():  # none where it tells the usage
                yield (choice.get("delta") or {}).get("content"), choice.get("finish_reason")
        except (ValueError, RecursionError):
            raise Failure(
                "malformed", f"a piece of the stream is not JSON: {self._said(event, 40)!r}"
            ) from None
        except (TypeError, AttributeError):
            raise Failure(
                "malformed",
                f"a piece of the stream is no chat.completion.chunk: {self._said(event, 40)!r}",
            ) from None

    def _named(self, error: Exception) -> Failure:
        import openai

        if isinstance(error, openai.APIStatusError):
            body = error.body if error.body is not None else error.response.text
            return Failure.of_status(error.status_code, error.response.headers, body, self._keys)
        if isinstance(error, openai.APITimeoutError):
            return Failure("timeout", "the connection timed out")
        if isinstance(error, UnicodeDecodeError):
            return Failure("malformed", f"a piece of the stream is not UTF-8: {error.reason}")
        cause = (
            error.__cause__
            if isinstance(error, openai.APIConnectionError) and error.__cause__
            else error
        )
        said = self._said(cause) or type(cause).__name__
        if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
            return Failure("server_error", said)  # an error in the middle of a stream
        return Failure("unreachable" if "Connect" in type(cause).__name__ else "disconnected", said)

    def _said(self, text: object, length: int = 300) -> str:
        """Words of the server, in which it may have repeated a key: taken out before anything is cut."""
        return truncate(secrets.redact_values(str(text), self._keys), length)

    def _shown(self, error: BaseException) -> BaseException | None:
        """The error to chain; None where its text, or that of one behind it, holds a key: tracebacks are kept in files."""
        behind: BaseException | None = error
        while behind is not None:
            text = f"{behind} {behind!r} {getattr(behind, 'doc', '')}"
            if secrets.redact_values(text, self._keys) != text:
                return None
            behind = behind.__cause__ or behind.__context__
        return error


def _sendable(reference: str, place: str) -> str:
    value = secrets.resolve(reference, place)
    if not (value.isascii() and value.isprintable()):
        name = secrets.referenced_variable(reference)
        raise ModelConfigError(
            f"{place}: the value of {name} has a line break or a character outside of ASCII in it, and cannot be sent",
            remedy=f"Set it again without: export {name}=...",
            variable=name,
            place=place,
        )
    return value
