"""One server of OpenAI's protocol: requests through the `openai` SDK, answers checked, failures named."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from modelpact import secrets
from modelpact.models.chat.failures import Failure
from modelpact.models.chat.messages import Message
from modelpact.models.chat.settings import Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["Server"]


class Server:
    """A model on a server. Its connections stay open between requests; all of them belong to one event loop.

    Args:
        endpoint: The model, the server, and references to the keys; they are looked up at the first request.
        max_bytes: The longest body that is read.
    """

    def __init__(self, endpoint: Endpoint, max_bytes: int) -> None:
        self.endpoint = endpoint
        self._max_bytes = max_bytes
        self._keys: list[str] = []
        self._omitted: dict[str, Any] = {}
        self._sdk: AsyncOpenAI | None = None
        self._broken: type[Exception] = OSError

    @property
    def where(self) -> str:
        """The model and the address, for messages."""
        return f"model {self.endpoint.model} at {self.endpoint.base_url if self._sdk is None else self._sdk.base_url}"

    async def answer(self, messages: list[Message], extra: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and read its answer, a `chat.completion` object with at least one choice.

        Raises:
            Failure: There is none.
            ModelConfigError: A variable that is referred to is not set.
        """
        import openai

        sdk = self._connect()
        try:
            async with sdk.chat.completions.with_streaming_response.create(**self._request(messages, extra)) as response:
                body = bytearray()
                async for piece in response.iter_bytes():
                    body += piece
                    if len(body) > self._max_bytes:
                        raise Failure("too_large", f"more than model.max_answer_bytes={self._max_bytes} bytes")
                kind = response.headers.get("content-type", "")
        except (openai.OpenAIError, self._broken) as error:
            raise self._named(error) from error
        return _completion(bytes(body), kind)

    async def pieces(self, messages: list[Message], extra: Mapping[str, Any]) -> AsyncIterator[str]:
        """Send one request and yield its answer as it comes.

        Raises:
            Failure: There is none, or it breaks off.
            ModelConfigError: A variable that is referred to is not set.
        """
        import openai

        sdk = self._connect()
        ended = False
        try:
            async with await sdk.chat.completions.create(**self._request(messages, extra), stream=True) as chunks:
                async for chunk in chunks:
                    for choice in getattr(chunk, "choices", None) or ():
                        ended = ended or choice.finish_reason is not None
                        if choice.delta.content:
                            yield choice.delta.content
        except (openai.OpenAIError, self._broken, json.JSONDecodeError) as error:
            raise self._named(error) from error
        if not ended:
            raise Failure("disconnected", "the stream ended before the answer did")

    def _request(self, messages: list[Message], extra: Mapping[str, Any]) -> dict[str, Any]:
        request = {**self.endpoint.request, **extra}
        ours = {"model": self.endpoint.model, "messages": messages, "extra_headers": self._omitted}
        return {**ours, "extra_body": request}  # as it is: the SDK's own arguments differ from release to release

    def _connect(self) -> AsyncOpenAI:
        if self._sdk is not None:
            return self._sdk
        import openai

        url = self.endpoint.resolved_url()
        key = "" if self.endpoint.api_key is None else secrets.resolve(self.endpoint.api_key, "model.api_key")
        headers = {name: secrets.resolve(value, f"model.headers.{name}") for name, value in self.endpoint.headers.items()}
        self._keys = [value for value in (key, *headers.values()) if value]
        if not key and "authorization" not in map(str.lower, headers):
            self._omitted = {"Authorization": openai.Omit()}
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False)
        self._broken = _errors_of(http)
        self._sdk = openai.AsyncOpenAI(
            api_key=key or "none",  # the SDK wants one, and takes it from the environment where there is none
            base_url=url,
            default_headers=headers,
            http_client=http,
            max_retries=0,
            timeout=None,
        )
        return self._sdk

    def _named(self, error: Exception) -> Failure:
        import openai

        if isinstance(error, openai.APIStatusError):
            body = error.body if error.body is not None else error.response.text
            return Failure.of_status(error.status_code, error.response.headers, body, self._keys)
        if isinstance(error, openai.APITimeoutError):
            return Failure("timeout", "the connection timed out")
        cause = error.__cause__ if isinstance(error, openai.APIConnectionError) and error.__cause__ else error
        said = secrets.without(" ".join(str(cause).split()) or type(cause).__name__, self._keys)
        if isinstance(error, json.JSONDecodeError):
            return Failure("malformed", f"a piece of the stream is not JSON: {error.msg}")
        if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
            return Failure("server_error", said)  # an error in the middle of a stream
        return Failure("unreachable" if "Connect" in type(cause).__name__ else "disconnected", said)


def _completion(body: bytes, kind: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        what = f"{len(body)} bytes of {kind or 'no content type'}"
        raise Failure("malformed", f"{what} are not JSON; they begin with {body[:40]!r}") from None
    choices = found.get("choices") if isinstance(found, dict) else None
    if not isinstance(choices, list):
        error = found.get("error") if isinstance(found, dict) else None
        raise Failure("malformed", f"JSON without choices{f', with an error: {str(error)[:200]}' if error else ''}")
    if not choices:
        raise Failure("empty", "its list of choices is empty")
    if not isinstance(choices[0], dict) or not isinstance(choices[0].get("message"), dict):
        raise Failure("malformed", "its first choice has no message")
    return dict(found)


def _errors_of(client: Any) -> type[Exception]:
    """The root of the errors of the HTTP library that the SDK stands on: httpx in its older releases, httpx2 in newer ones."""
    packages = {base.__module__.partition(".")[0] for base in type(client).__mro__}
    library = importlib.import_module(next(name for name in packages if name.startswith("httpx")))
    errors: type[Exception] = library.HTTPError
    return errors
