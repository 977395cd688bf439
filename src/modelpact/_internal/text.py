"""Text of messages: did-you-mean suggestions, truncation and previews of values."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["closest_match", "did_you_mean", "list_items", "preview", "truncate"]

COMPARED_LENGTH = 80
"""Characters of a mistyped name that are compared; the cost grows with the square of the length."""

PREVIEW_LENGTH = 80
"""Characters of a value that a message repeats at most."""


def closest_match(name: object, known: Iterable[Any]) -> Any:
    """Return the known name that is closest to a mistyped one, or None.

    Example:
        >>> closest_match("flot", ["float", "string"])
        'float'
    """
    names = {str(one): one for one in known}
    matches = difflib.get_close_matches(str(name)[:COMPARED_LENGTH], list(names), n=1, cutoff=0.6)
    return names[matches[0]] if matches else None


def did_you_mean(name: object, known: Iterable[Any]) -> str:
    """Return a suggestion to append to a message, or an empty string.

    Example:
        >>> did_you_mean("infr", ["infer", "explicit"])
        " (did you mean 'infer'?)"
    """
    match = closest_match(name, known)
    return "" if match is None else f" (did you mean {match!r}?)"


def truncate(text: object, length: int = 80) -> str:
    """Return a text, or the text of an error, as one line of at most `length` characters.

    Example:
        >>> truncate("x" * 100, 10)
        'xxxxxxx...'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 3] + "..."


def preview(value: object) -> str:
    """Return a value for a message: JSON where possible, at most 80 characters.

    Example:
        >>> preview({"a": True})
        '{"a": true}'
        >>> len(preview("x" * 1000))
        80
    """
    if isinstance(value, str):
        text = repr(value[: PREVIEW_LENGTH + 1])
    elif isinstance(value, (list, tuple, dict)) and len(value) > PREVIEW_LENGTH:
        text = f"{type(value).__name__} of {len(value)} items"
    else:
        try:
            text = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):
            text = repr(value)
    return truncate(text, PREVIEW_LENGTH)


def list_items(title: str, items: Sequence[object], total: int) -> str:
    """Return a message: a title, one line per item, and the number of items that are not listed.

    Args:
        title: The first line, without the colon.
        items: The items to list.
        total: The number of all items, listed or not.

    Example:
        >>> print(list_items("3 problems", ["no type"], 3))
        3 problems:
          no type
          ... and 2 more
    """
    lines = [f"{title}:", *(f"  {item}" for item in items)]
    if total > len(items):
        lines.append(f"  ... and {total - len(items):,} more")
    return "\n".join(lines)
