from __future__ import annotations

import pytest

from modelpact.security.leak_scan.prefilter import candidate_regions


def regions(*parts: tuple[int, str], size: int = 40_000) -> list[tuple[int, int, bool]]:
    """Return the regions of a text with given words at given positions."""
    text = bytearray(b"." * size)
    for at, word in parts:
        text[at : at + len(word)] = word.encode()
    return list(candidate_regions(bytes(text)))


def test_a_short_text_is_one_region() -> None:
    assert regions(size=0) == [(0, 0, True)]
    assert regions(size=1999) == [(0, 1999, True)]
    assert regions(size=2000) == []


@pytest.mark.parametrize("word", ["token", "TOKEN", "toKen", "://"])
@pytest.mark.parametrize("at", [20_000, 20_001])
def test_the_region_around_a_name_or_a_url(word: str, at: int) -> None:
    assert regions((at, word)) == [(at - 256, at + 700, False)]


@pytest.mark.parametrize("at", [20_000, 20_001])
def test_the_region_around_the_marker_of_a_key(at: int) -> None:
    assert regions((at, "glsa_")) == [(at - 64, at + 8500, True)]


def test_regions_end_with_the_text() -> None:
    assert regions((10, "token")) == [(0, 710, False)]
    assert regions((39_997, "://")) == [(39_741, 40_000, False)]
    assert regions((40_000 - 6, "glsa_")) == [(39_930, 40_000, True)]


@pytest.mark.parametrize("size", [2000, 2001])
def test_words_at_both_ends(size: int) -> None:
    assert regions((0, "://"), (size - 3, "://"), size=size) == [
        (0, 700, False),
        (size - 259, size, False),
    ]


def test_regions_that_touch_are_merged() -> None:
    assert regions((5000, "token"), (5956, "token")) == [(4744, 6656, False)]
    assert regions((5000, "token"), (5957, "token")) == [
        (4744, 5700, False),
        (5701, 6657, False),
    ]
    assert regions((5000, "token"), (5100, "glsa_")) == [(4744, 13_600, True)]
    assert regions((5000, "glsa_"), (5100, "token")) == [(4936, 13_500, True)]
