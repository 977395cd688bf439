"""Secrets in environment variables, in every form in which they may appear in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from modelpact.security.credentials import contains_key, is_secret_name
from modelpact.security.leak_scan.entropy import estimate_bits, is_placeholder
from modelpact.security.leak_scan.fragments import FragmentFinder
from modelpact.security.references import VARIABLES, referenced_variable
from modelpact.security.secrets import encoded_forms
from modelpact.security.url_credentials import URL_PATTERN, url_credentials

__all__ = [
    "MAX_LENGTH",
    "KnownSecrets",
    "collect_secrets",
    "find_known_secrets",
    "is_secret_variable",
]

MAX_LENGTH = 8192
"""Bytes of a value that are compared."""

MIN_LENGTH = 8
"""Characters of a value; shorter ones are not searched for."""

SHORTEST = 6
"""Characters of a value that is redacted; shorter ones are parts of ordinary texts."""

MIN_BITS = 18.0
"""Random bits of a value; those with fewer may be words."""

MAX_PARTS = 8
"""Parts of a value that is a secret as a whole, such as a passphrase."""

WORD_LENGTH = 16
"""Characters of a value; shorter ones must not be part of a longer word."""

_PUBLIC_VARIABLES = ("HOME", "HOSTNAME", "LOGNAME", "PWD", "SHELL", "USER", "USERNAME")


_VARIABLE_ENDINGS = ("KEY", "KEYS", "_PAT", "_PWD", "DSN", "CREDENTIALS")
"""Endings of environment variables that hold credentials; a key such as `primary_key` does not."""


class KnownSecrets:
    """Values to search for in bytes.

    Args:
        values: The name of the environment variable by value.

    Attributes:
        patterns: The name of the variable, and whether the match must be a whole word, by pattern.
        values: The values.
        identity: Identifies the patterns, for caches.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.patterns: dict[bytes, tuple[str, bool]] = {}
        for value, name in values.items():
            whole_word = len(value) < WORD_LENGTH
            for form in encoded_forms(value):
                self.patterns.setdefault(form.encode()[:MAX_LENGTH], (name, whole_word))
            for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
                self.patterns.setdefault(value.encode(encoding)[:MAX_LENGTH], (name, False))
        self.values = list(values)
        self.identity = tuple(sorted(self.patterns))

    def find(self, data: bytes) -> Iterator[tuple[int, str]]:
        """Yield the position of each value, with the name of its variable."""
        ends: dict[str, int] = {}
        for at, name in sorted(self._find_patterns(data)):
            # the forms of one value may overlap
            if at >= ends.get(name, 0):
                ends[name] = at + MIN_LENGTH
                yield at, name

    def _find_patterns(self, data: bytes) -> Iterator[tuple[int, str]]:
        for pattern, (name, whole_word) in self.patterns.items():
            at = data.find(pattern)
            while at >= 0:
                end = at + len(pattern)
                within_word = data[at - 1 : at].isalnum() or data[end : end + 1].isalnum()
                if not (whole_word and within_word):
                    yield at, name
                at = data.find(pattern, end)


def is_secret_variable(name: str) -> bool:
    """Check whether an environment variable of that name holds a credential.

    Example:
        >>> is_secret_variable("MAILER_KEY"), is_secret_variable("GITHUB_PAT")
        (True, True)
        >>> is_secret_variable("OLDPWD"), is_secret_variable("KEYBOARD")
        (False, False)
    """
    return is_secret_name(name) or name.upper().rstrip("0123456789_").endswith(_VARIABLE_ENDINGS)


def collect_secrets() -> KnownSecrets:
    """Collect the secrets in the current environment.

    These are the values of the variables with the name of a secret, of those that a configuration
    refers to, and the passwords in URLs.
    """
    return _collect(*_read_environment())


