"""Streams the chunks of a model as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["EventStreamResponse", "start_stream"]

Chunks = Generator[str, None, None]


def start_stream(chunks: Iterator[str]) -> Chunks:
    """Wait for the first chunk of a model and return all chunks.

    An error before the first chunk is still a status, a later one is an event.
    """
    first = next(chunks, None)

    def all_chunks() -> Chunks:
        try:
            if first is not None:
                yield first
                yield from chunks
        finally:
            chunks.close()  # type: ignore[attr-defined]

    return all_chunks()


class EventStreamResponse(StreamingResponse):
    """Sends `text` events, then `done` or `error`; closes the model's stream on disconnect.

    Args:
        chunks: The chunks of the model.
        limiter: Limits the threads in which the model runs.
        on_error: Returns the error response of an exception.
        on_end: Called when the stream has ended, for whatever reason.
    """

    def __init__(
        self,
        chunks: Chunks,
        limiter: anyio.CapacityLimiter,
        on_error: Callable[[Exception], Response],
        on_end: Callable[[], None],
    ) -> None:
        self._chunks = chunks
        self._limiter = limiter
        self._on_error = on_error
        self._on_end = on_end
        super().__init__(
            self._events(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._chunks.close)

    async def _events(self) -> AsyncIterator[str]:
        try:
            while (chunk := await self._next_chunk()) is not None:
                yield f"event: text\ndata: {json.dumps({'text': chunk})}\n\n"
            yield "event: done\ndata: {}\n\n"
        # Whatever the model raises becomes an event.
        except Exception as error:
            body = bytes(self._on_error(error).body).decode()
            yield f"event: error\ndata: {body}\n\n"

    async def _next_chunk(self) -> str | None:
        return await anyio.to_thread.run_sync(next, self._chunks, None, limiter=self._limiter)
