"""A body that comes bit by bit, and the server-sent events in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import TypeVar

__all__ = ["data_of_events", "whole"]

_T = TypeVar("_T")

DONE = "[DONE]"
"""The data of the last event of OpenAI's protocol."""

LAST_BYTES = 0.1
"""Seconds that the end of a body may take after that event: a connection is used again only when it was read to the end."""


@contextlib.asynccontextmanager
async def whole(source: AsyncIterable[_T]) -> AsyncGenerator[AsyncIterator[_T]]:
    """Iterate over a source, and close it on the spot however that ends.

    What is left to the garbage collector may be collected in another thread while the event loop is at work on it.
    """
    iterator = aiter(source)
    try:
        yield iterator
    finally:
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()


async def data_of_events(body: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """The data of each event of a `text/event-stream`, up to `[DONE]`.

    The format is WHATWG's, HTML section 9.2.6; other fields than `data` carry nothing in OpenAI's protocol.

    Raises:
        UnicodeDecodeError: A line is not UTF-8.
    """
    data: list[str] = []
    async with whole(_lines(body)) as lines:
        async for line in lines:
            field, _, value = line.partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
            elif not line and (event := "\n".join(data)):
                data.clear()
                if event.startswith(DONE):
                    await _read_out(lines)
                    return
                yield event


async def _read_out(lines: AsyncIterator[str]) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_BYTES):
            async for _ in lines:
                pass


async def _lines(body: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    begun: list[bytes] = []  # joined once the line is there: a long one comes in many pieces
    held = b""  # a carriage return at the end of a piece: what follows tells whether the line ends there
    async for arrived in body:
        piece = held + arrived
        held = b"\r" if piece.endswith(b"\r") else b""
        *ended, rest = (
            piece.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        )
        for end in ended:
            yield b"".join([*begun, end]).decode()
            begun.clear()
        begun.append(rest)
    for end in b"".join([*begun, held]).splitlines():
        yield end.decode()
