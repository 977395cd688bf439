"""What goes wrong with a request, as a status and a body that repeats none of the client's data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelpact.errors import ChatError, InputsError, OutputsError, PredictError
from modelpact.signature import ViolationCode

__all__ = ["ERROR_SCHEMA", "STATUS_DESCRIPTIONS", "HttpError", "to_http_error"]

STATUS_DESCRIPTIONS = {
    400: "The body is not JSON, or not CSV.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The content type is not one that is read here.",
    422: "Inputs or params break the contract; the field failures says where.",
    500: "The model's answer breaks the contract, or the server has a fault.",
    502: "The model failed, or the server that it asks.",
    503: "Too many requests are worked on; the header Retry-After says when to come again.",
    504: "The model did not answer in time.",
}
"""The statuses other than 200 that a request may get, each with its meaning."""

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {
        "error_code": {"type": "string", "description": "a reason for programs"},
        "message": {"type": "string"},
        "total": {"type": "integer", "description": "how many failures there are in all"},
        "failures": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "path", "row", "expected"],
                "properties": {
                    "code": {"type": "string"},
                    "path": {"type": "string"},
                    "row": {"type": ["integer", "null"]},
                    "expected": {"type": "string"},
                },
            },
        },
    },
}
"""The JSON Schema of every body that is not an answer."""


class HttpError(Exception):
    """A request that gets no answer.

    Args:
        status: A key of `STATUS_DESCRIPTIONS`.
        code: The reason, for programs.
        message: The reason, for people; nothing of what the client sent.
        headers: Headers of the response.
        facts: More fields of the body.

    Attributes:
        unread: Whether the client is still sending.
    """

    unread = False

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"error_code": code, "message": message, **facts}


def to_http_error(error: Exception, shown: Callable[[str], str] = str) -> HttpError:
    """What an error of the model's, or of its contract's, is to its client.

    Args:
        error: What was raised.
        shown: Makes of a failure's path one without the client's own keys.
    """
    if isinstance(error, HttpError):
        return error
    if isinstance(error, InputsError):
        return _broken_inputs(error, shown)
    if isinstance(error, RecursionError):  # the model's own is a PredictError
        return HttpError(400, "NOT_JSON", "the body is nested too deeply")
    if isinstance(error, OutputsError):
        return HttpError(
            500, "OUTPUTS_BREAK_CONTRACT", "the model's answer does not conform to its contract"
        )
    if isinstance(error, ChatError):
        return HttpError(
            502,
            "UPSTREAM_FAILED",
            "the chat server gave no usable answer",
            reason=getattr(error, "reason", None),
        )
    if isinstance(error, PredictError):
        return HttpError(
            502, "MODEL_FAILED", "the model failed on inputs that its contract accepts"
        )
    return HttpError(500, "INTERNAL_ERROR", "the server has a fault; its log says which")


def _broken_inputs(error: InputsError, shown: Callable[[str], str]) -> HttpError:
    failures = [
        {
            "code": failure.code,
            "path": "params"
            if failure.code == ViolationCode.UNKNOWN_PARAM
            else shown(failure.path),
            "row": failure.row,
            "expected": failure.expected,
        }
        for failure in getattr(error, "failures", ())
    ]
    total = int(getattr(error, "total", None) or max(1, len(failures)))
    if not failures:  # the model itself refused a row
        failures = [
            {
                "code": "REFUSED_BY_MODEL",
                "path": "",
                "row": getattr(error, "row", None),
                "expected": "inputs that it takes",
            }
        ]
    places = "1 place" if total == 1 else f"{total} places"
    return HttpError(
        422,
        "INPUTS_BREAK_CONTRACT",
        f"the request breaks the contract in {places}",
        failures=failures,
        total=total,
    )
