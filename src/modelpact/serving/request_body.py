"""Bodies: read within bounds, parsed as strict JSON, and written as JSON again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from modelpact.serving.http_errors import HttpError
from modelpact.serving.limits import Limits

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["DrainingResponse", "media_type", "parse_json", "plain", "read"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_LINGERING = 5.0
"""Seconds."""


def media_type(request: Request, allowed: tuple[str, ...]) -> str:
    """The content type of a request, without its parameters.

    Raises:
        HttpError: 415: It is none of those allowed, in another charset than UTF-8, or compressed.
    """
    kind, *settings = [
        part.strip() for part in request.headers.get("content-type", "").lower().split(";")
    ]
    charsets = {
        value.strip().strip('"')
        for name, _, value in (part.partition("=") for part in settings)
        if name.strip() == "charset"
    }
    coding = request.headers.get("content-encoding", "").lower()
    if kind not in allowed or charsets - {"utf-8", "utf8"} or coding not in {"", "identity"}:
        raise HttpError(
            415, "UNSUPPORTED_MEDIA_TYPE", f"send {' or '.join(allowed)}, in UTF-8, not compressed"
        )
    return kind


async def read(request: Request, limits: Limits) -> bytes:
    """The body of a request, which is never in memory beyond its bound.

    Raises:
        HttpError: 413: It is too large; 408: it did not come in time; 400: the client went away.
    """
    too_large = HttpError(
        413,
        "BODY_TOO_LARGE",
        f"a body has at most {limits.max_bytes} bytes",
        {"connection": "close"},
    )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limits.max_bytes:
        too_large.unread = True
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout):
            async for piece, too_large.unread in _pieces(request.receive):
                body += piece
                if len(body) > limits.max_bytes:
                    raise too_large
    except TimeoutError:
        late = f"the body did not come within {limits.body_timeout:g} s"
        raise HttpError(408, "BODY_TOO_SLOW", late, {"connection": "close"}) from None
    return bytes(body)


async def _pieces(receive: Receive) -> AsyncIterator[tuple[bytes, bool]]:
    """What comes of a request's body, as it comes, and whether there is more."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HttpError(400, "DISCONNECTED", "the client went away")
        more = message.get("more_body", False)
        yield message.get("body", b""), more


class DrainingResponse(JSONResponse):
    """A refusal of a body that is still being sent.

    The answer goes out at once. What comes then is read and thrown away for a while: to a client that has not read the answer
    yet, a connection that is closed under its hands is a broken one.

    Args:
        refusal: Body, status and headers.
        limits: Ten times its largest body is what the client may send on, for as long as a body may take, or `_LINGERING`.
    """

    def __init__(self, refusal: HttpError, limits: Limits) -> None:
        super().__init__(refusal.body, refusal.status, refusal.headers)
        self._limits = limits

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        left = 10 * self._limits.max_bytes
        with contextlib.suppress(TimeoutError, HttpError):
            async with asyncio.timeout(min(self._limits.body_timeout, _LINGERING)):
                async for piece, _ in _pieces(receive):
                    left -= len(piece)
                    if left < 0:
                        break
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def parse_json(body: bytes) -> Any:
    """A body as JSON: of finite numbers, whole characters, and objects that give each key once.

    Raises:
        HttpError: 400: It is not JSON.
    """
    try:
        text = body.decode("utf-8-sig")
        found = json.loads(
            text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_object
        )
        if _SURROGATE.search(text):
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except RecursionError:
        raise HttpError(400, "NOT_JSON", "the body is nested too deeply") from None
    except UnicodeDecodeError:
        raise HttpError(400, "NOT_JSON", "the body is not UTF-8") from None
    except UnicodeEncodeError:
        raise HttpError(
            400,
            "NOT_JSON",
            "a text of the body has one half of a surrogate pair, which is no character",
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise HttpError(400, "NOT_JSON", f"the body is not JSON: {where}: {error.msg}") from None
    except ValueError as error:  # ours, or an integer of more digits than Python reads
        said = str(error) if isinstance(error, _NotJson) else "a number has too many digits"
        raise HttpError(400, "NOT_JSON", f"the body is not JSON: {said}") from None


class _NotJson(ValueError):
    pass


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape that stands for half a character."""


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _NotJson("a number is too large for a double")
    return number


def _no_number(name: str) -> Any:
    raise _NotJson(
        f"{name} is no number of JSON; leave the value out, or send null where the contract has it optional"
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotJson("an object gives a key twice")
    return found


def plain(value: Any) -> Any:
    """A prediction as JSON can hold it: a frame as a list of rows, arrays as nested lists; NaN and Infinity become null.

    Example:
        >>> plain({"a": [1.5, float("nan")]})
        {'a': [1.5, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return (
        _table(value)
        if hasattr(value, "columns")
        else _array(value)
        if hasattr(value, "tolist")
        else _single(value)
    )


def _table(value: Any) -> Any:
    names = [str(name) for name in value.columns]
    columns = [plain(value[name]) for name in value.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _array(value: Any) -> Any:
    if type(value).__module__ == "numpy" and value.dtype.kind == "M":
        return _moments(value)
    nested = value.tolist()
    whole = type(value).__module__ == "numpy" and value.dtype.kind in "biu"
    return nested if whole else plain(nested)


def _moments(value: Any) -> Any:
    """NumPy's moments as those of pandas: of nanoseconds its own `tolist` makes numbers."""
    import numpy as np
    import pandas as pd

    if np.datetime_data(value.dtype)[0] != "ns":
        return plain(value.tolist())
    texts = np.empty(value.shape, dtype=object)
    texts.ravel()[:] = [plain(moment) for moment in pd.DatetimeIndex(np.ravel(value))]
    return texts.tolist()


def _single(value: Any) -> Any:
    if hasattr(value, "to_list"):  # a column of polars
        return plain(value.to_list())
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()  # noqa: PLR0124  # NaT, which equals nothing
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode()
    return None if type(value).__name__ == "NAType" else str(value)
