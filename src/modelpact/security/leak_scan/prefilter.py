"""Where in a long text something may be found at all: most of it is done with at the speed of NumPy."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpact.security.credentials import KEY_MARKERS
from modelpact.security.leak_scan.plain_text import STEMS

if TYPE_CHECKING:
    import numpy as np

__all__ = ["candidate_regions"]

_MARKS = [mark.encode() for mark in KEY_MARKERS]

SHORT = 2000
"""Bytes of a text that is looked through as a whole."""

BEFORE, AFTER = 256, 700
BEFORE_KEY, AFTER_KEY = 64, 8500
"""Characters around a name, and around the mark of a key, that belong to it."""


def candidate_regions(chunk: bytes) -> Iterator[tuple[int, int, bool]]:
    """The parts of a text that hold the name of a credential, an address, or the mark of a key; and whether there is such a mark.

    Example:
        >>> list(candidate_regions(b"." * 5000 + b"token" + b"." * 5000))
        [(4744, 5700, False)]
    """
    if len(chunk) < SHORT:
        yield 0, len(chunk), any(mark in chunk for mark in _MARKS)
        return
    first, last, keyed = 0, -1, False
    for at, is_mark in _marked(chunk):
        start, end = (at - BEFORE_KEY, at + AFTER_KEY) if is_mark else (at - BEFORE, at + AFTER)
        if start > last:
            if last >= 0:
                yield first, last, keyed
            first, last, keyed = max(0, start), 0, False
        last, keyed = max(last, min(end, len(chunk))), keyed or is_mark
    if last >= 0:
        yield first, last, keyed


def _marked(chunk: bytes) -> Iterator[tuple[int, bool]]:
    import numpy as np

    pairs, triples = _tables()
    data = np.frombuffer(chunk, dtype=np.uint8)
    size = len(chunk) - 2
    even = np.frombuffer(chunk, dtype="<u2", count=len(chunk) // 2)
    odd = np.frombuffer(chunk, dtype="<u2", count=(len(chunk) - 1) // 2, offset=1)
    at = np.sort(
        np.concatenate((np.flatnonzero(pairs[even]) * 2, np.flatnonzero(pairs[odd]) * 2 + 1))
    )
    at = at[at < size]
    codes = data[at].astype(np.int64) << 16 | data[at + 1].astype(np.int64) << 8 | data[at + 2]
    for where, code in zip(at.tolist(), codes.tolist(), strict=True):
        if code in triples:
            found = [mark for mark in triples[code] if chunk.startswith(mark, where)]
            if found:
                yield where, any(found)


@functools.cache
def _tables() -> tuple[np.ndarray, dict[int, list[bytes]]]:
    """The pairs of bytes that marks begin with, and the marks by their first three bytes; an empty one stands for a name."""
    import numpy as np

    pairs = np.zeros(1 << 16, dtype=bool)
    triples: dict[int, list[bytes]] = {}
    for mark in _MARKS:
        triples.setdefault(int.from_bytes(mark[:3]), []).append(mark)
    for stem in [*STEMS, "://"]:
        for number in range(8):  # each letter in both cases
            cased = "".join(
                letter.upper() if number >> place & 1 else letter
                for place, letter in enumerate(stem[:3])
            )
            triples.setdefault(int.from_bytes(cased.encode()), []).append(b"")
    for code in triples:
        pairs[code >> 16 | (code >> 8 & 255) << 8] = True
    return pairs, triples
