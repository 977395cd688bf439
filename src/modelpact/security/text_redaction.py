"""Redaction of possible secrets in texts from elsewhere, such as errors that quote their input."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelpact.security.credentials import is_secret_name, redact_keys
from modelpact.security.references import REDACTED, is_harmless
from modelpact.security.secrets import find_literals
from modelpact.security.url_credentials import redact_urls

__all__ = ["is_sensitive", "redact_text"]

_PAIR = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]+)(?P<between>['\"]?\s*[:=]\s*)"
    r"(?P<value>\$\{[^{}]*\}|[^,{}\[\]\n]+)"
)
_HEADERS = re.compile(r"headers['\"]?\s*[:=]", re.IGNORECASE)


def redact_text(text: str, key: str = "") -> str:
    """Redact possible secrets in a text from elsewhere, such as an error that quotes its input.

    Args:
        text: The text.
        key: The configuration key whose value the text is, if known.

    Example:
        >>> redact_text("no viable alternative at input '{api_key: abc'")
        "no viable alternative at input '{api_key: [redacted]"
    """
    if key and is_secret_name(key) and not is_harmless(text):
        return REDACTED
    text = redact_urls(redact_keys(text, REDACTED))
    headers = _HEADERS.search(text)
    start = headers.start() if headers else len(text)

    def redact_pair(match: re.Match[str]) -> str:
        secret = is_secret_name(match["name"]) or match.start() > start
        if not secret or is_harmless(match["value"].strip(" '\"")):
            return match[0]
        return f"{match['name']}{match['between']}{REDACTED}"

    return _PAIR.sub(redact_pair, text)


def is_sensitive(place: Iterable[str], value: object) -> bool:
    """Check whether a value should not be shown.

    That holds for a value under the name of a secret, a header, the address of a server, and a
    value with a literal secret.

    Args:
        place: The keys that lead to the value, outermost first.
        value: The value.

    Example:
        >>> is_sensitive(["headers", "X-Team"], "env:TEAM"), is_sensitive(["alpha"], 0.5)
        (True, False)
    """
    for key in place:
        if is_secret_name(key) or key == "base_url" or key.lower().endswith("headers"):
            return True
    return bool(find_literals({"value": value}))
