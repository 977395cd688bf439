"""Responses of the fake chat server: completions, streams, and every kind of failure."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Literal

from tests.support.chat_request_rules import Request, words


@dataclass(frozen=True)
class Reply:
    """A response of the fake server.

    Attributes:
        status: The HTTP status.
        body: The body, if the response is not a stream.
        headers: Response headers.
        delay: Seconds before the response.
        pieces: The pieces of a stream; None for a body.
        pause: Seconds before each piece.
        cut: Where the connection ends: after so many bytes of the body, or pieces of the stream;
            -1 for before the status line, None for never.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pieces: tuple[bytes, ...] | None = None
    pause: float = 0.0
    cut: int | None = None


@dataclass(frozen=True)
class Behaviour:
    """How the server responds to a valid request."""

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
    """Respond with a text, as a body or as a stream of words.

    Token counts are word counts; `usage={}` reports none.
    """
    content = Content(text, finish_reason, tool_calls, model, usage)

    def reply(request: Request) -> Reply:
        if request.body.get("stream"):
            pieces = _stream(request, re.findall(r"\S+\s*|\s+", text or ""), content)
            return Reply(pieces=pieces, delay=delay, headers=headers or {})
        return Reply(
            body=encode_json(_completion(request, content)), delay=delay, headers=headers or {}
        )

    return Behaviour(f"answer({text!r})", reply)


def echo(delay: float = 0.0) -> Behaviour:
    """Respond with the content of the last user message."""
    return Behaviour(
        "echo()",
        lambda request: answer(_last_words(request.body["messages"]), delay).reply(request),
    )


