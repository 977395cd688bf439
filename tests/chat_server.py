"""A strict stand-in for a server of OpenAI's chat-completions API: it refuses what the real one refuses, and fails as it is told.

    with ChatServer([status(429, retry_after=1), answer("hello")]) as server:
        OpenAI(base_url=server.base_url, api_key="any", max_retries=1)
        server.requests[0].body["temperature"]

Requests that break the API's rules get an error of the real API's form, and do not use up the script. As a program, for
benchmarks, it runs in a process of its own until its standard input ends: `python tests/chat_server.py --delay 0.2`.
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
from collections.abc import Callable, Coroutine, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Literal, Self


@dataclass(frozen=True)
class Request:
    """A request as it came: header names in lower case, the body parsed (None where it is no JSON), the monotonic time."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    received: float


@dataclass(frozen=True)
class Reply:
    """What goes over the wire, after `delay` seconds: a body, or the pieces of a stream with `pause` seconds before each."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pieces: tuple[bytes, ...] | None = None
    pause: float = 0.0
    cut: int | None = None  # the connection ends after so many bytes of the body, or pieces of the stream; -1: before the status


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
    return Behaviour("echo()", lambda request: answer(_last_words(request.body["messages"]), delay).reply(request))


def stream(texts: Sequence[str], delay: float = 0.0, broken: bool | Literal["cut", "end", "error"] = False) -> Behaviour:
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
            event = b"data: " + _json(_error(500, "The server had an error while processing your request.")) + b"\n\n"
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
    content = body.encode() if isinstance(body, str) else _json(_error(code) if body is None else body)
    reply = Reply(code, content, sent | dict(headers or {}), delay)
    return Behaviour(f"status({code})", lambda request: reply)


def hang(seconds: float = 60.0) -> Behaviour:
    """Not a byte, for so long; then the connection ends."""
    return Behaviour(f"hang({seconds})", lambda request: Reply(delay=seconds, cut=-1))


def disconnect(after_bytes: int | None = 20) -> Behaviour:
    """The connection ends so many bytes into the announced body; with None, before the status line."""

    def reply(request: Request) -> Reply:
        return Reply(body=_json(_completion(request, Said("ok " * 100))), cut=-1 if after_bytes is None else after_bytes)

    return Behaviour(f"disconnect({after_bytes})", reply)


def truncated() -> Behaviour:
    """The first half of the JSON, announced as if it were all."""

    def reply(request: Request) -> Reply:
        body = _json(_completion(request, Said("ok")))
        return Reply(body=body[: len(body) // 2])

    return Behaviour("truncated()", reply)


def wrong_type(body: str = "<html><body>Welcome</body></html>") -> Behaviour:
    """A page of HTML with status 200, as a proxy's login page."""
    return Behaviour("wrong_type()", lambda request: Reply(body=body.encode(), headers={"content-type": "text/html"}))


def empty_choices() -> Behaviour:
    """A completion with no choice in it."""
    return Behaviour("empty_choices()", lambda request: Reply(body=_json({**_completion(request, Said("")), "choices": []})))


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
        self._listening = await asyncio.start_server(self._connected, "127.0.0.1", self._port, backlog=1024)
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
            path = re.sub(r"^https?://[^/]+", "", path)  # a client behind a proxy sends the whole address
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

    async def _send(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if not await self._wait(reply.delay, reader) or reply.cut == -1:
            return False
        size = f"content-length: {len(reply.body)}" if reply.pieces is None else "transfer-encoding: chunked"
        kind = "application/json" if reply.pieces is None else "text/event-stream"
        headers = {"content-type": kind, "x-request-id": f"req_{self.count}", **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}", size, *(f"{key}: {value}" for key, value in headers.items())]
        writer.write(
            "\r\n".join([*lines, "", ""]).encode("latin-1") + (reply.body if reply.cut is None else reply.body[: reply.cut])
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
    403: ("invalid_request_error", "unsupported_country_region_territory", "Country, region, or territory not supported."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}


def _error(code: int, message: str | None = None) -> dict[str, Any]:
    kind, name, text = _ERRORS.get(code, ("server_error" if code >= 500 else "invalid_request_error", None, _phrase(code)))
    return {"error": {"message": message or text, "type": kind, "param": None, "code": name}}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


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
    asked = sum(len(_words(message.get("content")).split()) for message in request.body["messages"])
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
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None, "annotations": []}
    if said.tool_calls is not None:
        message["tool_calls"] = list(said.tool_calls)
    count = request.body.get("n") or 1
    choices = [{"index": n, "message": message, "logprobs": None, "finish_reason": said.finish_reason} for n in range(count)]
    usage = _usage(request, said)
    return _shared(request, said, "chat.completion") | {"choices": choices} | ({"usage": usage} if usage else {})


def _stream(request: Request, texts: Sequence[str], said: Said) -> tuple[bytes, ...]:
    """The events of a stream: the role, a piece a text, the tool calls, the end, and the usage when it was asked for."""
    counted = bool((request.body.get("stream_options") or {}).get("include_usage"))
    shared = _shared(request, said, "chat.completion.chunk") | ({"usage": None} if counted else {})
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}, *({"content": text} for text in texts)]
    if said.tool_calls is not None:
        deltas.append({"tool_calls": [{"index": index, **call} for index, call in enumerate(said.tool_calls)]})
    ends = [*[None] * len(deltas), said.finish_reason]
    events = [
        shared | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}]}
        for delta, end in zip([*deltas, {}], ends, strict=True)
    ]
    if counted:
        events.append(shared | {"choices": [], "usage": _usage(request, said)})
    return (*(b"data: " + _json(event) + b"\n\n" for event in events), b"data: [DONE]\n\n")


