"""Server-sent events in chunks of any size, and the closing of their generators."""

from __future__ import annotations

import asyncio
import gc
import itertools
import types
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from modelpact.errors import ChatError
from modelpact.models.chat import sse
from modelpact.models.chat.event_loop import run_coroutine
from modelpact.models.chat.sse import closing_iterator, iter_event_data
from tests.support.chat_models import chat
from tests.support.fake_chat_server import Behaviour, ChatServer, Reply, echo, stream

SEPARATORS = ["\n", "\r\n", "\r"]
LINES = [
    "",
    "data: one",
    "data:two",
    "data:  spaced",
    "data",
    "data: ü\u2028",
    ": a comment",
    "event: x",
    "id: 1",
    "data: a:b",
    "x",
]


async def _found(pieces: list[bytes]) -> list[str]:
    async def body() -> AsyncGenerator[bytes]:
        for piece in pieces:
            yield piece

    return [event async for event in iter_event_data(body())]


@given(
    lines=st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(SEPARATORS)), max_size=12),
    cuts=st.lists(st.integers(0, 200), max_size=6),
)
def test_any_split_gives_the_events_of_the_sdks_decoder(
    lines: list[tuple[str, str]], cuts: list[int]
) -> None:
    body = "".join(line + end for line, end in lines).encode()
    at = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[one:other] for one, other in itertools.pairwise(at)]
    expected = [event.data for event in SSEDecoder().iter_bytes(iter([body])) if event.data]
    assert run_coroutine(_found(pieces)) == expected


def test_data_after_done_is_read_but_not_returned() -> None:
    assert run_coroutine(_found([b"data: 1\n\ndata: [DO", b"NE]\n\ndata: 2\n\n"])) == ["1"]


def test_a_missing_end_of_the_body_is_not_awaited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "DRAIN_TIMEOUT", 0.01)

    async def body() -> AsyncGenerator[bytes]:
        yield b"data: 1\n\ndata: [DONE]\n\n"
        await asyncio.Event().wait()

    async def found() -> list[str]:
        return [event async for event in iter_event_data(body())]

    assert run_coroutine(found()) == ["1"]


def test_a_long_event_is_joined_once() -> None:
    piece = b"x" * 1000
    assert [
        len(event) for event in run_coroutine(_found([b"data: ", *[piece] * 5000, b"\n\n"]))
    ] == [5_000_000]


def test_closing_iterator_always_closes_its_source() -> None:
    closed: list[bool] = []

    async def source() -> AsyncGenerator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def first() -> int:
        async with closing_iterator(source()) as numbers:
            async for number in numbers:
                return number
        return 0

    assert run_coroutine(first()) == 1
    assert closed == [True]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Disable the garbage collector during the test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def suspended() -> list[str]:
    """Return the suspended asynchronous generators."""
    run_coroutine(asyncio.sleep(0.01))
    alive: list[Any] = [
        found for found in gc.get_objects() if isinstance(found, types.AsyncGeneratorType)
    ]
    return [generator.__qualname__ for generator in alive if generator.ag_frame is not None]


@pytest.mark.usefixtures("uncollected")
class TestNothingIsLeftOpen:
    """The collector could close a generator in another thread while the loop runs it."""

    def test_a_stream_that_is_stopped_early_leaves_nothing_open(self) -> None:
        with ChatServer(echo(0.01)) as server:
            source: Any = chat(server).predict_stream("a b c d")
            assert next(source)
            source.close()
            assert suspended() == []

    @pytest.mark.parametrize("broken", ["cut", "end", "error"])
    def test_a_stream_that_breaks_leaves_nothing_open(
        self, broken: Literal["cut", "end", "error"]
    ) -> None:
        with ChatServer(stream(list("abcdef"), broken=broken)) as server:
            with pytest.raises(ChatError):
                list(chat(server, max_retries=0).predict_stream("Hello"))
            assert suspended() == []

    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_body_that_is_too_long_leaves_nothing_open(self, streamed: bool) -> None:
        body = Reply(
            body=b"data: " + b"x" * 5_000_000, headers={"content-type": "text/event-stream"}
        )
        with ChatServer(Behaviour("long", lambda request: body)) as server:
            model = chat(server, max_retries=0)
            with pytest.raises(ChatError, match="max_response_bytes"):
                list(model.predict_stream("Hello")) if streamed else model.predict("Hello")
            assert suspended() == []
