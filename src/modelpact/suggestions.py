"""What makes a message short and helpful: the nearest known name to a mistyped one, and no more of a text than a line takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = ["closest", "nearest", "shortened"]

LONGEST = 80
"""No more of a mistyped name is compared: the time this takes grows with the square of its length."""


def closest(name: object, known: Iterable[Any]) -> Any:
    """The known name that is most like a mistyped one; None where none is.

    Example:
        >>> closest("flot", ["float", "string"])
        'float'
    """
    names = {str(one): one for one in known}
    matches = difflib.get_close_matches(str(name)[:LONGEST], list(names), n=1, cutoff=0.6)
    return names[matches[0]] if matches else None


def nearest(name: str, known: Iterable[str]) -> str:
    """A "did you mean" to end a sentence with; empty where nothing is near.

    Example:
        >>> nearest("infr", ["infer", "explicit"])
        ". Did you mean 'infer'?"
    """
    match = closest(name, known)
    return f". Did you mean {match!r}?" if match is not None else ""


def shortened(text: object, length: int = 80) -> str:
    """A text or an error as one line of at most `length` characters.

    Example:
        >>> shortened("x" * 100, 10)
        'xxxxxxx...'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 3] + "..."
