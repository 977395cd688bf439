"""Secrets in environment variables, in every form in which they may appear in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from modelpact.security.credentials import contains_key, is_secret_name
from modelpact.security.leak_scan.entropy import estimate_bits, is_placeholder
from modelpact.security.references import referenced_variable
from modelpact.security.secrets import encoded_forms
from modelpact.security.url_credentials import URL_PATTERN, url_credentials

__all__ = ["MAX_LENGTH", "KnownSecrets", "collect_secrets"]

MAX_LENGTH = 8192
"""Bytes of a value that are compared."""

MIN_LENGTH = 8
"""Characters of a value; shorter ones are not searched for."""

WORD_LENGTH = 16
"""Characters of a value; shorter ones must not be part of a longer word."""

_PUBLIC_VARIABLES = ("HOME", "HOSTNAME", "LOGNAME", "PWD", "SHELL", "USER", "USERNAME")


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
            for form in [*encoded_forms(value), value.encode().hex()]:
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


def collect_secrets() -> KnownSecrets:
    """Collect the secrets in the current environment."""
    variables = tuple(
        (name, value)
        for name, value in os.environ.items()
        if is_secret_name(name) or "://" in value
    )
    public = tuple(os.environ.get(name, "") for name in _PUBLIC_VARIABLES)
    return _collect(variables, public)


@lru_cache(maxsize=4)
def _collect(variables: tuple[tuple[str, str], ...], public: tuple[str, ...]) -> KnownSecrets:
    values: dict[str, str] = {}
    for name, value in variables:
        for part in _candidates(name, value):
            if part not in public and _is_distinctive(part.strip()):
                values.setdefault(part.strip(), name)
    return KnownSecrets(values)


def _candidates(name: str, value: str) -> list[str]:
    passwords = [one for url in URL_PATTERN.findall(value) for one in url_credentials(url)]
    if not is_secret_name(name):
        return passwords
    return [value, *re.split(r"[,;\s]+", value), *passwords]


def _is_distinctive(value: str) -> bool:
    """Check whether a value is long and unusual enough to differ from ordinary text."""
    if len(value) < MIN_LENGTH or len(set(value)) < 5:
        return False
    if referenced_variable(value) or is_placeholder(value):
        return False
    if contains_key(value):
        return True
    # paths, URLs and numbers
    if re.match(r"[~./\\]|[A-Za-z]:[\\/]|\w+://", value) or not re.search("[A-Za-z]", value):
        return False
    if estimate_bits(value) >= 18:
        return True
    return len(value) >= 16 and re.fullmatch(r"[\w.]+", value) is None
