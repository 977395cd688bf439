"""Counts in messages."""

from __future__ import annotations

__all__ = ["format_count"]


def format_count(count: int, noun: str) -> str:
    """Return a number and a noun, in the plural if needed.

    Example:
        >>> format_count(1, "change"), format_count(1200, "change")
        ('1 change', '1,200 changes')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
