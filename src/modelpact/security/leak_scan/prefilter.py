"""Regions of a long text that may contain a secret, found at the speed of NumPy."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpact.security.leak_scan.plain_text import STEMS

if TYPE_CHECKING:
    import numpy as np

__all__ = ["KEY_MARKERS", "candidate_regions"]

KEY_MARKERS = (
    "sk-", "k_live_", "k_test_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "AKIA", "ASIA", "xox", "xapp-", "AIza", "ya29.", "hf_", "gsk_", "r8_", "xai-", "nvapi-", "npm_",
    "pypi-", "dapi", "dckr_", "rubygems_", "GOCSPX-", "whsec_", "SG.", "dop_v1_", "shp", "hvs.",
    "glsa_", "dp.pt", "dp.st", "dp.ct", "dp.sa", "dp.sc", "dp.au", "key-", "ATATT3", "lin_api_",
    "PMAK-", "sq0", "sbp_", "AGE-SECRET", *(f"SK{digit}" for digit in "0123456789abcdefABCDEF"),
    "glc_", "pplx-", "lsv2_", "pcsk_", "tvly-", ":AA", "slack.com", "eyJ", "-BEGIN ",
    "earer ", "earer\t", "earer\n", "asic ", "asic\t", "asic\n",
)  # fmt: skip
"""Substrings of most formats in `security.credentials`."""
_MARKERS = [marker.encode() for marker in KEY_MARKERS]

SHORT_TEXT = 2000
"""Bytes of a text; a shorter one is a single region."""

BEFORE, AFTER = 256, 700
BEFORE_KEY, AFTER_KEY = 64, 8500
"""Characters around a name, and around the marker of a key, that belong to its region."""


def candidate_regions(chunk: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield the start and the end of each region that may contain a secret.

    A region has the name of a credential, a URL, or the marker of a key. The third item is
    whether it may have such a key.

    Example:
        >>> list(candidate_regions(b"." * 5000 + b"token" + b"." * 5000))
        [(4744, 5700, False)]
    """
    if len(chunk) < SHORT_TEXT:
        yield 0, len(chunk), True
        return
    first, last, keyed = 0, -1, False
    for at, is_marker in _find_markers(chunk):
        start, end = (at - BEFORE_KEY, at + AFTER_KEY) if is_marker else (at - BEFORE, at + AFTER)
        if start > last:
            if last >= 0:
                yield first, last, keyed
            first, last, keyed = max(0, start), 0, False
        last, keyed = max(last, min(end, len(chunk))), keyed or is_marker
    if last >= 0:
        yield first, last, keyed


def _find_markers(chunk: bytes) -> Iterator[tuple[int, bool]]:
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
            found = [one for one in triples[code] if chunk.startswith(one, where)]
            if found:
                yield where, any(found)


@functools.cache
def _tables() -> tuple[np.ndarray, dict[int, list[bytes]]]:
    """Return the first two bytes of all markers, and the markers by their first three bytes.

    An empty marker stands for the name of a credential or a URL.
    """
    import numpy as np

    pairs = np.zeros(1 << 16, dtype=bool)
    triples: dict[int, list[bytes]] = {}
    for marker in _MARKERS:
        triples.setdefault(int.from_bytes(marker[:3]), []).append(marker)
    for stem in [*STEMS, "://"]:
        # each letter in both cases
        for number in range(8):
            cased = "".join(
                letter.upper() if number >> place & 1 else letter
                for place, letter in enumerate(stem[:3])
            )
            triples.setdefault(int.from_bytes(cased.encode()), []).append(b"")
    for code in triples:
        pairs[code >> 16 | (code >> 8 & 255) << 8] = True
    return pairs, triples
