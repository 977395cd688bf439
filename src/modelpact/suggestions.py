"""The nearest known name to a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str]) -> str:
    """A "did you mean" to end a sentence with; empty where nothing is near.

    Example:
        >>> nearest("infr", ["infer", "explicit"])
        ". Did you mean 'infer'?"
    """
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f". Did you mean {matches[0]!r}?" if matches else ""
