"""Redaction of secrets in texts that leave the process: messages, logs, receipts and reports."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any

from modelpact.security.credentials import redact_keys
from modelpact.security.leak_scan.environment import find_known_secrets
from modelpact.security.leak_scan.plain_text import find_random_values
from modelpact.security.leak_scan.prefilter import KEY_MARKERS
from modelpact.security.references import REDACTED
from modelpact.security.url_credentials import redact_urls

__all__ = ["redact", "redact_json"]


def redact(text: str) -> str:
    """Redact all that the leak scan finds in a text, wherever the text goes.

    These are the secrets of the environment in every encoding, keys in well-known formats, URLs
    with credentials, and random values under the name of a secret. Parts of them are redacted too.

    Example:
        >>> redact("401 for https://ann:" + "pw@host/v1 with api_key=" + "q7Zx2mPv9KfT")
        '401 for https://[redacted] with api_key=[redacted]'
    """
    text = _replace(text, find_known_secrets(text))
    text = redact_urls(redact_keys(text, REDACTED))
    if "..." in text:
        text = _cut_keys().sub(REDACTED, text)
    return _replace(text, ((start, end) for start, end, _ in find_random_values(text)))


@functools.cache
def _cut_keys() -> re.Pattern[str]:
    """Return a pattern of the keys in well-known formats whose end was cut off."""
    markers = "|".join(map(re.escape, KEY_MARKERS))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{markers})(?=[\w+/=-]*[0-9])[\w+/=-]{{6,}}\.\.\.")


def redact_json(document: str) -> str:
    """Redact secrets in the keys and the texts of a JSON document, and indent it."""
    return f"{json.dumps(_redact_texts(json.loads(document)), indent=2, ensure_ascii=False)}\n"


def _redact_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {redact(key): _redact_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(_redact_texts, value))
    return redact(value) if isinstance(value, str) else value


def _replace(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            parts += [text[done:start], REDACTED]
        done = max(done, end)
    return "".join([*parts, text[done:]]) if parts else text
