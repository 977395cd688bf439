"""What makes a message short and helpful: the nearest known name to a mistyped one, and no more of a text than a line takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest", "shortened"]


def nearest(name: str, known: Iterable[str]) -> str:
    """A "did you mean" to end a sentence with; empty where nothing is near.

    Example:
        >>> nearest("infr", ["infer", "explicit"])
        ". Did you mean 'infer'?"
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f". Did you mean {matches[0]!r}?" if matches else ""


def shortened(text: object, length: int = 80) -> str:
    """A text or an error as one line of at most `length` characters.

    Example:
        >>> shortened("x" * 100, 10)
        'xxxxxxx...'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 3] + "..."
