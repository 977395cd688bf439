"""A strict stand-in for a server of OpenAI's chat-completions API: it refuses what the real one refuses, and fails as it is told.

    with ChatServer([status(429, retry_after=1), answer("hello")]) as server:
        OpenAI(base_url=server.base_url, api_key="any", max_retries=1)
        server.requests[0].body["temperature"]

Requests that break the API's rules get an error of the real API's form, and do not use up the script. As a program, for
benchmarks, it runs in a process of its own until its standard input ends: `python -m tests.support.fake_chat_server --delay 0.2`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Literal, Self

from tests.support.chat_request_rules import Refusal, Request, check, words


@dataclass(frozen=True)
class Reply:
    """What goes over the wire, after `delay` seconds: a body, or the pieces of a stream with `pause` seconds before each."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pieces: tuple[bytes, ...] | None = None
    pause: float = 0.0
    cut: int | None = (
        None  # the connection ends after so many bytes of the body, or pieces of the stream; -1: before the status
    )


@dataclass(frozen=True)
class Behaviour:
    """How the server treats a request that keeps the rules."""

    name: str
    reply: Callable[[Request], Reply]

    def __repr__(self) -> str:
        return self.name


Script = Behaviour | Sequence[Behaviour] | Callable[[Request], Behaviour]
Usage = Mapping[str, Any]


