"""Bodies: read within bounds, parsed as strict JSON, and written as JSON again."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelpact.serving.limits import Limits
from modelpact.serving.refusals import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["media_type", "parse_json", "plain", "read"]


def media_type(request: Request, allowed: tuple[str, ...]) -> str:
    """The content type of a request, without its parameters.

    Raises:
        Refusal: 415: It is none of those allowed, or another charset than UTF-8.
    """
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    charset = rest.lower().partition("charset=")[2].strip().strip('"')
    if kind not in allowed or charset not in {"", "utf-8", "utf8"}:
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"send {' or '.join(allowed)}, in UTF-8")
    return kind


async def read(request: Request, limits: Limits) -> bytes:
    """The body of a request, which is never in memory beyond its bound.

    Raises:
        Refusal: 413: It is too large; 408: it did not come in time; 400: the client went away.
    """
    from starlette.requests import ClientDisconnect

    too_large = Refusal(413, "BODY_TOO_LARGE", f"a body has at most {limits.max_bytes} bytes", {"connection": "close"})
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > limits.max_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_timeout):
            async for piece in request.stream():
                body += piece
                if len(body) > limits.max_bytes:
                    raise too_large
    except TimeoutError:
        late = f"the body did not come within {limits.body_timeout:g} s"
        raise Refusal(408, "BODY_TOO_SLOW", late, {"connection": "close"}) from None
    except ClientDisconnect:
        raise Refusal(400, "DISCONNECTED", "the client went away") from None
    return bytes(body)


def parse_json(body: bytes) -> Any:
    """A body as JSON; NaN and Infinity are none, and a key that stands twice in an object is refused.

    Raises:
        Refusal: 400: It is not JSON.
    """
    try:
        return json.loads(body, parse_constant=_no_number, object_pairs_hook=_object)
    except RecursionError:
        raise Refusal(400, "NOT_JSON", "the body is nested too deeply") from None
    except UnicodeDecodeError:
        raise Refusal(400, "NOT_JSON", "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refusal(400, "NOT_JSON", f"the body is not JSON: {where}: {error.msg}") from None
    except ValueError as error:  # ours, or an integer of more digits than Python reads
        said = str(error) if isinstance(error, _NotJson) else "a number has too many digits"
        raise Refusal(400, "NOT_JSON", f"the body is not JSON: {said}") from None


class _NotJson(ValueError):
    pass


def _no_number(name: str) -> Any:
    raise _NotJson(f"{name} is no number of JSON; leave the value out, or send null where the contract has it optional")


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
    if hasattr(value, "columns"):
        columns = [plain(value[name].tolist()) for name in value.columns]
        names = [str(name) for name in value.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()  # noqa: PLR0124  # NaT, which equals nothing
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode()
    return str(value)
