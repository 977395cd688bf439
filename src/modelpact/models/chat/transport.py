"""HTTP clients for the OpenAI SDK, with bounded responses and no headers from the environment.

The SDK reads an organization, a project and further headers from environment variables of its
own, and would send them to any server.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from modelpact.models.chat.attempt_errors import AttemptError
from modelpact.models.chat.sse import closing_iterator

if TYPE_CHECKING:
    from openai import DefaultAsyncHttpxClient

__all__ = ["create_http_client", "http_error_class"]

_HTTP_HEADERS = frozenset(
    {"host", "connection", "accept", "accept-encoding", "content-type", "content-length",
     "transfer-encoding", "user-agent"}
)  # fmt: skip
"""Headers that are sent in addition to the configured ones and the SDK's `x-stainless-...`."""


def create_http_client(headers: Mapping[str, str], max_bytes: int) -> DefaultAsyncHttpxClient:
    """Return an HTTP client that sends only the given headers and follows no redirects.

    Args:
        headers: Headers to send: lower-case names, values without references.
        max_bytes: Maximum size of a response body, also of errors and streams.
    """
    import openai

    async def replace_headers(request: Any) -> None:
        for name in set(request.headers) - _HTTP_HEADERS:
            if not name.startswith("x-stainless-"):
                del request.headers[name]
        request.headers.update(headers)

    async def limit_body(response: Any) -> None:
        response.stream = stream_class(response.stream, max_bytes)

    client = openai.DefaultAsyncHttpxClient(
        follow_redirects=False, event_hooks={"request": [replace_headers], "response": [limit_body]}
    )
    base_class = _http_library(client).AsyncByteStream
    stream_class: Any = type("LimitedStream", (_LimitedStream, base_class), {})
    return client


def http_error_class(client: DefaultAsyncHttpxClient) -> type[Exception]:
    """Return the base class of the errors of a client's HTTP library."""
    error_class: type[Exception] = _http_library(client).HTTPError
    return error_class


class _LimitedStream:
    """A response body that raises beyond a number of bytes."""

    def __init__(self, stream: Any, max_bytes: int) -> None:
        self._stream, self._max_bytes = stream, max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        n_bytes = 0
        async with closing_iterator(self._stream) as chunks:
            async for chunk in chunks:
                n_bytes += len(chunk)
                if n_bytes > self._max_bytes:
                    raise AttemptError.body_too_large(self._max_bytes)
                yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _http_library(client: DefaultAsyncHttpxClient) -> Any:
    """Return the HTTP library of the SDK: `httpx`, or `httpx2` in newer releases."""
    packages = {base.__module__.partition(".")[0] for base in type(client).__mro__}
    return importlib.import_module(next(name for name in packages if name.startswith("httpx")))
