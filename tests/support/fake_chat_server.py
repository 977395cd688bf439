"""A strict fake of a chat server with OpenAI's API, scripted with behaviours.

    with ChatServer([status(429, retry_after=1), answer("hello")]) as server:
        OpenAI(base_url=server.base_url, api_key="any", max_retries=1)
        server.requests[0].body["temperature"]

Requests that violate the rules of the API get an error like that of the real API, and do not use up
the script. For benchmarks, it runs as a program until its standard input ends:
`python -m tests.support.fake_chat_server --delay 0.2`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Self

from tests.support.chat_behaviours import (
    Behaviour,
    Reply,
    Script,
    answer,
    big,
    disconnect,
    echo,
    empty_choices,
    encode_json,
    hang,
    null_content,
    raw,
    redirect,
    status,
    status_phrase,
    stream,
    truncated,
    wrong_type,
)
from tests.support.chat_request_rules import Request, check
from tests.support.json_checks import Refusal

__all__ = [
    "Behaviour",
    "ChatServer",
    "Reply",
    "Request",
    "Script",
    "answer",
    "big",
    "disconnect",
    "echo",
    "empty_choices",
    "hang",
    "null_content",
    "raw",
    "redirect",
    "status",
    "stream",
    "truncated",
    "wrong_type",
]


class ChatServer:
    """The server, in its own thread, on a free local port.

    Attributes:
        requests: All requests, including rejected ones; empty with `record=False`.
        count: Number of requests.
        peak: Maximum number of concurrent requests.
        refusals: Error messages of rejected requests; at most 100.
        abandoned: Number of clients that disconnected before their response.
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
        """The base URL for clients."""
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
        """Close the listening socket and all connections immediately."""
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
        """Serve one request; return whether another may follow on the connection."""
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
            return Reply(refusal.status, encode_json(refusal.body))
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
            f"HTTP/1.1 {reply.status} {status_phrase(reply.status)}",
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
        """Wait, and return whether the client is still connected."""
        while seconds > 0:
            await asyncio.sleep(min(seconds, 0.25))
            seconds -= 0.25
            if reader.at_eof():
                self.abandoned += 1
                return False
        return True


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
    """Return the parsed body; None if it is not valid JSON, as with NaN and infinities."""
    try:
        return json.loads(raw.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def main() -> None:
    """Serve until standard input ends. Print the base URL first, and the counts last."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each response")
    parser.add_argument("--text", help="the response (default: the last user message)")
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
