"""Finds secrets in texts: in every encoding, in any case, and also if they were cut off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from modelpact.security.leak_scan.entropy import estimate_bits
from modelpact.security.leak_scan.plain_text import to_lower
from modelpact.security.secrets import encoded_forms

__all__ = ["FragmentFinder"]

MIN_LENGTH = 8
"""Characters of a part of a secret; shorter ones are not found."""

MIN_BITS, MIN_BITS_OF_HALF = 27.0, 18.0
"""Random bits of a part of a secret, and of half of it; those with fewer may be ordinary text."""

MIN_HEX_LENGTH = 12
"""Characters of a part in hex; shorter ones may be in any digest."""

ANCHOR = 6
"""Characters that are looked up in a table of all parts of the secrets."""

STRIDE = MIN_LENGTH - ANCHOR + 1
"""Every text of `MIN_LENGTH` characters has an anchor at a multiple of it."""


_Match = tuple[int, int, int]
"""The start and the end of a part of a secret in a text, and the length of the secret."""


class FragmentFinder:
    """Finds given secrets, and distinctive parts of them, in texts.

    The time to search a text hardly depends on the number of secrets.

    Args:
        values: The secrets.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._forms = sorted({to_lower(form) for one in values for form in encoded_forms(one)})
        self._anchors: dict[str, list[tuple[str, int]]] = {}
        for form in self._forms:
            for at in range(len(form) - ANCHOR + 1):
                self._anchors.setdefault(form[at : at + ANCHOR], []).append((form, at))

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each secret, or part of one, from left to right.

        Example:
            >>> list(FragmentFinder(["q7Zx2mPv9KfT"]).find("key Q7ZX2MPV9..."))
            [(4, 13)]
        """
        lower = to_lower(text)
        end = 0
        for at in range(0, len(lower) - ANCHOR + 1, STRIDE):
            places = self._anchors.get(lower[at : at + ANCHOR])
            if places is None or at < end:
                continue
            first, last, size = max(_extend(lower, at, places), key=_rank)
            if last - first == size or _is_distinctive(text[first:last], size):
                yield max(first, end), last
                end = last


def _extend(text: str, at: int, places: Iterable[tuple[str, int]]) -> Iterator[_Match]:
    """Yield the longest match around an anchor for each place of it in a form of a secret."""
    for form, place in places:
        left = right = 0
        while left < min(at, place) and text[at - left - 1] == form[place - left - 1]:
            left += 1
        longest = min(len(text) - at, len(form) - place)
        while right < longest and text[at + right] == form[place + right]:
            right += 1
        yield at - left, at + right, len(form)


def _rank(match: _Match) -> tuple[bool, int]:
    """Prefer whole secrets to parts, and long matches to short ones."""
    first, last, size = match
    return last - first == size, last - first


def _is_distinctive(part: str, size: int) -> bool:
    """Check whether a part of a secret of `size` characters differs from ordinary text."""
    if re.fullmatch("[0-9A-Fa-f]+", part):
        return len(part) >= MIN_HEX_LENGTH
    bits = MIN_BITS_OF_HALF if 2 * len(part) >= size else MIN_BITS
    return len(part) >= MIN_LENGTH and estimate_bits(part) >= bits
