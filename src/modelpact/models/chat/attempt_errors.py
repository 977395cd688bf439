"""What can go wrong between a chat model and its server, each under a name; and which of it is worth another attempt."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any

from modelpact._internal.text import truncate
from modelpact.errors import ChatError
from modelpact.security import secrets

__all__ = ["EXAMPLE", "Failure", "retry_after"]

EXAMPLE = "examples/litellm starts one in two commands"

REMEDIES = {
    "bad_request": "The server does not take this request: see its words above.",
    "unauthorized": "Check the variable that model.api_key names.",
    "not_found": "Check model.model and model.base_url (up to and with /v1).",
    "rate_limited": "Lower model.max_concurrency, or raise model.max_retries and model.budget.",
    "server_error": "The fault is the server's: try again later, or name model.fallbacks.",
    "timeout": "Raise model.timeout, or name model.fallbacks.",
    "unreachable": f"Start a server there, or set model.base_url ({EXAMPLE}).",
    "disconnected": "The server, or something on the way to it, broke off: try again, or name model.fallbacks.",
    "redirected": "Set model.base_url to the address that answers; redirects are not followed, they would carry the key along.",
    "malformed": "Is model.base_url a server of OpenAI's protocol, up to and with /v1?",
    "empty": "The model gave no text: look at its finish reason.",
    "too_large": "Lower model.max_tokens, or raise model.max_response_bytes.",
    "format_mismatch": "Simplify model.response_format, raise model.max_tokens, or take another model.",
}
"""The reasons of a `ChatError`, each with what to do."""

RETRIED = frozenset({"rate_limited", "server_error", "timeout"})

_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "unauthorized",
    404: "not_found",
    408: "timeout",
    429: "rate_limited",
}


class Failure(Exception):
    """One attempt that failed.

    Args:
        reason: A key of `REMEDIES`.
        detail: What happened, without secrets.
        status: The HTTP status, where there was one.
        wait: Seconds that the server asks to wait before the next attempt.
    """

    def __init__(
        self, reason: str, detail: str, *, status: int | None = None, wait: float | None = None
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status
        self.wait = wait

    @property
    def retried(self) -> bool:
        """Whether another attempt may succeed."""
        return self.reason in RETRIED

    @classmethod
    def of_status(
        cls, status: int, headers: Mapping[str, str], body: Any, keys: list[str]
    ) -> Failure:
        """What a status other than 2xx means.

        Args:
            status: The HTTP status.
            headers: The headers of the response.
            body: Its body, as far as it was read: decoded JSON, or text.
            keys: The secrets that were sent: a server may repeat them.
        """
        said = truncate(secrets.redact_values(_words(body), keys), 300)
        if 300 <= status < 400:
            target = truncate(
                secrets.redact_text(
                    secrets.redact_values(
                        headers.get("location", "nowhere").partition("?")[0], keys
                    )
                ),
                300,
            )
            return cls(
                "redirected", f"the server redirects to {target} (status {status})", status=status
            )
        reason = _STATUS.get(status, "server_error" if status >= 500 else "bad_request")
        return cls(reason, f"status {status}: {said}", status=status, wait=retry_after(headers))

    @classmethod
    def too_large(cls, max_bytes: int) -> Failure:
        """A body that is longer than what is read."""
        return cls("too_large", f"more than model.max_response_bytes={max_bytes} bytes")

    def error(self, *, place: str, attempts: int, where: str) -> ChatError:
        """The error to raise when there is nothing left to try.

        Args:
            place: Words about which row it is.
            attempts: How many requests were made.
            where: The model and its server.
        """
        tried = f" after {attempts} attempts" if attempts > 1 else ""
        return ChatError(
            f"{place}{_TITLES[self.reason]}{tried}: {self.detail} ({where})",
            remedy=REMEDIES[self.reason],
            reason=self.reason,
            status=self.status,
            attempts=attempts,
        )


_TITLES = {
    "bad_request": "the server refused the request",
    "unauthorized": "the server refused the key",
    "not_found": "the server knows no such model or address",
    "rate_limited": "the server is limiting requests",
    "server_error": "the server failed",
    "timeout": "the server did not answer in time",
    "unreachable": "no server answers",
    "disconnected": "the connection broke",
    "redirected": "the server is elsewhere",
    "malformed": "the answer is not of OpenAI's protocol",
    "empty": "the answer is empty",
    "too_large": "the answer is too large",
    "format_mismatch": "the answer does not fit the response format",
}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait: `Retry-After` in seconds or as a date, or `retry-after-ms`; None without a wish.

    Example:
        >>> retry_after({"retry-after": "2"})
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
    except (TypeError, ValueError, OverflowError):  # none, or no date
        return None


def _words(body: Any) -> str:
    """A server's own words, wherever it put them."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or error
    return " ".join(str(error).split()) or "no reason given"
