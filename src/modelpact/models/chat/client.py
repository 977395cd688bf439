"""One conversation, one answer: attempts, waits and fallbacks under one budget."""

from __future__ import annotations

import asyncio
import os
import random
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from modelpact.errors import ChatError
from modelpact.models.chat.attempt_errors import Failure
from modelpact.models.chat.event_loop import start
from modelpact.models.chat.messages import Message
from modelpact.models.chat.server import Server
from modelpact.models.chat.settings import ChatSettings

__all__ = ["Answer", "Client"]

_T = TypeVar("_T")

FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
"""Seconds between attempts where the server says nothing: doubled each time, and drawn at random from the upper half."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered to one conversation.

    Attributes:
        text: The answer; empty where the model only calls tools.
        model: The model that answered, as the server names it.
        finish_reason: Why it ended: `stop`, `length`, `tool_calls`, ...
        prompt_tokens: Tokens of the question, where the server counts them.
        completion_tokens: Tokens of the answer, where the server counts them.
        attempts: How many requests it took.
        seconds: How long all of them took, with the waits.
        fallback: Which of the fallbacks answered, from 0; None for the model itself.
        tool_calls: The tools that the model wants called.
    """

    text: str
    model: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    attempts: int = 1
    seconds: float = 0.0
    fallback: int | None = None
    tool_calls: list[dict[str, Any]] | None = None

    def after(self, other: Answer) -> Answer:
        """This answer with the tokens of an earlier one to the same row counted in."""
        asked = _sum(self.prompt_tokens, other.prompt_tokens)
        return replace(
            self,
            prompt_tokens=asked,
            completion_tokens=_sum(self.completion_tokens, other.completion_tokens),
        )

    def facts(self) -> dict[str, Any]:
        """All but the text, without what is not there."""
        return {
            key: value for key, value in asdict(self).items() if key != "text" and value is not None
        }


@dataclass
class Course:
    """One row's way: where it stands, how many requests it took, and when its time is up.

    Attributes:
        place: Words for an error about which row it is.
        started: When its budget began, on the monotonic clock.
        deadline: When it ends.
        attempts: The requests made for it so far.
        fallback: Which of the fallbacks is being asked, from 0; None for the model itself.
    """

    place: str
    started: float
    deadline: float
    attempts: int = 0
    fallback: int | None = None

    def left(self) -> float:
        """Seconds that are left of its budget; never negative."""
        return max(0.0, self.deadline - time.monotonic())


class Client:
    """Asks the servers of a chat model. Connections are kept and used again; all of it runs on one event loop."""

    def __init__(self, settings: ChatSettings) -> None:
        own = {name: getattr(settings, name) for name in ChatSettings.option_fields()}
        self.settings = ChatSettings.model_construct(
            **own
        )  # not the model itself, which holds the client
        self._servers = [
            Server(endpoint, settings.max_response_bytes) for endpoint in settings.endpoints()
        ]
        weakref.finalize(self, _closed, self._servers, os.getpid()).atexit = False

    def course(self, place: str = "") -> Course:
        """The way of one row, whose budget begins now."""
        started = time.monotonic()
        return Course(place, started, started + self.settings.budget)

    async def ask(
        self, messages: list[Message], extra: Mapping[str, Any], course: Course
    ) -> Answer:
        """Ask one conversation of the model, then of its fallbacks.

        Args:
            messages: The conversation.
            extra: What goes into the request beside the configured settings.
            course: The row's way; a second question about the same row goes on from there.

        Raises:
            ChatError: None of them gave an answer.
            ModelConfigError: A variable that is referred to is not set.
        """

        async def once(server: Server) -> Answer:
            return _answer(await server.answer(messages, extra), server)

        answer = await self._tried(once, course)
        seconds = time.monotonic() - course.started
        return replace(answer, attempts=course.attempts, seconds=seconds, fallback=course.fallback)

    async def stream(self, messages: list[Message], extra: Mapping[str, Any]) -> AsyncIterator[str]:
        """The answer to one conversation, piece by piece; retries and fallbacks as long as nothing has come.

        Raises:
            ChatError: No server answers, or the one that did broke off.
            ModelConfigError: A variable that is referred to is not set.
        """
        course = self.course()

        async def begin(server: Server) -> tuple[str, AsyncGenerator[str], Server]:
            pieces = server.pieces(messages, extra)
            return await anext(pieces), pieces, server

        first, pieces, server = await self._tried(begin, course)
        try:
            yield first
            while True:
                async with asyncio.timeout(self.settings.timeout):
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                yield piece
        except Failure as failure:
            raise failure.error(
                place="", attempts=course.attempts, where=server.where
            ) from failure.__cause__
        except TimeoutError:
            stalled = Failure("timeout", f"the stream stood still for {self.settings.timeout:g} s")
            raise stalled.error(place="", attempts=course.attempts, where=server.where) from None
        finally:
            await pieces.aclose()

    async def _tried(self, work: Callable[[Server], Awaitable[_T]], course: Course) -> _T:
        """Do some work with the first server that can, each as often as it is worth it."""
        for server in self._servers:
            server.connect()  # a key that is missing is told at the first call, not in an emergency
        failed: list[ChatError] = []
        for index, server in enumerate(self._servers):
            course.fallback = index - 1 if index else None
            before = course.attempts
            try:
                return await self._attempts(work, server, course)
            except Failure as failure:
                error = failure.error(
                    place=course.place, attempts=course.attempts - before, where=server.where
                )
                error.__cause__ = failure.__cause__
                failed.append(error)
            if not course.left():
                break
        first, *others = failed
        first.attempts = course.attempts
        first.message += "".join(
            f"\n  then {error.message.removeprefix(course.place)}" for error in others
        )
        raise first

    async def _attempts(
        self, work: Callable[[Server], Awaitable[_T]], server: Server, course: Course
    ) -> _T:
        attempt = 0
        while True:
            course.attempts += 1
            given = min(self.settings.timeout, course.left())
            try:
                async with asyncio.timeout(given) as limit:
                    return await work(server)
            except Failure as failure:
                failed = failure
            except TimeoutError:
                if not limit.expired():
                    raise
                failed = Failure("timeout", f"no answer within {given:.3g} s")
            if not failed.retried or attempt == self.settings.max_retries:
                raise failed
            wait = failed.wait if failed.wait is not None else _wait(attempt)
            if wait >= course.left():
                failed.detail += f"; waiting {wait:.3g} s for the next attempt would exceed model.budget={self.settings.budget:g} s"
                raise failed
            await asyncio.sleep(wait)
            attempt += 1


def _answer(completion: dict[str, Any], server: Server) -> Answer:
    choice = completion["choices"][0]
    message, usage = choice["message"], completion.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    text, calls = message.get("content"), message.get("tool_calls") or None
    if not isinstance(text or "", str):
        raise Failure("malformed", f"its content is a {type(text).__name__}, not a text")
    return Answer(
        text=text or "",
        model=str(completion.get("model") or server.endpoint.model),
        finish_reason=choice.get("finish_reason"),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        tool_calls=calls,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _closed(servers: list[Server], process: int) -> None:
    """Close what a client had open, once nobody holds it any more; never in a fork, where the connections are the parent's."""

    async def closing() -> None:
        for server in servers:
            await server.close()

    if process == os.getpid():
        start(closing)
    else:
        _others.append(servers)


_others: list[list[Server]] = []


def _wait(attempt: int) -> float:
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311  # so that rows do not all come back at once
