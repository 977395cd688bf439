"""What goes over the wire, and how much may come back, whatever the SDK's own variables say."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from modelpact.models.chat.attempt_errors import Failure
from modelpact.models.chat.sse import whole

__all__ = ["errors_of", "http_client"]

HEADERS = frozenset(
    {
        "host",
        "connection",
        "accept",
        "accept-encoding",
        "content-type",
        "content-length",
        "transfer-encoding",
        "user-agent",
    }
)
"""What is sent beside the configured headers and the SDK's `x-stainless-...`."""


def http_client(headers: Mapping[str, str], max_bytes: int) -> Any:
    """A client for the SDK that sends these headers and no other secrets, follows no redirect, and reads no endless body.

    The SDK takes an organization, a project and further headers from variables of its own, and would send them to any server.

    Args:
        headers: Names in lower case, values as they are sent.
        max_bytes: The longest body that is read, of an error and of a stream as well.
    """
    import openai

    async def only_ours(request: Any) -> None:
        for name in set(request.headers) - HEADERS:
            if not name.startswith("x-stainless-"):
                del request.headers[name]
        request.headers.update(headers)

    async def bounded(response: Any) -> None:
        response.stream = kind(response.stream, max_bytes)

    client: Any = openai.DefaultAsyncHttpxClient(
        follow_redirects=False, event_hooks={"request": [only_ours], "response": [bounded]}
    )
    kind = type("Bounded", (_Bounded, _library(client).AsyncByteStream), {})
    return client


def errors_of(client: Any) -> type[Exception]:
    """The root of the errors of the HTTP library that the SDK stands on."""
    errors: type[Exception] = _library(client).HTTPError
    return errors


class _Bounded:
    """A body as it comes, up to so many bytes."""

    def __init__(self, stream: Any, max_bytes: int) -> None:
        self._stream, self._max_bytes = stream, max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async with whole(self._stream) as pieces:
            async for piece in pieces:
                seen += len(piece)
                if seen > self._max_bytes:
                    raise Failure.too_large(self._max_bytes)
                yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _library(client: Any) -> Any:
    """The HTTP library: httpx under older releases of the SDK, httpx2 under newer ones."""
    packages = {base.__module__.partition(".")[0] for base in type(client).__mro__}
    return importlib.import_module(next(name for name in packages if name.startswith("httpx")))
