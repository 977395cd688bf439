"""Paths to values inside a signature or its data, and their text."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from modelpact._internal.text import truncate

__all__ = ["FieldPath", "format_column_path", "format_path"]

FieldPath = tuple[Hashable, ...]
"""Keys, and indices of list items, from the root to a value: `("inputs", "author", 0)`."""

MAX_KEY_LENGTH = 80
MAX_COLUMN_KEY_LENGTH = 40
MAX_PATH_LENGTH = 320


def format_path(path: Sequence[Hashable], root: str = "", key_length: int = MAX_KEY_LENGTH) -> str:
    """Return a path in dotted notation, at most 320 characters long.

    Args:
        path: Keys and indices.
        root: Text of the value that the path starts from.
        key_length: The number of characters after which keys are cut.

    Example:
        >>> format_path(("inputs", 0, "type"))
        'inputs[0].type'
    """
    text = root
    for part in path:
        if type(part) is int:
            text += f"[{part}]"
        else:
            text += ("." if text else "") + str(part)[:key_length]
    return text if len(text) <= MAX_PATH_LENGTH else truncate(text, MAX_PATH_LENGTH)


def format_column_path(path: Sequence[Hashable]) -> str:
    """Return a path that starts with a column label; unnamed columns are shown by position.

    Example:
        >>> format_column_path(("author", "tags", 2)), format_column_path((0, "tags"))
        ('author.tags[2]', 'column 0.tags')
    """
    if not path:
        return ""
    label = path[0] if isinstance(path[0], str) else f"column {path[0]}"
    return format_path(path[1:], label[:MAX_COLUMN_KEY_LENGTH], MAX_COLUMN_KEY_LENGTH)
