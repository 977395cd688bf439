"""Bounds of the search for the values of environment variables."""

from __future__ import annotations

import base64

import pytest

from modelpact.security.leak_scan.environment import (
    MAX_LENGTH,
    KnownSecrets,
    collect_secrets,
)
from tests.support.leak_corpus import drawn

VALUE = "zQ8/plover+77xkT=91ab"


def found(value: str, data: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Search for the value of a variable in a text."""
    monkeypatch.setenv("OWN_API_KEY", value)
    return list(collect_secrets().find(data.encode()))


@pytest.mark.parametrize(
    ("value", "searched"),
    [
        # the length
        ("q7-x2-m", False),
        ("q7-x2-mv", True),
        # different characters
        ("q7Zxq7Zxq7Zx", False),
        ("q7Zx2q7Zx2q7", True),
        # the bits
        ("word-1-word-a1", False),
        ("word-12-word-a1", True),
        # long texts of words
        ("correct.horse_batt", False),
        ("correct-horse-b", False),
        ("correct-horse-ba", True),
        # paths, URLs and numbers
        ("~/q7Zx2mPv9KfT", False),
        ("C:/q7Zx2mPv9KfT", False),
        ("q7Zx2mPv://9KfT", False),
        ("9247-1836-5512", False),
        ("9247-1836-551A", True),
    ],
)
def test_which_values_are_searched(
    value: str, searched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit = [(4, "OWN_API_KEY")] if searched else []
    assert found(value, f"by '{value}'", monkeypatch) == hit


@pytest.mark.parametrize(("length", "within_word"), [(15, False), (16, True)])
def test_long_values_are_also_found_within_words(
    length: int, within_word: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = drawn(16)[:length]
    assert bool(found(value, f"a{value}", monkeypatch)) is within_word
    assert bool(found(value, f"{value}b", monkeypatch)) is within_word
    assert found(value, f"-{value}-", monkeypatch) == [(1, "OWN_API_KEY")]


def test_the_start_of_a_long_value_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    value = drawn(MAX_LENGTH + 10)
    assert found(value, value[: MAX_LENGTH - 1], monkeypatch) == []
    assert found(value, value[:MAX_LENGTH], monkeypatch) == [(0, "OWN_API_KEY")]


@pytest.mark.parametrize(
    "data",
    [
        VALUE.encode(),
        VALUE.encode("utf-16-le"),
        VALUE.encode("utf-16-be"),
        VALUE.encode("utf-32-le"),
        VALUE.encode("utf-32-be"),
        VALUE.encode().hex().encode(),
        base64.b64encode(VALUE.encode()),
    ],
)
def test_every_occurrence_is_found_once(data: bytes) -> None:
    known = KnownSecrets({VALUE: "OWN_API_KEY"})
    assert [name for _, name in known.find(data)] == ["OWN_API_KEY"]
    again = 3 + len(data) + 2
    assert list(known.find(b"\n: " + data + b", " + data)) == [
        (3, "OWN_API_KEY"),
        (again, "OWN_API_KEY"),
    ]
