"""Reads request bodies within limits and parses them as strict JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.responses import JSONResponse

from modelpact.serving.http_errors import HttpError
from modelpact.serving.limits import Limits

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

__all__ = ["LARGE_BODY", "DrainingResponse", "parse_json", "parse_media_type", "read_body"]

LARGE_BODY = 1 << 18
"""The size from which bodies are parsed and checked one after the other."""

DRAIN_SECONDS = 5.0
"""Seconds for which the rest of a rejected body is read."""

DRAIN_FACTOR = 10
"""The rest of a rejected body is read up to this multiple of the largest body."""


def parse_media_type(request: Request, allowed: tuple[str, ...]) -> str:
    """Return the media type of a request, without its parameters.

    Raises:
        HttpError: 415 if the media type is not allowed, or the body is compressed or not in UTF-8.
    """
    headers = request.headers
    kind, *params = [part.strip() for part in headers.get("content-type", "").lower().split(";")]
    encoding = headers.get("content-encoding", "").lower()
    if kind not in allowed or _charsets(params) - {"utf-8", "utf8"} or encoding not in _IDENTITY:
        expected = f"{' or '.join(allowed)} in UTF-8, not compressed"
        raise HttpError(415, "UNSUPPORTED_MEDIA_TYPE", f"unsupported media type; send {expected}")
    return kind


_IDENTITY = {"", "identity"}


def _charsets(params: list[str]) -> set[str]:
    pairs = [param.partition("=") for param in params]
    return {value.strip().strip('"') for name, _, value in pairs if name.strip() == "charset"}


async def read_body(request: Request, limits: Limits) -> bytes:
    """Return the body of a request; never keep more than the limit in memory.

    Raises:
        HttpError: 413 if the body is too large, 408 if it does not arrive in time, 400 if the
            client disconnects.
    """
    too_large = HttpError(
        413,
        "BODY_TOO_LARGE",
        f"the body is larger than {limits.max_bytes} bytes",
        {"connection": "close"},
    )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limits.max_bytes:
        too_large.is_unread = True
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout):
            async for chunk, too_large.is_unread in _iter_chunks(request.receive):
                body += chunk
                if len(body) > limits.max_bytes:
                    raise too_large
    except TimeoutError:
        message = f"the body did not arrive within {limits.body_timeout:g} s"
        raise HttpError(408, "BODY_TOO_SLOW", message, {"connection": "close"}) from None
    return bytes(body)


async def _iter_chunks(receive: Receive) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield the chunks of a request body, each with whether more will follow."""
    has_more = True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpError(400, "DISCONNECTED", "the client disconnected")
        has_more = message.get("more_body", False)
        yield message.get("body", b""), has_more


class DrainingResponse(JSONResponse):
    """An error response to a body that is still being sent.

    The response is sent at once; then the rest of the body is read for a while and discarded. If
    the connection were closed earlier, the client would see a broken connection instead of the
    response.

    Args:
        error: The error.
        limits: The limits of the server.
    """

    def __init__(self, error: HttpError, limits: Limits) -> None:
        super().__init__(error.body, error.status, error.headers)
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        left = DRAIN_FACTOR * self._limits.max_bytes
        with contextlib.suppress(TimeoutError, HttpError):
            async with asyncio.timeout(min(self._limits.body_timeout, DRAIN_SECONDS)):
                async for chunk, _ in _iter_chunks(receive):
                    left -= len(chunk)
                    if left < 0:
                        break
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def parse_json(body: bytes, *, allow_nan: bool = False) -> Any:
    """Parse a body as strict JSON: finite numbers, valid Unicode, and unique keys.

    Args:
        body: The body.
        allow_nan: Whether NaN and Infinity are accepted, as MLflow's client sends them.

    Raises:
        HttpError: 400 if the body is not strict JSON.
    """
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(
            text,
            parse_constant=float if allow_nan else _reject_constant,
            parse_float=_parse_float,
            # A call of a Python function lets other threads run.
            parse_int=_parse_int if len(body) > LARGE_BODY else None,
            object_pairs_hook=_build_object,
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except (ValueError, RecursionError) as error:
        raise HttpError(400, "NOT_JSON", f"the body {_describe_fault(error)}") from None


def _describe_fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
    if isinstance(error, _StrictJsonError):
        return f"is not JSON: {error}"
    # Python refuses to parse integers of more than 4,300 digits.
    return _FAULTS.get(type(error), "is not JSON: a number has too many digits")


_FAULTS: dict[type[Exception], str] = {
    RecursionError: "is nested too deeply",
    UnicodeDecodeError: "is not UTF-8",
    UnicodeEncodeError: "contains an unpaired surrogate",
}


class _StrictJsonError(ValueError):
    pass


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""The escape of one half of a surrogate pair."""


def _parse_int(digits: str) -> int:
    return int(digits)


def _parse_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _StrictJsonError("a number is too large for a double")
    return number


def _reject_constant(name: str) -> NoReturn:
    raise _StrictJsonError(f"{name} is not valid JSON; send null, or omit the value")


def _build_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _StrictJsonError("an object has a duplicate key")
    return found
