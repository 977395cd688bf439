"""The client of a chat model: retries and fallbacks under one time budget per row.

The retries are our own on purpose. They were compared with tenacity, which has no budget that
several requests, a server's `Retry-After` and the fallbacks share, over many rows at once.
"""

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
from modelpact.models.chat.attempt_errors import AttemptError
from modelpact.models.chat.connection import ServerConnection
from modelpact.models.chat.event_loop import start_coroutine
from modelpact.models.chat.messages import Message
from modelpact.models.chat.settings import ChatSettings

__all__ = ["Client", "Completion", "RetryState"]

_T = TypeVar("_T")

FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
"""Seconds between attempts if the server gives none: doubled each time, with jitter."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A server's response to one conversation.

    Attributes:
        text: The text; empty if the model only calls tools.
        model: The model's name as the server reports it.
        finish_reason: `stop`, `length`, `tool_calls`, ...
        prompt_tokens: Number of tokens in the prompt, if the server reports it.
        completion_tokens: Number of tokens in the response, if the server reports it.
        attempts: Number of requests.
        seconds: Duration of all requests and the waits between them.
        fallback: Index of the fallback that responded; None for the model itself.
        tool_calls: Tool calls of the model.
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

    def add_tokens(self, earlier: Completion) -> Completion:
        """Return this completion with the tokens of an earlier one for the same row added."""
        return replace(
            self,
            prompt_tokens=_add(self.prompt_tokens, earlier.prompt_tokens),
            completion_tokens=_add(self.completion_tokens, earlier.completion_tokens),
        )

    def metadata(self) -> dict[str, Any]:
        """Return all fields but the text, without those that are None."""
        fields = asdict(self)
        del fields["text"]
        return {name: value for name, value in fields.items() if value is not None}


@dataclass
class RetryState:
    """The requests of one row and their time budget.

    Attributes:
        row_label: Prefix of error messages that names the row; may be empty.
        started: Start of the budget, on the monotonic clock.
        deadline: End of the budget.
        attempts: Number of requests so far.
        fallback: Index of the current fallback; None for the model itself.
    """

    row_label: str
    started: float
    deadline: float
    attempts: int = 0
    fallback: int | None = None

    def seconds_left(self) -> float:
        """Return the rest of the budget in seconds; never negative."""
        return max(0.0, self.deadline - time.monotonic())


class Client:
    """Sends conversations to the servers of a chat model, all on one event loop."""

    def __init__(self, settings: ChatSettings) -> None:
        # A copy, because `settings` may be the model, which holds this client.
        self.settings = ChatSettings.model_construct(**settings.setting_values())
        self._servers = [
            ServerConnection(endpoint, settings.max_response_bytes)
            for endpoint in settings.endpoints()
        ]
        weakref.finalize(self, _close_servers, self._servers, os.getpid()).atexit = False

    def start_row(self, row_label: str = "") -> RetryState:
        """Start the time budget of one row."""
        started = time.monotonic()
        return RetryState(row_label, started, started + self.settings.budget)

    async def complete(
        self, messages: list[Message], extra: Mapping[str, Any], state: RetryState
    ) -> Completion:
        """Return the response to one conversation, of the model or one of its fallbacks.

        Args:
            messages: The conversation.
            extra: Further keys of the request, which take precedence over the settings.
            state: The row's budget; further conversations of the same row share it.

        Raises:
            ChatError: All servers failed.
            ModelConfigError: A referenced variable is not set.
        """

        async def send(server: ServerConnection) -> Completion:
            completion = await server.complete(messages, extra)
            return _to_completion(completion, server.endpoint.model)

        completion = await self._run_with_fallbacks(send, state)
        seconds = time.monotonic() - state.started
        return replace(
            completion, attempts=state.attempts, seconds=seconds, fallback=state.fallback
        )

    async def stream(self, messages: list[Message], extra: Mapping[str, Any]) -> AsyncIterator[str]:
        """Yield the response to one conversation as it arrives.

        Retries and fallbacks end with the first piece of text.

        Raises:
            ChatError: All servers failed, or the stream ended early.
            ModelConfigError: A referenced variable is not set.
        """
        state = self.start_row()
        timeout = self.settings.timeout

        async def start(server: ServerConnection) -> tuple[str, AsyncGenerator[str], str]:
            pieces = server.stream(messages, extra)
            return await anext(pieces), pieces, server.label

        first, pieces, label = await self._run_with_fallbacks(start, state)
        try:
            yield first
            while True:
                try:
                    async with asyncio.timeout(timeout):
                        piece = await anext(pieces, None)
                except TimeoutError:
                    raise AttemptError("timeout", f"the stream stalled for {timeout:g} s") from None
                if piece is None:
                    return
                yield piece
        except AttemptError as error:
            raise error.to_chat_error(
                row_label="", attempts=state.attempts, endpoint=label
            ) from error.__cause__
        finally:
            await pieces.aclose()

    async def _run_with_fallbacks(
        self, send: Callable[[ServerConnection], Awaitable[_T]], state: RetryState
    ) -> _T:
        """Return the result of the first server that succeeds."""
        # A missing key of a fallback is reported at the first call, not when it is needed.
        for server in self._servers:
            server.open()
        errors: list[ChatError] = []
        for index, server in enumerate(self._servers):
            state.fallback = index - 1 if index else None
            attempts_before = state.attempts
            try:
                return await self._run_with_retries(send, server, state)
            except AttemptError as failed:
                error = failed.to_chat_error(
                    row_label=state.row_label,
                    attempts=state.attempts - attempts_before,
                    endpoint=server.label,
                )
                error.__cause__ = failed.__cause__
                errors.append(error)
            if not state.seconds_left():
                break
        first, *others = errors
        first.attempts = state.attempts
        for error in others:
            first.message += f"\n  then {error.message.removeprefix(state.row_label)}"
        raise first

    async def _run_with_retries(
        self,
        send: Callable[[ServerConnection], Awaitable[_T]],
        server: ServerConnection,
        state: RetryState,
    ) -> _T:
        retries = 0
        while True:
            state.attempts += 1
            seconds = min(self.settings.timeout, state.seconds_left())
            try:
                async with asyncio.timeout(seconds) as limit:
                    return await send(server)
            except AttemptError as error:
                failed = error
            except TimeoutError:
                if not limit.expired():
                    raise
                failed = AttemptError("timeout", f"no response within {seconds:.3g} s")
            if not failed.is_retryable or retries == self.settings.max_retries:
                raise failed
            wait = _backoff(retries) if failed.retry_after is None else failed.retry_after
            if wait >= state.seconds_left():
                failed.detail += (
                    f"; waiting {wait:.3g} s for the next attempt would exceed "
                    f"model.budget={self.settings.budget:g} s"
                )
                raise failed
            await asyncio.sleep(wait)
            retries += 1


def _to_completion(completion: dict[str, Any], model: str) -> Completion:
    choice, usage = completion["choices"][0], completion.get("usage")
    message = choice["message"]
    if not isinstance(usage, dict):
        usage = {}
    return Completion(
        text=message.get("content") or "",
        model=str(completion.get("model") or model),
        finish_reason=choice.get("finish_reason"),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        tool_calls=message.get("tool_calls") or None,
    )


def _add(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _backoff(retries: int) -> float:
    """Return the seconds to wait, at random, so that rows do not retry in lockstep."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2**retries)
    return float(wait * random.uniform(0.5, 1.0))  # noqa: S311


_inherited_servers: list[list[ServerConnection]] = []
"""Servers of a parent process, kept alive so that their connections stay open."""


def _close_servers(servers: list[ServerConnection], process_id: int) -> None:
    """Close the connections of a client that was deleted, but not those of a parent process."""

    async def close() -> None:
        for server in servers:
            await server.close()

    if process_id == os.getpid():
        start_coroutine(close)
    else:
        _inherited_servers.append(servers)
