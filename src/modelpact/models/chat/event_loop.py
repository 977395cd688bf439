"""One event loop per process, in a thread of its own.

It also serves callers that already run inside an event loop, such as notebooks and FastAPI.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["get_loop", "iterate_sync", "map_concurrently", "run_coroutine", "start_coroutine"]

_T = TypeVar("_T")
_R = TypeVar("_R")

_lock = threading.Lock()

_loops: dict[int, asyncio.AbstractEventLoop] = {}
"""Event loops by process ID: a fork inherits the entry, but not the thread."""


def _replace_lock() -> None:
    """Replace the lock after a fork; another thread of the parent may have held it."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_lock)


def get_loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of this process, and start it on first use.

    A loop inherited from a parent process is left alone: closing it would touch the parent's
    connections.
    """
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="modelpact-chat", daemon=True).start()
        return loop


def run_coroutine(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine on the loop and wait for its result. Ctrl-C cancels it."""
    future = asyncio.run_coroutine_threadsafe(coroutine, get_loop())
    try:
        return future.result()
    finally:
        # Without effect on a future that is done.
        future.cancel()


def start_coroutine(function: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start a coroutine on the loop, if the loop runs, without waiting for it.

    Takes no lock, because finalizers call it, possibly on the loop's own thread. Does nothing
    while Python shuts down.
    """
    loop = _loops.get(os.getpid())
    if loop is not None and not sys.is_finalizing():
        asyncio.run_coroutine_threadsafe(function(), loop)


def iterate_sync(source: AsyncIterator[_T]) -> Iterator[_T]:
    """Iterate over an asynchronous iterator, and close it at the end."""

    async def take_next() -> tuple[_T] | None:
        try:
            return (await anext(source),)
        except StopAsyncIteration:
            return None

    try:
        while (item := run_coroutine(take_next())) is not None:
            yield item[0]
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            # Without waiting: the garbage collector may run this code on the loop's thread.
            start_coroutine(close)


async def map_concurrently(
    function: Callable[[int, _T], Awaitable[_R]],
    items: Sequence[_T],
    max_concurrency: int,
    on_done: Callable[[], None] = lambda: None,
) -> list[_R]:
    """Return `function(number, item)` for each item, in the order of the items.

    At most `max_concurrency` calls run at once, and tasks are not created for waiting items. The
    first error cancels the rest and is raised.
    """
    pending = iter(enumerate(items))
    results: list[Any] = [None] * len(items)

    async def work() -> None:
        for number, item in pending:
            results[number] = await function(number, item)
            on_done()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(max_concurrency, len(items))):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors.exceptions[0].__cause__
    return results
