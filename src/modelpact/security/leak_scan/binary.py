"""The runs of printable characters in bytes of any meaning, also where each character takes two or four bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SHORTEST", "find_strings", "is_text"]

SHORTEST = 12
"""Characters of a run, from which on it is read: the shortest key with the word before it."""

_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"
_PRINTABLE = bytes(number in {9, 10, 13} or 32 <= number < 127 for number in range(256))


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are a text's, in an encoding where letters without accents are those of ASCII."""
    return b"\0" not in head and len(head.translate(None, _CONTROL)) >= 0.99 * len(head)


def find_strings(chunk: bytes) -> Iterator[tuple[int, str]]:
    """Each run of printable characters with where it begins.

    Example:
        >>> list(runs(bytes(8) + b"a long enough run" + bytes(8)))
        [(8, 'a long enough run')]
    """
    import numpy as np

    printable = np.frombuffer(chunk.translate(_PRINTABLE), dtype=bool)
    for start, end in _long(printable):
        yield start, chunk[start:end].decode("ascii")
    zero = np.frombuffer(chunk, dtype=np.uint8) == 0
    if min(np.count_nonzero(zero), np.count_nonzero(printable)) < SHORTEST:
        return
    for width in (2, 4):
        wide = printable[: len(chunk) - width + 1].copy()
        for further in range(1, width):
            wide &= zero[further : len(chunk) - width + 1 + further]
        for phase in range(width):
            for start, end in _long(wide[phase::width]):
                first = phase + start * width
                yield first, chunk[first : phase + end * width : width].decode("ascii")


def _long(mask: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where a mask is set at least SHORTEST times on end."""
    import numpy as np

    steps = 1
    while steps < SHORTEST:
        further = min(steps, SHORTEST - steps)
        if len(mask) <= further:
            return
        mask = mask[:-further] & mask[further:]
        steps += further
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), (edges[1::2] + SHORTEST - 1).tolist(), strict=True)
