"""One event loop in a thread of its own: it also serves a caller who is inside a running loop (a notebook, FastAPI)."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["each", "iterate", "loop", "run", "start"]

_T = TypeVar("_T")
_R = TypeVar("_R")

_lock = threading.Lock()
_running: dict[
    int, asyncio.AbstractEventLoop
] = {}  # by process: a fork takes the entry with it, but not the thread


def _forked() -> None:
    global _lock  # noqa: PLW0603  # another thread may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def loop() -> asyncio.AbstractEventLoop:
    """The loop of this process, started when first asked for."""
    with _lock:
        found = _running.get(os.getpid())
        if (
            found is None
        ):  # a loop of the parent's stays where it is: to end it here would touch the parent's connections
            found = _running[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=found.run_forever, name="modelpact-chat", daemon=True).start()
        return found


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine on that loop and wait for it; Ctrl-C cancels it."""
    future = asyncio.run_coroutine_threadsafe(work, loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def start(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Let a coroutine run on that loop, where there is one, and do not wait for it.

    A finalizer may call it, on the loop's own thread as well: it takes no lock. When Python ends, nothing is begun any more.
    """
    found = _running.get(os.getpid())
    if found is not None and not sys.is_finalizing():
        asyncio.run_coroutine_threadsafe(work(), found)


def iterate(source: AsyncIterator[_T]) -> Iterator[_T]:
    """An asynchronous iterator as a plain one; whoever stops early closes it."""

    async def following() -> tuple[_T] | None:
        try:
            return (await anext(source),)
        except StopAsyncIteration:
            return None

    try:
        while (item := run(following())) is not None:
            yield item[0]
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            start(close)  # without waiting: the garbage collector may be who stops


async def each(
    work: Callable[[int, _T], Awaitable[_R]],
    items: Sequence[_T],
    most: int,
    done: Callable[[], None] = lambda: None,
) -> list[_R]:
    """Do `work` for each item and its number, at most `most` at once; the results in the order of the items.

    Items are taken one by one as there is room: ten thousand of them are never under way together. The first error stops
    everything and is raised.
    """
    waiting = iter(enumerate(items))
    results: list[Any] = [None] * len(items)

    async def worker() -> None:
        for number, item in waiting:
            results[number] = await work(number, item)
            done()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(most, len(items))):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors.exceptions[0].__cause__
    return results