def _words(content: object) -> str:
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return str(content or "")


def _last_words(messages: Sequence[Mapping[str, Any]]) -> str:
    return next((_words(message["content"]) for message in reversed(messages) if message["role"] == "user"), "")


# What the server demands.


class Refusal(Exception):
    """A request that breaks a rule of the API."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


Check = Callable[[str, Any], None]


def check(request: Request, key: str | None = None, repeats_key: bool = False) -> None:
    """Refuse what the real API refuses: path, method, key, content type, and then the body."""
    path = request.path.partition("?")[0]
    if path != "/v1/chat/completions":
        raise Refusal(f"Invalid URL ({request.method} {path})", status=404)
    if request.method != "POST":
        raise Refusal(f"Not allowed to {request.method} on {path}.", code="method_not_supported", status=405)
    if key is not None:
        _check_key(request.headers.get("authorization", ""), key, repeats_key)
    if "content-length" not in request.headers:
        raise Refusal("The request has no Content-Length.", status=411)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal("Unsupported content type: this API accepts 'application/json'.", code="unsupported_content_type")
    if not isinstance(request.body, dict):
        raise Refusal("We could not parse the JSON body of your request: a JSON object is expected.")
    _check_body(request.body)


def _check_key(header: str, key: str, repeats_key: bool) -> None:
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise Refusal("You didn't provide an API key.", status=401)
    if given != key:
        shown = given if repeats_key else given[:4] + "*" * max(len(given) - 8, 4) + given[-4:] if len(given) > 12 else "****"
        raise Refusal(f"Incorrect API key provided: {shown}.", code="invalid_api_key", status=401)


def _check_body(body: Mapping[str, Any]) -> None:
    _keys("", body, FIELDS.keys())
    if not body.get("model"):
        raise Refusal("you must provide a model parameter")
    if "messages" not in body:
        raise Refusal("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    for name, value in body.items():
        if value is not None:
            FIELDS[name](name, value)
        elif name in NOT_NULL:
            raise _wrong_type(name, "a value", value)
    _check_together(body)


def _check_together(body: Mapping[str, Any]) -> None:
    """Fields that need, or forbid, each other."""
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise Refusal("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", "max_tokens")
    for name, needed in (("stream_options", "stream"), ("tool_choice", "tools"), ("top_logprobs", "logprobs")):
        if body.get(name) is not None and not body.get(needed):
            raise Refusal(f"The '{name}' parameter is only allowed when '{needed}' is set.", name)
    if (body.get("response_format") or {}).get("type") == "json_object":
        said = " ".join(_words(message.get("content")) for message in body["messages"])
        if "json" not in said.lower():
            text = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            raise Refusal(text, "messages")


def _wrong_type(name: str, wanted: str, value: object) -> Refusal:
    text = f"Invalid type for '{name}': expected {wanted}, but got {type(value).__name__} instead."
    return Refusal(text, name, "invalid_type")


def _keys(name: str, value: Mapping[str, Any], known: Set[str], needed: Set[str] = frozenset()) -> None:
    for key in value:
        if key not in known:
            raise Refusal(f"Unknown parameter: '{name}{key}'.", f"{name}{key}", "unknown_parameter")
    for key in sorted(needed):
        if key not in value:
            raise Refusal(f"Missing required parameter: '{name}{key}'.", f"{name}{key}", "missing_required_parameter")


def _kind(*types: type, wanted: str) -> Check:
    def run(name: str, value: object) -> None:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _wrong_type(name, wanted, value)

    return run


def _number(low: float, high: float, kind: Literal["a decimal", "an integer"] = "a decimal") -> Check:
    right = _kind(*((int,) if kind == "an integer" else (int, float)), wanted=kind)

    def run(name: str, value: Any) -> None:
        right(name, value)
        if not low <= value <= high:
            side, sign, bound = ("below minimum", ">=", low) if value < low else ("above maximum", "<=", high)
            code = f"{kind.split()[1]}_{'below_min' if value < low else 'above_max'}_value"
            text = f"Invalid '{name}': {kind.split()[1]} {side} value. Expected a value {sign} {bound}, but got {value} instead."
            raise Refusal(text, name, code)

    return run


def _whole(low: int = -(2**63), high: int = 2**63 - 1) -> Check:
    return _number(low, high, "an integer")


def _one_of(*values: str) -> Check:
    def run(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in values:
            listed = ", ".join(repr(each) for each in values)
            raise Refusal(f"Invalid value: {value!r}. Supported values are: {listed}.", name, "invalid_value")

    return run


_anything = _kind(object, bool, wanted="a value")
_boolean = _kind(bool, wanted="a boolean")
_text = _kind(str, wanted="a string")
_object = _kind(dict, wanted="an object")
_list = _kind(list, wanted="an array")


def _stop(name: str, value: Any) -> None:
    _kind(str, list, wanted="a string or an array of strings")(name, value)
    if isinstance(value, list):
        if not 1 <= len(value) <= 4:
            raise Refusal(
                f"Invalid '{name}': an array of 1 to 4 strings is expected, but got {len(value)}.", name, "array_length"
            )
        for index, each in enumerate(value):
            _text(f"{name}[{index}]", each)


def _stream_options(name: str, value: Any) -> None:
    _object(name, value)
    _keys(f"{name}.", value, {"include_usage", "include_obfuscation"})


def _response_format(name: str, value: Any) -> None:
    _object(name, value)
    _one_of("text", "json_object", "json_schema")(f"{name}.type", value.get("type"))
    if value["type"] != "json_schema":
        _keys(f"{name}.", value, {"type"})
        return
    _keys(f"{name}.", value, {"type", "json_schema"}, {"json_schema"})
    form, name = value["json_schema"], f"{name}.json_schema"
    _object(name, form)
    _keys(f"{name}.", form, {"name", "schema", "description", "strict"}, {"name", "schema"})
    _text(f"{name}.name", form["name"])
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", form["name"]):
        text = f"Invalid '{name}.name': string does not match pattern. Expected a string that matches '^[a-zA-Z0-9_-]+$'."
        raise Refusal(text, f"{name}.name", "invalid_value")
    _object(f"{name}.schema", form["schema"])
    if form["schema"].get("type") != "object":
        text = f"Invalid schema for response_format '{form['name']}': schema must be a JSON Schema of 'type: \"object\"'."
        raise Refusal(text, "response_format", "invalid_json_schema")
    if form.get("strict"):
        _strict_schema(form["name"], form["schema"], ())


def _strict_schema(name: str, schema: object, place: tuple[str, ...]) -> None:
    """With `strict`, every object names all of its properties as required and forbids others."""
    if isinstance(schema, list):
        for index, each in enumerate(schema):
            _strict_schema(name, each, (*place, str(index)))
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        start = f"Invalid schema for response_format '{name}': In context={place}, "
        if schema.get("additionalProperties") is not False:
            text = start + "'additionalProperties' is required to be supplied and to be false."
            raise Refusal(text, "response_format", "invalid_json_schema")
        if set(schema.get("required", ())) != set(schema.get("properties", {})):
            text = start + "'required' is required to be supplied and to be an array including every key in properties."
            raise Refusal(text, "response_format", "invalid_json_schema")
    for key, each in schema.items():
        _strict_schema(name, each, (*place, key))


def _tools(name: str, value: Any) -> None:
    _list(name, value)
    if not value:
        raise Refusal(f"Invalid '{name}': empty array. Expected an array with minimum length 1.", name, "empty_array")
    for index, tool in enumerate(value):
        here = f"{name}[{index}]"
        _object(here, tool)
        _one_of("function", "custom")(f"{here}.type", tool.get("type"))
        _keys(f"{here}.", tool, {"type", tool["type"]}, {tool["type"]})
        _keys(f"{here}.{tool['type']}.", tool[tool["type"]], {"name", "description", "parameters", "strict", "format"}, {"name"})


def _messages(name: str, value: Any) -> None:
    _list(name, value)
    if not value:
        raise Refusal(f"Invalid '{name}': empty array. Expected an array with minimum length 1.", name, "empty_array")
    calls: set[str] = set()
    for index, message in enumerate(value):
        _message(f"{name}[{index}]", message)
        calls |= {call["id"] for call in message.get("tool_calls", ())}
        if message["role"] == "tool" and message["tool_call_id"] not in calls:
            text = f"Invalid parameter: {name} with role 'tool' must be a response to a preceding message with 'tool_calls'."
            raise Refusal(text, f"{name}[{index}].role")


ROLES = {  # the keys of a message and the types of its content's parts
    "system": ({"name"}, {"text"}),
    "developer": ({"name"}, {"text"}),
    "user": ({"name"}, {"text", "image_url", "input_audio", "file"}),
    "assistant": ({"name", "audio", "function_call", "refusal", "tool_calls"}, {"text", "refusal"}),
    "tool": ({"tool_call_id"}, {"text"}),
    "function": ({"name"}, set[str]()),
}


def _message(name: str, message: Any) -> None:
    _object(name, message)
    _keys(f"{name}.", message, set(message), {"role"})
    _one_of(*ROLES)(f"{name}.role", message["role"])
    role = message["role"]
    keys, parts = ROLES[role]
    needed = {"tool": {"tool_call_id"}, "function": {"name"}}.get(role, set())
    _keys(f"{name}.", message, keys | {"role", "content"}, needed)
    for key in ("name", "tool_call_id"):
        if key in message:
            _text(f"{name}.{key}", message[key])
    if re.search(r"[\s<|\\/>]", message.get("name", "")):
        raise Refusal(f"Invalid '{name}.name': string does not match pattern.", f"{name}.name", "invalid_value")
    if "tool_calls" in message:
        _tool_calls(f"{name}.tool_calls", message["tool_calls"])
    if (
        role == "assistant"
        and message.get("content") is None
        and ({"tool_calls", "function_call", "refusal", "audio"} & set(message))
    ):
        return
    _content(f"{name}.content", message.get("content"), parts)


def _tool_calls(name: str, value: Any) -> None:
    _list(name, value)
    for index, call in enumerate(value):
        here = f"{name}[{index}]"
        _object(here, call)
        _one_of("function", "custom")(f"{here}.type", call.get("type"))
        _keys(f"{here}.", call, {"id", "type", call["type"]}, {"id", call["type"]})
        _text(f"{here}.id", call["id"])
        fields = {"name", "arguments"} if call["type"] == "function" else {"name", "input"}
        _keys(f"{here}.{call['type']}.", call[call["type"]], fields, fields)
        for key in fields:
            _text(f"{here}.{call['type']}.{key}", call[call["type"]][key])


def _content(name: str, value: Any, parts: set[str]) -> None:
    if isinstance(value, str):
        return
    if not isinstance(value, list) or not parts:
        raise _wrong_type(name, "one of a string or array of objects" if parts else "a string", value)
    if not value:
        raise Refusal(f"Invalid '{name}': empty array. Expected an array with minimum length 1.", name, "empty_array")
    for index, part in enumerate(value):
        here = f"{name}[{index}]"
        _object(here, part)
        _one_of(*sorted(parts))(f"{here}.type", part.get("type"))
        kind = part["type"]
        _keys(f"{here}.", part, {"type", kind, "prompt_cache_breakpoint"}, {kind})
        if kind in {"text", "refusal"}:
            _text(f"{here}.{kind}", part[kind])
        else:
            _object(f"{here}.{kind}", part[kind])
            needed = {"image_url": {"url"}, "input_audio": {"data", "format"}}.get(kind, set())
            _keys(f"{here}.{kind}.", part[kind], needed | {"detail", "file_data", "file_id", "filename"}, needed)


FIELDS: dict[str, Check] = {
    "audio": _anything,
    "function_call": _anything,
    "functions": _anything,
    "logit_bias": _anything,
    "metadata": _anything,
    "modalities": _anything,
    "moderation": _anything,
    "prediction": _anything,
    "prompt_cache_key": _anything,
    "prompt_cache_options": _anything,
    "prompt_cache_retention": _anything,
    "safety_identifier": _anything,
    "service_tier": _anything,
    "tool_choice": _anything,
    "verbosity": _anything,
    "web_search_options": _anything,
    "frequency_penalty": _number(-2, 2),
    "logprobs": _boolean,
    "max_completion_tokens": _whole(1),
    "max_tokens": _whole(1),
    "messages": _messages,
    "model": _text,
    "n": _whole(1, 128),
    "parallel_tool_calls": _boolean,
    "presence_penalty": _number(-2, 2),
    "reasoning_effort": _one_of("none", "minimal", "low", "medium", "high", "xhigh"),
    "response_format": _response_format,
    "seed": _whole(),
    "stop": _stop,
    "store": _boolean,
    "stream": _boolean,
    "stream_options": _stream_options,
    "temperature": _number(0, 2),
    "tools": _tools,
    "top_logprobs": _whole(0, 20),
    "top_p": _number(0, 1),
    "user": _text,
}
NOT_NULL = {
    "model",
    "messages",
    "function_call",
    "functions",
    "parallel_tool_calls",
    "response_format",
    "tool_choice",
    "tools",
    "user",
}


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
        sys.stdout.write(json.dumps({"count": server.count, "peak": server.peak, "refused": len(server.refusals)}) + "\n")


if __name__ == "__main__":
    main()
