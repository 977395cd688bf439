"""Printable strings in binary data, in encodings with one, two or four bytes per character."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["MIN_STRING_LENGTH", "find_strings", "is_text"]

MIN_STRING_LENGTH = 12
"""Characters of a string; the shortest key with its name is that long."""

_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"
_PRINTABLE = bytes(number in {9, 10, 13} or 32 <= number < 127 for number in range(256))


def is_text(head: bytes) -> bool:
    """Check whether the first bytes of a file are text in an encoding that extends ASCII."""
    return b"\0" not in head and len(head.translate(None, _CONTROL)) >= 0.99 * len(head)


def find_strings(chunk: bytes) -> Iterator[tuple[int, str]]:
    """Yield the position and the text of each printable string.

    Example:
        >>> list(find_strings(bytes(8) + b"a long enough run" + bytes(8)))
        [(8, 'a long enough run')]
    """
    import numpy as np

    printable = np.frombuffer(chunk.translate(_PRINTABLE), dtype=bool)
    for start, end in _find_runs(printable):
        yield start, chunk[start:end].decode("ascii")
    zero = np.frombuffer(chunk, dtype=np.uint8) == 0
    if min(np.count_nonzero(zero), np.count_nonzero(printable)) < MIN_STRING_LENGTH:
        return
    for width in (2, 4):
        wide = printable[: len(chunk) - width + 1].copy()
        for offset in range(1, width):
            wide &= zero[offset : len(chunk) - width + 1 + offset]
        for phase in range(width):
            for start, end in _find_runs(wide[phase::width]):
                first = phase + start * width
                yield first, chunk[first : phase + end * width : width].decode("ascii")


def _find_runs(mask: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each run of at least MIN_STRING_LENGTH set items."""
    import numpy as np

    # each pass merges neighbouring windows, until an item stands for a whole run
    length = 1
    while length < MIN_STRING_LENGTH:
        offset = min(length, MIN_STRING_LENGTH - length)
        if len(mask) <= offset:
            return
        mask = mask[:-offset] & mask[offset:]
        length += offset
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), (edges[1::2] + MIN_STRING_LENGTH - 1).tolist(), strict=True)
