"""Secrets in texts: known key formats, URLs with credentials, random values under secret names."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpact.security.credentials import find_keys, is_secret_name
from modelpact.security.leak_scan.entropy import is_placeholder, is_random, is_sequence
from modelpact.security.references import is_harmless
from modelpact.security.url_credentials import URL_PATTERN, url_credentials

if TYPE_CHECKING:
    from modelpact.security.leak_scan.report import Kind

__all__ = [
    "MAX_PER_KIND",
    "STEM",
    "STEMS",
    "find_random_values",
    "find_secrets",
    "is_real_key",
    "to_lower",
]

MAX_PER_KIND = 50
"""How many secrets of one kind are found in a text. Each kind has a limit of its own, because the
allowlist may allow one kind at a place and not another."""

STEMS = (
    "key", "token", "secret", "pass", "pwd", "_pw", "-pw", "cred", "auth", "cookie", "jwt",
    "bearer",
)  # fmt: skip
STEM = re.compile("|".join(STEMS))
"""A substring of every name that `is_secret_name` accepts."""

_WORD_BEFORE = re.compile(r"[ ]([A-Za-z]{2,20})")
"""The word before a name, reversed: `API key`."""

_NAME_PART = re.compile(r"[\w.-]{0,60}")
_VALUE = r"""(?:[\w.]{1,60}\(\s{0,20})?[bfruBFRU]{0,2}
    (?:(?i:bearer|basic|token|key|apikey|digest)[ ]{1,4})?
    (?: \\?"(?:"")?(?P<double>[^"\n]{0,5000}+)"
      | \\?'(?:'')?(?P<single>[^'\n]{0,5000}+)'
      | \\?`(?P<tick>[^`\n]{0,5000}+)`
      | (?P<bare>[^\s'"`,;<>(){}\[\]\\]{8,5000}+)(?![(\[]) )"""
_ASSIGNMENT = re.compile(
    r"""(?P<closed>\\?["'`])?\]?\s{0,80}
    (?: ,?\s{0,80}["']?value["']?\s{0,5}[:=]
      | :\s{0,5}[\w.\[\] |]{1,60}(?:\s=\s|=(?=["']))
      | => | := | ={1,2} | :
      | (?(closed),(?=\s{0,80}[bfruBFRU]{0,2}\\?["'`])|(?!)) )
    \s{0,80}(?:[|>][+-]?\s+)?"""
    + _VALUE,
    re.VERBOSE,
)
"""What follows a name: its closing quote, an assignment sign, and the value."""

_SPACED_VALUE = re.compile(r"[ \t]{1,8}" + _VALUE, re.VERBOSE)
_XML_VALUE = re.compile(r"\s{0,3}>\s{0,80}(?P<bare>[^\s<>]{8,5000})\s{0,80}</")
_LOGIN = re.compile(r"\b(?:machine|login)\s+\S+\s+(?:login\s+\S+\s+)?$")
"""The fields before a password in a .netrc file."""

_SCHEME = re.compile(r"[A-Za-z0-9+.-]*(?<=[A-Za-z])|")
"""The scheme of a URL, reversed."""

_EXPRESSION = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|\w+=[A-Za-z_][\w.]*")
"""An attribute or an argument in code; a value would be quoted."""

_AUTH_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|key|apikey|digest)\s+")
_EXAMPLE = re.compile(r"(?i)example|x{4}|your|dummy|fake|placeholder|redacted|\.\.\.|<|\*\*\*")
_PEM_BODY = re.compile(r"(?:\\n|\\r|\s|[A-Za-z0-9+/=]|[A-Za-z-]+: ?[^\n]{0,80}\n){1,400}")
_EXAMPLE_HOST = re.compile(
    r"(?i)@(?:[\w-]+\.)*(?:example|test|invalid)(?:\.(?:com|org|net))?(?:[:/?#]|$)"
)


def find_secrets(text: str, keyed: bool = True) -> Iterator[tuple[int, Kind, str]]:
    """Yield the position and the kind of secrets in a text, and the name that each is under.

    Args:
        text: A text, or a region of one.
        keyed: Whether it may contain a key in a well-known format; see `prefilter`.

    Example:
        >>> list(find_secrets("api_key = '" + "q7Zx2mPv9KfT" + "'"))
        [(11, 'entropy', 'api_key')]
        >>> list(find_secrets("api_key = 'env:OPENAI_API_KEY'"))
        []
    """
    found: list[tuple[int, int]] = []
    counts: Counter[Kind] = Counter()
    for start, end, kind, name in _find_candidates(text, keyed):
        if counts[kind] == MAX_PER_KIND:
            continue
        if kind == "pattern" or not _overlaps(found, start, end):
            found.append((start, end))
            counts[kind] += 1
            yield start, kind, name


def _find_candidates(text: str, keyed: bool) -> Iterator[tuple[int, int, Kind, str]]:
    """Yield the secrets in a text; those of different kinds may overlap."""
    for start, end in find_keys(text) if keyed else ():
        if is_real_key(text[start:end], text[end : end + 400]):
            yield start, end, "pattern", ""
    for start, end in _find_urls(text):
        if _grants_access(text[start:end]):
            yield start, end, "url", ""
    for start, end, name in find_random_values(text):
        yield start, end, "entropy", name


def find_random_values(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the name of each random value under the name of a secret."""
    for start, end, name in _find_named_values(text):
        if is_random(text[start:end]):
            yield start, end, name


def is_real_key(key: str, after: str = "") -> bool:
    """Check whether a text in the format of a key is neither an example nor an ordinary word.

    Args:
        key: The text.
        after: The text that follows.
    """
    if key.startswith("-----BEGIN"):
        return _has_pem_body(key + after)
    if key.startswith("eyJ"):
        return _is_encoded_json(key.partition(".")[0])
    if key[:7].lower() == "bearer ":
        return is_random(key[7:].strip(), 25.0)
    if key[:6].lower() == "basic ":
        return _has_real_password(key[6:].strip())
    return _EXAMPLE.search(key) is None and len(set(key)) > 8 and not is_sequence(key)


def _has_pem_body(text: str) -> bool:
    body = _PEM_BODY.match(text.partition("KEY")[2].lstrip(" BLOCK").lstrip("-"))
    return body is not None and len(re.sub(r"\\[nr]|\s", "", body[0])) >= 40


def _has_real_password(encoded: str) -> bool:
    """Check user:password in base64 for a password that is not a placeholder."""
    credentials = base64.b64decode(encoded + "==")
    password = credentials.partition(b":")[2].decode("utf-8", "replace")
    return bool(password) and not is_placeholder(password)


def _find_urls(text: str) -> Iterator[tuple[int, int]]:
    at = text.find("://")
    while at >= 0:
        length = _match_length(_SCHEME, text[max(0, at - 31) : at][::-1])
        match = URL_PATTERN.match(text, at - length)
        if match is not None:
            yield match.span()
        at = text.find("://", at + 3 if match is None else match.end())


def _find_named_values(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the start and the end of each value under the name of a credential, and the name."""
    done = 0
    lower = to_lower(text)
    if not any(stem in lower for stem in STEMS):
        return
    for stem in STEM.finditer(lower):
        if stem.start() < done:
            continue
        left, right = _extend_name(text, stem.start(), stem.end())
        done = right
        name = _full_name(text, left, right)
        if name:
            span = _find_value(text, left, right)
            if span is not None:
                yield *span, name


def _extend_name(text: str, start: int, end: int) -> tuple[int, int]:
    """Extend a stem to the whole name around it."""
    right = end + _match_length(_NAME_PART, text[end : end + 60])
    left = start - _match_length(_NAME_PART, text[max(0, start - 60) : start][::-1])
    name = text[left:right].strip("-.")
    if name:
        right = left + text[left:right].rindex(name) + len(name)
    return left, right


def _full_name(text: str, left: int, right: int) -> str:
    """Return the name of a credential, perhaps with the word before it, or an empty string."""
    name = text[left:right].strip("-.")
    if is_secret_name(name):
        return name
    word = _WORD_BEFORE.match(text[max(0, left - 22) : left][::-1])
    name = f"{word[1][::-1]} {name}" if word else ""
    return name if is_secret_name(name) else ""


def _find_value(text: str, left: int, right: int) -> tuple[int, int] | None:
    """Return the start and the end of the value that is assigned to a name."""
    match = _match_value(text, left, right)
    if match is None:
        return None
    group = str(match.lastgroup)
    start, end = match.span(group)
    start += _match_length(_AUTH_SCHEME, text[start:end])
    value = text[start:end]
    stripped = value.strip().rstrip("\\")
    start += value.find(stripped)
    if is_harmless(stripped) or (group == "bare" and _EXPRESSION.fullmatch(stripped)):
        return None
    return start, start + len(stripped)


def _match_value(text: str, left: int, right: int) -> re.Match[str] | None:
    match = _ASSIGNMENT.match(text, right) or _XML_VALUE.match(text, right)
    if match is None and _is_spaced(text, left):
        match = _SPACED_VALUE.match(text, right)
    return match


def _is_spaced(text: str, left: int) -> bool:
    """Check whether a space separates a name and its value: in options and .netrc files."""
    if text[max(0, left - 2) : left] == "--" or text[left : left + 2] == "--":
        return True
    return _LOGIN.search(text[max(0, left - 200) : left]) is not None


def _grants_access(url: str) -> bool:
    """Check whether a URL has credentials that are neither placeholders nor for example hosts."""
    return any(_is_real_credential(secret, url) for secret in url_credentials(url))


def _is_real_credential(secret: str, url: str) -> bool:
    if is_placeholder(secret) or not any(map(str.isalnum, secret)):
        return False
    if f"{secret}@" in url and _EXAMPLE_HOST.search(url):
        return False
    return is_random(secret) or f":{secret}@" in url


def to_lower(text: str) -> str:
    """Return a text in lower case and of the same length; a few letters become two."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return re.sub("[A-Z]", lambda match: match[0].lower(), text)


def _match_length(pattern: re.Pattern[str], text: str) -> int:
    """Return how many characters at the start of a text match a pattern."""
    match = pattern.match(text)
    return match.end() if match else 0


def _overlaps(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in spans)


def _is_encoded_json(encoded: str) -> bool:
    """Check for a JSON object in base64, which is the header of a token."""
    try:
        header = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return isinstance(json.loads(header), dict)
    except ValueError:
        return False
