"""The ways in which a request to a chat server fails, and which of them are worth a retry."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from modelpact._internal.text import truncate
from modelpact.errors import ChatError
from modelpact.security import secrets
from modelpact.security.url_credentials import redact_urls

__all__ = ["REASONS", "AttemptError", "Reason", "error_message", "parse_retry_after"]


class Reason(NamedTuple):
    """The text of a reason code.

    Attributes:
        title: What happened.
        remedy: What to do.
        is_retryable: Whether another attempt may succeed.
    """

    title: str
    remedy: str
    is_retryable: bool = False


REASONS = {
    "bad_request": Reason("the server rejected the request", "See the server's message above."),
    "unauthorized": Reason(
        "the server rejected the API key", "Check the variable that model.api_key names."
    ),
    "not_found": Reason(
        "the server does not know the model or the URL",
        "Check model.model and model.base_url (including /v1).",
    ),
    "rate_limited": Reason(
        "the server limits the request rate",
        "Lower model.max_concurrency, or raise model.max_retries and model.budget.",
        is_retryable=True,
    ),
    "server_error": Reason(
        "the server failed", "Try again later, or set model.fallbacks.", is_retryable=True
    ),
    "timeout": Reason(
        "the server did not respond in time",
        "Raise model.timeout, or set model.fallbacks.",
        is_retryable=True,
    ),
    "unreachable": Reason(
        "cannot connect to the server",
        "Start the server, or set model.base_url (examples/litellm starts one in two commands).",
    ),
    "disconnected": Reason(
        "the connection was lost",
        "The server or a proxy closed it: try again, or set model.fallbacks.",
    ),
    "redirected": Reason(
        "the server redirects the request",
        "Set model.base_url to the final URL. A redirect is not followed, because it would "
        "forward the API key.",
    ),
    "malformed": Reason(
        "the response does not follow OpenAI's chat API",
        "Check that model.base_url is a server with that API (including /v1).",
    ),
    "empty": Reason("the response is empty", "The finish reason explains why."),
    "too_large": Reason(
        "the response is too large", "Lower model.max_tokens, or raise model.max_response_bytes."
    ),
    "format_mismatch": Reason(
        "the response does not match the response format",
        "Simplify model.response_format, raise model.max_tokens, or use another model.",
    ),
}
"""The reason codes of a `ChatError`."""

_STATUS_REASONS = {
    400: "bad_request",
    401: "unauthorized",
    403: "unauthorized",
    404: "not_found",
    408: "timeout",
    429: "rate_limited",
}


class AttemptError(Exception):
    """One request failed.

    Args:
        reason: A key of `REASONS`.
        detail: What happened, without secrets.
        status: The HTTP status; None if no response was received.
        retry_after: Seconds to wait before the next attempt, if the server gave them.
    """

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status
        self.retry_after = retry_after

    @property
    def is_retryable(self) -> bool:
        """Whether another attempt may succeed."""
        return REASONS[self.reason].is_retryable

    @classmethod
    def from_status(
        cls, status: int, headers: Mapping[str, str], body: object, keys: Sequence[str]
    ) -> AttemptError:
        """Return the error for a status other than 2xx.

        Args:
            status: The HTTP status.
            headers: The response headers.
            body: The response body: decoded JSON, or text.
            keys: Secrets that were sent, to be removed from the message.
        """
        if 300 <= status < 400:
            location = headers.get("location", "nowhere").partition("?")[0]
            target = redact_urls(secrets.redact_values(location, keys))
            detail = f"redirect to {truncate(target, 300)} (status {status})"
            return cls("redirected", detail, status=status)
        message = truncate(secrets.redact_values(error_message(body), keys), 300)
        default = "server_error" if status >= 500 else "bad_request"
        return cls(
            _STATUS_REASONS.get(status, default),
            f"status {status}: {message}",
            status=status,
            retry_after=parse_retry_after(headers),
        )

    @classmethod
    def body_too_large(cls, max_bytes: int) -> AttemptError:
        """Return the error for a response body over the limit."""
        return cls("too_large", f"more than model.max_response_bytes={max_bytes} bytes")

    def to_chat_error(self, *, row_label: str, attempts: int, endpoint: str) -> ChatError:
        """Return the error to raise to the caller.

        Args:
            row_label: Prefix of the message that names the row; may be empty.
            attempts: Number of requests that were sent.
            endpoint: The model and its server.
        """
        reason = REASONS[self.reason]
        after = f" after {attempts} attempts" if attempts > 1 else ""
        return ChatError(
            f"{row_label}{reason.title}{after}: {self.detail} ({endpoint})",
            remedy=reason.remedy,
            reason=self.reason,
            status=self.status,
            attempts=attempts,
        )


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that a server requests, or None.

    Reads `retry-after-ms`, and `Retry-After` in seconds or as a date.

    Example:
        >>> parse_retry_after({"retry-after": "2"})
        2.0
    """
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(headers[name]) / scale)
        except (KeyError, ValueError):
            continue
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, moment.timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def error_message(body: object) -> str:
    """Return the error message in a response body, wherever the server puts it."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or error
    return " ".join(str(error).split()) or "no reason given"