def answer(
    text: str | None = "ok",
    delay: float = 0.0,
    *,
    model: str | None = None,
    usage: Usage | None = None,
    finish_reason: str = "stop",
    tool_calls: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Behaviour:
    """The text, in one body or, when asked to, as a stream of words; a token a word, no usage at all with `usage={}`."""
    said = Said(text, finish_reason, tool_calls, model, usage)

    def reply(request: Request) -> Reply:
        if request.body.get("stream"):
            pieces = _stream(request, re.findall(r"\S+\s*|\s+", text or ""), said)
            return Reply(pieces=pieces, delay=delay, headers=headers or {})
        return Reply(body=_json(_completion(request, said)), delay=delay, headers=headers or {})

    return Behaviour(f"answer({text!r})", reply)


def echo(delay: float = 0.0) -> Behaviour:
    """The content of the last message of the user."""
    return Behaviour(
        "echo()",
        lambda request: answer(_last_words(request.body["messages"]), delay).reply(request),
    )


def stream(
    texts: Sequence[str], delay: float = 0.0, broken: bool | Literal["cut", "end", "error"] = False
) -> Behaviour:
    """These pieces, `delay` seconds before each (joined where no stream was asked for).

    Broken, half of the pieces come, and then the connection ends (True, "cut"), the stream ends with no finish reason ("end"), or
    an error event comes ("error").
    """

    def reply(request: Request) -> Reply:
        if not request.body.get("stream"):
            return answer("".join(texts), delay * len(texts)).reply(request)
        pieces = _stream(request, texts, Said("".join(texts)))
        half = 1 + len(texts) // 2
        if broken == "end":
            pieces = pieces[:half]
        elif broken == "error":
            event = (
                b"data: "
                + _json(_error(500, "The server had an error while processing your request."))
                + b"\n\n"
            )
            pieces = (*pieces[:half], event)
        return Reply(pieces=pieces, pause=delay, cut=half if broken in {True, "cut"} else None)

    return Behaviour(f"stream({len(texts)} pieces)", reply)


def status(
    code: int,
    body: Mapping[str, Any] | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    retry_after: float | datetime | None = None,
    delay: float = 0.0,
) -> Behaviour:
    """A failure, with OpenAI's error body or another one; a Retry-After in seconds or, for an aware UTC datetime, as a date."""
    sent = {"content-type": "text/plain"} if isinstance(body, str) else {}
    if isinstance(retry_after, datetime):
        sent["retry-after"] = format_datetime(retry_after, usegmt=True)
    elif retry_after is not None:
        sent["retry-after"] = f"{retry_after:g}"
    content = (
        body.encode() if isinstance(body, str) else _json(_error(code) if body is None else body)
    )
    reply = Reply(code, content, sent | dict(headers or {}), delay)
    return Behaviour(f"status({code})", lambda request: reply)


def hang(seconds: float = 60.0) -> Behaviour:
    """Not a byte, for so long; then the connection ends."""
    return Behaviour(f"hang({seconds})", lambda request: Reply(delay=seconds, cut=-1))


def disconnect(after_bytes: int | None = 20) -> Behaviour:
    """The connection ends so many bytes into the announced body; with None, before the status line."""

    def reply(request: Request) -> Reply:
        return Reply(
            body=_json(_completion(request, Said("ok " * 100))),
            cut=-1 if after_bytes is None else after_bytes,
        )

    return Behaviour(f"disconnect({after_bytes})", reply)


def truncated() -> Behaviour:
    """The first half of the JSON, announced as if it were all."""

    def reply(request: Request) -> Reply:
        body = _json(_completion(request, Said("ok")))
        return Reply(body=body[: len(body) // 2])

    return Behaviour("truncated()", reply)


def wrong_type(body: str = "<html><body>Welcome</body></html>") -> Behaviour:
    """A page of HTML with status 200, as a proxy's login page."""
    return Behaviour(
        "wrong_type()",
        lambda request: Reply(body=body.encode(), headers={"content-type": "text/html"}),
    )


def empty_choices() -> Behaviour:
    """A completion with no choice in it."""
    return Behaviour(
        "empty_choices()",
        lambda request: Reply(body=_json({**_completion(request, Said("")), "choices": []})),
    )


def null_content(finish_reason: str = "stop") -> Behaviour:
    """A completion whose message has no content."""
    return answer(None, finish_reason=finish_reason)


def redirect(url: str, code: int = 307) -> Behaviour:
    """Go there instead."""
    return Behaviour(f"redirect({code})", lambda request: Reply(code, headers={"location": url}))


def big(megabytes: float = 10) -> Behaviour:
    """A text of so many megabytes."""
    return answer("x" * int(megabytes * 1_000_000))


class ChatServer:
    """The server, in a thread of its own, on a free port of this machine.

    Attributes:
        requests: Every request, refused ones too (empty with `record=False`).
        count: How many requests came.
        peak: The most requests that were in work at once.
        refusals: The messages of the requests that broke the rules (the first 100).
        abandoned: How many clients went away before their answer.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        key: str | None = None,
        repeats_key: bool = False,
        record: bool = True,
        port: int = 0,
    ) -> None:
        self._script = answer() if script is None else script
        self._key = key
        self._repeats_key = repeats_key
        self._record = record
        self._port = port
        self._active = 0
        self._used = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="chat-server", daemon=True)
        self._listening: asyncio.Server | None = None
        self.requests: list[Request] = []
        self.refusals: list[str] = []
        self.count = self.peak = self.abandoned = 0

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def bodies(self) -> list[Any]:
        """The bodies of all requests."""
        return [request.body for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the listening socket and every connection at once, in the middle of whatever is being sent."""
        if self._thread.is_alive():
            self._call(self._abort())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(
            self._connected, "127.0.0.1", self._port, backlog=1024
        )
        self._port = self._listening.sockets[0].getsockname()[1]

    async def _abort(self) -> None:
        if self._listening is not None:
            self._listening.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server was stopped
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request of a connection; says whether another may follow."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, version = head[0].split(" ")
        headers = _headers(head[1:-2])
        self._active += 1
        self.peak = max(self.peak, self._active)
        try:
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            path = re.sub(
                r"^https?://[^/]+", "", path
            )  # a client behind a proxy sends the whole address
            request = Request(method, path, headers, _parsed(raw), time.monotonic())
            self.count += 1
            if self._record:
                self.requests.append(request)
            lasting = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
            return await self._send(self._reply(request), reader, writer) and lasting
        finally:
            self._active -= 1

    def _reply(self, request: Request) -> Reply:
        try:
            check(request, self._key, self._repeats_key)
        except Refusal as refusal:
            if len(self.refusals) < 100:
                self.refusals.append(refusal.message)
            return Reply(refusal.status, _json(refusal.body))
        if isinstance(self._script, Behaviour):
            return self._script.reply(request)
        if callable(self._script):
            return self._script(request).reply(request)
        behaviour = self._script[min(self._used, len(self._script) - 1)]
        self._used += 1
        return behaviour.reply(request)

    async def _send(
        self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if not await self._wait(reply.delay, reader) or reply.cut == -1:
            return False
        size = (
            f"content-length: {len(reply.body)}"
            if reply.pieces is None
            else "transfer-encoding: chunked"
        )
        kind = "application/json" if reply.pieces is None else "text/event-stream"
        headers = {"content-type": kind, "x-request-id": f"req_{self.count}", **reply.headers}
        lines = [
            f"HTTP/1.1 {reply.status} {_phrase(reply.status)}",
            size,
            *(f"{key}: {value}" for key, value in headers.items()),
        ]
        writer.write(
            "\r\n".join([*lines, "", ""]).encode("latin-1")
            + (reply.body if reply.cut is None else reply.body[: reply.cut])
        )
        for piece in (reply.pieces or ())[: reply.cut]:
            if not await self._wait(reply.pause, reader):
                return False
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        if reply.pieces is not None and reply.cut is None:
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        return reply.cut is None

    async def _wait(self, seconds: float, reader: asyncio.StreamReader) -> bool:
        """Wait, and say whether the client is still there."""
        while seconds > 0:
            await asyncio.sleep(min(seconds, 0.25))
            seconds -= 0.25
            if reader.at_eof():
                self.abandoned += 1
                return False
        return True


# What the server says.

_numbers = itertools.count(1)

_ERRORS = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported.",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: (
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}


def _error(code: int, message: str | None = None) -> dict[str, Any]:
    kind, name, text = _ERRORS.get(
        code, ("server_error" if code >= 500 else "invalid_request_error", None, _phrase(code))
    )
    return {"error": {"message": message or text, "type": kind, "param": None, "code": name}}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"


@dataclass(frozen=True)
class Said:
    """What an answer says, in one body or as a stream."""

    text: str | None
    finish_reason: str = "stop"
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    model: str | None = None
    usage: Usage | None = None


def _usage(request: Request, said: Said) -> dict[str, Any]:
    if said.usage is not None:
        return dict(said.usage)
    asked = sum(len(words(message.get("content")).split()) for message in request.body["messages"])
    answered = len((said.text or "").split())
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _shared(request: Request, said: Said, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{next(_numbers)}",
        "object": kind,
        "created": int(time.time()),
        "model": said.model or request.body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_stub",
    }


def _completion(request: Request, said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": said.text,
        "refusal": None,
        "annotations": [],
    }
    if said.tool_calls is not None:
        message["tool_calls"] = list(said.tool_calls)
    count = request.body.get("n") or 1
    choices = [
        {"index": n, "message": message, "logprobs": None, "finish_reason": said.finish_reason}
        for n in range(count)
    ]
    usage = _usage(request, said)
    return (
        _shared(request, said, "chat.completion")
        | {"choices": choices}
        | ({"usage": usage} if usage else {})
    )


def _stream(request: Request, texts: Sequence[str], said: Said) -> tuple[bytes, ...]:
    """The events of a stream: the role, a piece a text, the tool calls, the end, and the usage when it was asked for."""
    counted = bool((request.body.get("stream_options") or {}).get("include_usage"))
    shared = _shared(request, said, "chat.completion.chunk") | ({"usage": None} if counted else {})
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": "", "refusal": None},
        *({"content": text} for text in texts),
    ]
    if said.tool_calls is not None:
        deltas.append(
            {"tool_calls": [{"index": index, **call} for index, call in enumerate(said.tool_calls)]}
        )
    ends = [*[None] * len(deltas), said.finish_reason]
    events = [
        shared | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}]}
        for delta, end in zip([*deltas, {}], ends, strict=True)
    ]
    if counted:
        events.append(shared | {"choices": [], "usage": _usage(request, said)})
    return (*(b"data: " + _json(event) + b"\n\n" for event in events), b"data: [DONE]\n\n")


def _last_words(messages: Sequence[Mapping[str, Any]]) -> str:
    return next(
        (words(message["content"]) for message in reversed(messages) if message["role"] == "user"),
        "",
    )


def _headers(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        found[key] = f"{found[key]}, {value.strip()}" if key in found else value.strip()
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _parsed(raw: bytes) -> Any:
    """The JSON of a body; None where it is none (NaN and infinities are no JSON)."""
    try:
        return json.loads(raw.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def main() -> None:
    """Serve in this process until the standard input ends; the first line printed is the base URL, the last one the counts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--text", help="the answer (default: the user's last message)")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    script = echo(given.delay) if given.text is None else answer(given.text, given.delay)
    with ChatServer(script, record=False, port=given.port) as server:
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        sys.stdin.read()
        sys.stdout.write(
            json.dumps(
                {"count": server.count, "peak": server.peak, "refused": len(server.refusals)}
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