def stream(
    texts: Sequence[str], delay: float = 0.0, broken: bool | Literal["cut", "end", "error"] = False
) -> Behaviour:
    """Respond with these pieces, `delay` seconds before each, or with one body if not streamed.

    A broken stream sends half of the pieces. Then the connection ends (True or "cut"), the stream
    ends without a finish reason ("end"), or an error event follows ("error").
    """

    def reply(request: Request) -> Reply:
        if not request.body.get("stream"):
            return answer("".join(texts), delay * len(texts)).reply(request)
        pieces = _stream(request, texts, Content("".join(texts)))
        half = 1 + len(texts) // 2
        if broken == "end":
            pieces = pieces[:half]
        elif broken == "error":
            event = (
                b"data: "
                + encode_json(_error(500, "The server had an error while processing your request."))
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
    """Respond with an error status, by default with OpenAI's error body.

    `Retry-After` is sent in seconds, or for an aware UTC datetime as a date.
    """
    sent = {"content-type": "text/plain"} if isinstance(body, str) else {}
    if isinstance(retry_after, datetime):
        sent["retry-after"] = format_datetime(retry_after, usegmt=True)
    elif retry_after is not None:
        sent["retry-after"] = f"{retry_after:g}"
    content = (
        body.encode()
        if isinstance(body, str)
        else encode_json(_error(code) if body is None else body)
    )
    reply = Reply(code, content, sent | dict(headers or {}), delay)
    return Behaviour(f"status({code})", lambda request: reply)


def hang(seconds: float = 60.0) -> Behaviour:
    """Send nothing for some seconds; then end the connection."""
    return Behaviour(f"hang({seconds})", lambda request: Reply(delay=seconds, cut=-1))


def disconnect(after_bytes: int | None = 20) -> Behaviour:
    """End the connection within the body; with None, before the status line."""

    def reply(request: Request) -> Reply:
        return Reply(
            body=encode_json(_completion(request, Content("ok " * 100))),
            cut=-1 if after_bytes is None else after_bytes,
        )

    return Behaviour(f"disconnect({after_bytes})", reply)


def truncated() -> Behaviour:
    """Respond with the first half of the JSON."""

    def reply(request: Request) -> Reply:
        body = encode_json(_completion(request, Content("ok")))
        return Reply(body=body[: len(body) // 2])

    return Behaviour("truncated()", reply)


def wrong_type(body: str = "<html><body>Welcome</body></html>") -> Behaviour:
    """Respond with an HTML page and status 200, like the login page of a proxy."""
    return Behaviour(
        "wrong_type()",
        lambda request: Reply(body=body.encode(), headers={"content-type": "text/html"}),
    )


def empty_choices() -> Behaviour:
    """Respond with a completion without choices."""
    return Behaviour(
        "empty_choices()",
        lambda request: Reply(
            body=encode_json({**_completion(request, Content("")), "choices": []})
        ),
    )


def null_content(finish_reason: str = "stop") -> Behaviour:
    """Respond with a completion whose message has no content."""
    return answer(None, finish_reason=finish_reason)


def redirect(url: str, code: int = 307) -> Behaviour:
    """Redirect to a URL."""
    return Behaviour(f"redirect({code})", lambda request: Reply(code, headers={"location": url}))


def big(megabytes: float = 10) -> Behaviour:
    """Respond with a text of this size."""
    return answer("x" * int(megabytes * 1_000_000))


def raw(body: str, content_type: str = "application/json", code: int = 200) -> Behaviour:
    """Respond with these bytes."""
    reply = Reply(code, body.encode(), {"content-type": content_type})
    return Behaviour("raw", lambda request: reply)


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
        code,
        ("server_error" if code >= 500 else "invalid_request_error", None, status_phrase(code)),
    )
    return {"error": {"message": message or text, "type": kind, "param": None, "code": name}}


def encode_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def status_phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"


@dataclass(frozen=True)
class Content:
    """The content of a completion."""

    text: str | None
    finish_reason: str = "stop"
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    model: str | None = None
    usage: Usage | None = None


def _usage(request: Request, content: Content) -> dict[str, Any]:
    if content.usage is not None:
        return dict(content.usage)
    asked = sum(len(words(message.get("content")).split()) for message in request.body["messages"])
    answered = len((content.text or "").split())
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _shared(request: Request, content: Content, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{next(_numbers)}",
        "object": kind,
        "created": int(time.time()),
        "model": content.model or request.body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_stub",
    }


def _completion(request: Request, content: Content) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content.text,
        "refusal": None,
        "annotations": [],
    }
    if content.tool_calls is not None:
        message["tool_calls"] = list(content.tool_calls)
    count = request.body.get("n") or 1
    choices = [
        {"index": n, "message": message, "logprobs": None, "finish_reason": content.finish_reason}
        for n in range(count)
    ]
    usage = _usage(request, content)
    return (
        _shared(request, content, "chat.completion")
        | {"choices": choices}
        | ({"usage": usage} if usage else {})
    )


def _stream(request: Request, texts: Sequence[str], content: Content) -> tuple[bytes, ...]:
    """Return the events of a stream: role, texts, tool calls, finish reason, requested usage."""
    counted = bool((request.body.get("stream_options") or {}).get("include_usage"))
    shared = _shared(request, content, "chat.completion.chunk") | (
        {"usage": None} if counted else {}
    )
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": "", "refusal": None},
        *({"content": text} for text in texts),
    ]
    if content.tool_calls is not None:
        deltas.append(
            {
                "tool_calls": [
                    {"index": index, **call} for index, call in enumerate(content.tool_calls)
                ]
            }
        )
    ends = [*[None] * len(deltas), content.finish_reason]
    events = [
        shared | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}]}
        for delta, end in zip([*deltas, {}], ends, strict=True)
    ]
    if counted:
        events.append(shared | {"choices": [], "usage": _usage(request, content)})
    return (*(b"data: " + encode_json(event) + b"\n\n" for event in events), b"data: [DONE]\n\n")


def _last_words(messages: Sequence[Mapping[str, Any]]) -> str:
    return next(
        (words(message["content"]) for message in reversed(messages) if message["role"] == "user"),
        "",
    )
