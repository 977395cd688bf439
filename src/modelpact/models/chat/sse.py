"""Server-sent events in a response body that arrives in chunks.

The format is defined by the HTML standard, section 9.2.6. OpenAI's chat API uses the field `data`
only, and ends a stream with the event `[DONE]`.

The parser is our own on purpose. httpx-sse 0.4.3 imports httpx, which current releases of the
OpenAI SDK do not install, so every saved chat model would have to require it as well; and it
replaces invalid UTF-8 instead of raising.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import TypeVar

__all__ = ["closing_iterator", "iter_event_data"]

_T = TypeVar("_T")

DONE = "[DONE]"
"""The data of the last event."""

DRAIN_TIMEOUT = 0.1
"""Seconds to wait for the end of the body after the last event.

A connection is only reused after its body was read to the end.
"""


@contextlib.asynccontextmanager
async def closing_iterator(source: AsyncIterable[_T]) -> AsyncGenerator[AsyncIterator[_T]]:
    """Iterate over a source, and close its generator on exit.

    Otherwise the garbage collector may close the generator in another thread while the event loop
    runs it.
    """
    iterator = aiter(source)
    try:
        yield iterator
    finally:
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


async def iter_event_data(body: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """Yield the data of each event, up to `[DONE]`.

    Raises:
        UnicodeDecodeError: A line is not UTF-8.
    """
    data: list[str] = []
    async with closing_iterator(_iter_lines(body)) as lines:
        async for line in lines:
            field, _, value = line.partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
            elif not line and (event := "\n".join(data)):
                data.clear()
                if event.startswith(DONE):
                    await _drain(lines)
                    return
                yield event


async def _drain(lines: AsyncIterator[str]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_TIMEOUT):
            async for _ in lines:
                pass


async def _iter_lines(body: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    # Chunks of an incomplete line; they are joined once, because a long line has many.
    partial: list[bytes] = []
    # A carriage return that ends a chunk: the next chunk may begin with its line feed.
    held_back = b""
    async for received in body:
        chunk = held_back + received
        held_back = b"\r" if chunk.endswith(b"\r") else b""
        text = chunk.removesuffix(held_back).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *complete, rest = text.split(b"\n")
        for end in complete:
            yield b"".join([*partial, end]).decode()
            partial.clear()
        partial.append(rest)
    for end in b"".join([*partial, held_back]).splitlines():
        yield end.decode()
