"""Characters that UTF-8, XML or a line of text cannot hold."""

from __future__ import annotations

import re

__all__ = ["blank_unprintable", "has_surrogates"]


def has_surrogates(text: str) -> bool:
    """Return whether a text contains unpaired surrogates, which cannot be encoded."""
    return re.search("[\ud800-\udfff]", text) is not None


def blank_unprintable(text: str) -> str:
    """Return a text with a space in place of each character that is not printable."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
