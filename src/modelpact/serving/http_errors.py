"""Maps errors to HTTP statuses and bodies that never repeat the client's data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelpact._internal.counts import format_count
from modelpact.errors import ChatError, InputsError, OutputsError, PredictError
from modelpact.signature import ViolationCode

__all__ = ["ERROR_SCHEMA", "STATUS_DESCRIPTIONS", "HttpError", "to_http_error"]

STATUS_DESCRIPTIONS = {
    400: "The body is not valid JSON, CSV or Parquet.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The content type is not supported.",
    422: "The inputs or params violate the signature; see `failures`.",
    500: "The prediction violates the signature, or the server has a bug.",
    502: "The model raised, or its upstream server failed.",
    503: "Too many concurrent requests; retry after the interval in Retry-After.",
    504: "The model did not respond in time.",
}
"""The error statuses of a request."""

ERROR_SCHEMA: dict[str, object] = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {
        "error_code": {"type": "string", "description": "a machine-readable reason"},
        "message": {"type": "string"},
        "total": {"type": "integer", "description": "the number of all failures"},
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
"""The JSON Schema of the body of an error."""


class HttpError(Exception):
    """A request that ends with an error status.

    Args:
        status: A key of `STATUS_DESCRIPTIONS`.
        code: The machine-readable reason.
        message: The reason, without any data of the client.
        headers: Headers of the response.
        details: Further fields of the body.

    Attributes:
        is_unread: Whether the client is still sending the body.
    """

    is_unread = False

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        **details: object,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"error_code": code, "message": message, **details}


def to_http_error(error: Exception, redact: Callable[[str], str] = str) -> HttpError:
    """Return the HTTP error of an exception.

    Args:
        error: The exception.
        redact: Removes the client's own keys from the path of a violation.
    """
    if isinstance(error, HttpError):
        return error
    if isinstance(error, InputsError):
        return _inputs_error(error, redact)
    # A RecursionError of the model itself is a PredictError.
    if isinstance(error, RecursionError):
        return HttpError(400, "NOT_JSON", "the body is nested too deeply")
    if isinstance(error, OutputsError):
        return HttpError(500, "OUTPUTS_BREAK_CONTRACT", "the prediction violates the signature")
    if isinstance(error, ChatError):
        return HttpError(
            502,
            "UPSTREAM_FAILED",
            "the chat server did not return a usable response",
            reason=error.reason,
        )
    if isinstance(error, PredictError):
        return HttpError(502, "MODEL_FAILED", "the model raised on valid inputs")
    return HttpError(500, "INTERNAL_ERROR", "internal server error; see the log of the server")


def _inputs_error(error: InputsError, redact: Callable[[str], str]) -> HttpError:
    failures: list[dict[str, Any]] = []
    for violation in error.failures:
        # The path of an unknown param is the client's own key.
        is_unknown = violation.code == ViolationCode.UNKNOWN_PARAM
        path = "params" if is_unknown else redact(violation.path)
        failure = {"code": violation.code, "path": path, "row": violation.row}
        failures.append({**failure, "expected": violation.expected})
    total = error.total or max(1, len(failures))
    if not failures:
        # The model itself rejected the inputs.
        expected = "inputs that the model accepts"
        failures = [
            {"code": "REFUSED_BY_MODEL", "path": "", "row": error.row, "expected": expected}
        ]
    return HttpError(
        422,
        "INPUTS_BREAK_CONTRACT",
        f"the request violates the signature in {format_count(total, 'place')}",
        failures=failures,
        total=total,
    )
