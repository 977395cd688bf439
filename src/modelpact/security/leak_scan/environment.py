"""The values of the environment that are keys, in every form in which they may have got into a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from modelpact.security.credentials import contains_key, is_secret_name
from modelpact.security.leak_scan.entropy import estimate_bits, is_placeholder
from modelpact.security.secrets import (
    URL_PATTERN,
    encoded_forms,
    referenced_variable,
    url_credentials,
)

__all__ = ["KnownSecrets", "environment_secrets"]

LONGEST = 8192
"""Bytes of a value that are looked for; what begins with so many of them holds it."""

SHORTEST = 8
"""Characters of a value, from which on it is looked for."""

_PUBLIC = ("HOME", "HOSTNAME", "LOGNAME", "PWD", "SHELL", "USER", "USERNAME")


class KnownSecrets:
    """Values to look for in bytes.

    Args:
        values: The name of the variable of each value.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self.patterns: dict[bytes, tuple[str, bool]] = {}
        for value, name in values.items():
            apart = len(value) < 16
            for form in [*encoded_forms(value), value.encode().hex()]:
                self.patterns.setdefault(form.encode()[:LONGEST], (name, apart))
            for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
                self.patterns.setdefault(value.encode(encoding)[:LONGEST], (name, False))
        self.values = list(values)
        self.identity = tuple(sorted(self.patterns))

    def found(self, data: bytes) -> Iterator[tuple[int, str]]:
        """Where values begin, each with the name of its variable."""
        last: dict[str, int] = {}
        for at, name in sorted(self._every(data)):
            if at >= last.get(name, 0):  # the forms of one value may overlap
                last[name] = at + SHORTEST
                yield at, name

    def _every(self, data: bytes) -> Iterator[tuple[int, str]]:
        for pattern, (name, apart) in self.patterns.items():
            at = data.find(pattern)
            while at >= 0:
                end = at + len(pattern)
                if not apart or not (data[at - 1 : at].isalnum() or data[end : end + 1].isalnum()):
                    yield at, name
                at = data.find(pattern, end)


def environment_secrets() -> KnownSecrets:
    """The keys in the environment of now."""
    own = {
        name: value for name, value in os.environ.items() if is_secret_name(name) or "://" in value
    }
    return _known(tuple(own.items()), tuple(os.environ.get(name, "") for name in _PUBLIC))


@lru_cache(maxsize=4)
def _known(variables: tuple[tuple[str, str], ...], public: tuple[str, ...]) -> KnownSecrets:
    values: dict[str, str] = {}
    for name, value in variables:
        parts = re.split(r"[,;\s]+", value) if is_secret_name(name) else []
        passwords = [
            secret for url in URL_PATTERN.findall(value) for secret in url_credentials(url)
        ]
        for part in [value, *parts, *passwords] if is_secret_name(name) else passwords:
            if part not in public and _is_worth_finding(part.strip()):
                values.setdefault(part.strip(), name)
    return KnownSecrets(values)


def _is_worth_finding(value: str) -> bool:
    """Whether a value is long and uncommon enough to be told from other text: no word, no number, no path, no address."""
    if (
        len(value) < SHORTEST
        or referenced_variable(value)
        or is_placeholder(value)
        or len(set(value)) < 5
    ):
        return False
    if contains_key(value):
        return True
    if re.match(r"[~./\\]|[A-Za-z]:[\\/]|\w+://", value) or not re.search("[A-Za-z]", value):
        return False
    return estimate_bits(value) >= 18 or (
        len(value) >= 16 and re.fullmatch(r"[\w.]+", value) is None
    )