def find_known_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each secret of the current environment in a text.

    Values that are too short for the leak scan are found as well, and values that were cut off.
    """
    fragments, words = _make_finders(*_read_environment())
    if fragments is not None:
        yield from fragments.find(text)
    if words is not None:
        yield from (match.span() for match in words.finditer(text))


_Variables = tuple[tuple[str, str, bool], ...]
"""Names and values of variables, and whether all of the value is a secret, and not only a password
or a random text in it."""


_last: list[Any] = [None, ((), ())]
"""The last environment that was read, and what was found in it."""


def _read_environment() -> tuple[_Variables, tuple[str, ...]]:
    """Return the variables that may hold secrets, and the values of public ones."""
    # os.environ would decode every variable at each call.
    state = dict(getattr(os.environ, "_data", os.environ)), dict(VARIABLES)
    if state != _last[0]:
        _last[:] = state, _filter_environment(state[1])
    found: tuple[_Variables, tuple[str, ...]] = _last[1]
    return found


def _filter_environment(mentioned: Mapping[str, bool]) -> tuple[_Variables, tuple[str, ...]]:
    variables = tuple(
        (name, value, is_secret_variable(name) or mentioned.get(name, False))
        for name, value in os.environ.items()
        if is_secret_variable(name) or name in mentioned or "://" in value
    )
    return variables, tuple(os.environ.get(name, "") for name in _PUBLIC_VARIABLES)


@lru_cache(maxsize=4)
def _collect(variables: _Variables, public: tuple[str, ...]) -> KnownSecrets:
    values: dict[str, str] = {}
    for name, part in _find_parts(variables, public):
        if _is_distinctive(part):
            values.setdefault(part, name)
    return KnownSecrets(values)


@lru_cache(maxsize=4)
def _make_finders(
    variables: _Variables, public: tuple[str, ...]
) -> tuple[FragmentFinder | None, re.Pattern[str] | None]:
    parts = {part for _, part in _find_parts(variables, public)}
    values = [part for part in parts if _is_distinctive(part)]
    words = [re.escape(part) for part in parts if _is_short_password(part)]
    return (
        FragmentFinder(values) if values else None,
        re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)") if words else None,
    )


def _find_parts(variables: _Variables, public: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the parts of each variable that may be secrets, with its name."""
    for name, value, is_secret in variables:
        for part in map(str.strip, _candidates(name, value, is_secret)):
            if part not in public:
                yield name, part


def _candidates(name: str, value: str, is_secret: bool) -> list[str]:
    passwords = [one for url in URL_PATTERN.findall(value) for one in url_credentials(url)]
    if is_secret:
        parts = [part.strip("'\"()[]{}") for part in re.split(r"[,;\s]+", value)]
        # Long text, such as JSON or PEM, has parts that are public.
        whole = [] if len(parts) > MAX_PARTS else [value]
        return [*whole, *parts, *passwords]
    if name in VARIABLES and estimate_bits(value) >= MIN_BITS:
        return [value, *passwords]
    return passwords


def _is_short_password(value: str) -> bool:
    """Check for a password of a few characters that is not an ordinary word or number."""
    if not SHORTEST <= len(value) < MIN_LENGTH or is_placeholder(value):
        return False
    return re.search("[0-9]", value) is not None and re.search("[A-Za-z]", value) is not None


def _is_distinctive(value: str) -> bool:
    """Check whether a value is long and unusual enough to differ from ordinary text."""
    if len(value) < MIN_LENGTH or len(set(value)) < 5:
        return False
    if referenced_variable(value) or is_placeholder(value):
        return False
    return contains_key(value) or _is_unusual(value)


def _is_unusual(value: str) -> bool:
    # paths, URLs and numbers
    if re.match(r"[~./\\]|[A-Za-z]:[\\/]|\w+://", value) or not re.search("[A-Za-z]", value):
        return False
    if estimate_bits(value) >= MIN_BITS:
        return True
    return len(value) >= 16 and re.fullmatch(r"[\w.]+", value) is None
