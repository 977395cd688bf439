"""Secrets in a text: keys of well-known forms, addresses that grant access, and what looks like a key under the name of one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

from modelpact.security.credentials import find_keys, is_secret_name
from modelpact.security.leak_scan.entropy import is_placeholder, is_random, is_sequence
from modelpact.security.leak_scan.report import Kind
from modelpact.security.secrets import URL_PATTERN, is_harmless, url_credentials

__all__ = ["STEM", "STEMS", "find_secrets", "is_real_key"]

STEMS = (
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "_pw",
    "-pw",
    "cred",
    "auth",
    "cookie",
    "jwt",
    "bearer",
)
STEM = re.compile("|".join(STEMS))
"""A part of every name that `is_secret_name` knows."""

_WORD = re.compile(r"[ ]([A-Za-z]{2,20})")
"""The word before a name, from its end on: `API key`."""

_AROUND = re.compile(r"[\w.-]{0,60}")
_VALUE = r"""(?:[\w.]{1,60}\(\s{0,20})?[bfruBFRU]{0,2}(?:(?i:bearer|basic|token|key|apikey|digest)[ ]{1,4})?
    (?: \\?"(?:"")?(?P<double>[^"\n]{0,5000}+)" | \\?'(?:'')?(?P<single>[^'\n]{0,5000}+)' | \\?`(?P<tick>[^`\n]{0,5000}+)`
      | (?P<bare>[^\s'"`,;<>(){}\[\]\\]{8,5000}+)(?![(\[]) )"""
_AFTER = re.compile(
    r"""(?P<closed>\\?["'`])?\]?\s{0,80}
    (?: ,?\s{0,80}["']?value["']?\s{0,5}[:=] | :\s{0,5}[\w.\[\] |]{1,60}(?:\s=\s|=(?=["'])) | => | := | ={1,2} | :
      | (?(closed),(?=\s{0,80}[bfruBFRU]{0,2}\\?["'`])|(?!)) )
    \s{0,80}(?:[|>][+-]?\s+)?"""
    + _VALUE,
    re.VERBOSE,
)
"""What follows a name: its closing quote, a sign that something is assigned, and the value."""

_SPACED = re.compile(r"[ \t]{1,8}" + _VALUE, re.VERBOSE)
_ELEMENT = re.compile(r"\s{0,3}>\s{0,80}(?P<bare>[^\s<>]{8,5000})\s{0,80}</")
_SCHEME = re.compile(r"[A-Za-z0-9+.-]*(?<=[A-Za-z])|")
"""The scheme of an address, from its end on."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|\w+=[A-Za-z_][\w.]*")
"""An attribute or an argument, where no quotes make it a value."""

_HOW = re.compile(r"(?i)(?:bearer|basic|token|key|apikey|digest)\s+")
_NO_KEY = re.compile(r"(?i)example|x{4}|your|dummy|fake|placeholder|redacted|\.\.\.|<|\*\*\*")
_BODY = re.compile(r"(?:\\n|\\r|\s|[A-Za-z0-9+/=]|[A-Za-z-]+: ?[^\n]{0,80}\n){1,400}")
_DOCUMENTED = re.compile(
    r"(?i)@(?:[\w-]+\.)*(?:example|test|invalid)(?:\.(?:com|org|net))?(?:[:/?#]|$)"
)
"""Hosts that are nobody's."""


def find_secrets(text: str, keyed: bool = True) -> Iterator[tuple[int, Kind, str]]:
    """What a text holds that is a secret: where it begins, what gave it away, and the name it stands under.

    Args:
        text: A text, or a part of one.
        keyed: Whether it may hold a key of a well-known form; see `marks`.

    Example:
        >>> list(find_secrets("api_key = '" + "q7Zx2mPv9KfT" + "'"))
        [(11, 'entropy', 'api_key')]
        >>> list(find_secrets("api_key = 'env:OPENAI_API_KEY'"))
        []
    """
    taken: list[tuple[int, int]] = []
    for start, end in find_keys(text) if keyed else ():
        if is_real_key(text[start:end], text[end : end + 400]):
            taken.append((start, end))
            yield start, "form", ""
    for start, end in _urls(text):
        if _grants(text[start:end]) and not _overlaps(taken, start, end):
            taken.append((start, end))
            yield start, "address", ""
    for start, end, name in _named(text):
        if is_random(text[start:end]) and not _overlaps(taken, start, end):
            taken.append((start, end))
            yield start, "entropy", name


def is_real_key(found: str, after: str = "") -> bool:
    """Whether what has the form of a key is one, and not the example of a page or a word that begins like it.

    Args:
        found: What was found.
        after: What follows it.
    """
    if found.startswith("-----BEGIN"):
        body = _BODY.match((found + after).partition("KEY")[2].lstrip(" BLOCK").lstrip("-"))
        return body is not None and len(re.sub(r"\\[nr]|\s", "", body[0])) >= 40
    if found.startswith("eyJ"):
        return _is_json(found.partition(".")[0])
    if found[:7].lower() == "bearer ":
        value = found[7:].strip()
        return is_random(value, 25.0)
    if found[:6].lower() == "basic ":
        password = (
            base64.b64decode(found[6:].strip() + "==").partition(b":")[2].decode("utf-8", "replace")
        )
        return bool(password) and not is_placeholder(password)
    return _NO_KEY.search(found) is None and len(set(found)) > 8 and not is_sequence(found)


def _urls(text: str) -> Iterator[tuple[int, int]]:
    at = text.find("://")
    while at >= 0:
        scheme = _SCHEME.match(text[max(0, at - 31) : at][::-1])
        match = URL_PATTERN.match(text, at - len(scheme[0] if scheme else ""))
        if match is not None:
            yield match.span()
        at = text.find("://", at + 3 if match is None else match.end())


def _named(text: str) -> Iterator[tuple[int, int, str]]:
    """The values that stand under the names of credentials."""
    done = 0
    for stem in STEM.finditer(_lowered(text)):
        if stem.start() < done:
            continue
        right = _AROUND.match(text, stem.end()).end()  # type: ignore[union-attr]  # it matches nothing, too
        before = text[max(0, stem.start() - 60) : stem.start()]
        left = stem.start() - len(_AROUND.match(before[::-1])[0])  # type: ignore[index]
        name = text[left:right].strip("-.")
        right = left + text[left:right].rindex(name) + len(name) if name else right
        done = right
        if not is_secret_name(name):
            word = _WORD.match(text[max(0, left - 22) : left][::-1])
            if word is None or not is_secret_name(f"{word[1][::-1]} {name}"):
                continue
            name = f"{word[1][::-1]} {name}"
        value = _value(text, left, right)
        if value is not None:
            yield *value, name


def _value(text: str, left: int, right: int) -> tuple[int, int] | None:
    match = _AFTER.match(text, right) or _ELEMENT.match(text, right)
    if match is None and (
        text[max(0, left - 2) : left] == "--"
        or text[left : left + 2] == "--"
        or _is_login(text, left)
    ):
        match = _SPACED.match(text, right)
    if match is None:
        return None
    group = match.lastgroup or ""
    start, end = match.span(group)
    value = text[start:end]
    scheme = _HOW.match(value)
    if scheme is not None:
        start, value = start + len(scheme[0]), value[len(scheme[0]) :]
    stripped = value.strip().rstrip("\\")
    start += value.find(stripped)
    if is_harmless(stripped) or (group == "bare" and _DOTTED.fullmatch(stripped)):
        return None
    return start, start + len(stripped)


def _is_login(text: str, left: int) -> bool:
    return (
        re.search(
            r"\b(?:machine|login)\s+\S+\s+(?:login\s+\S+\s+)?$", text[max(0, left - 200) : left]
        )
        is not None
    )


def _grants(url: str) -> bool:
    for secret in url_credentials(url):
        in_front = f"{secret}@" in url
        if (
            is_placeholder(secret)
            or not any(map(str.isalnum, secret))
            or (in_front and _DOCUMENTED.search(url))
        ):
            continue
        if is_random(secret) or (in_front and f":{secret}@" in url):
            return True
    return False


def _lowered(text: str) -> str:
    """A text in lower case, letter by letter: a few letters become two in lower case."""
    lowered = text.lower()
    return (
        lowered
        if len(lowered) == len(text)
        else re.sub("[A-Z]", lambda match: match[0].lower(), text)
    )


def _overlaps(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in taken)


def _is_json(encoded: str) -> bool:
    """Whether it is the head of a token: an object of JSON in base64."""
    try:
        head = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return isinstance(json.loads(head), dict)
    except ValueError:
        return False
