"""Redaction of secrets in texts that leave the process: messages, logs, receipts and reports."""

from __future__ import annotations

from modelpact.security.credentials import redact_keys
from modelpact.security.leak_scan.environment import redaction_pattern
from modelpact.security.leak_scan.plain_text import find_random_values
from modelpact.security.references import REDACTED
from modelpact.security.url_credentials import redact_urls

__all__ = ["redact"]


def redact(text: str) -> str:
    """Redact all that the leak scan finds in a text, wherever the text goes.

    These are the secrets of the environment in every encoding, keys in well-known formats, URLs
    with credentials, and random values under the name of a secret.

    Example:
        >>> redact("401 for https://ann:" + "pw@host/v1 with api_key=" + "q7Zx2mPv9KfT")
        '401 for https://[redacted] with api_key=[redacted]'
    """
    known = redaction_pattern()
    if known is not None:
        text = known.sub(REDACTED, text)
    text = redact_urls(redact_keys(text, REDACTED))
    for start, end, _ in reversed(list(find_random_values(text))):
        text = f"{text[:start]}{REDACTED}{text[end:]}"
    return text
