"""Bounds of the estimate of random bits."""

from __future__ import annotations

import pytest

from modelpact.security.leak_scan.entropy import estimate_bits, is_placeholder, is_random

KEY = "q7Zx2mPv"


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("", 0.0),
        ("password", 3.0),
        ("qxzkvj194", 39.9),
        ("q!x#z*k?v~", 40.0),
        ("9" * 20, 66.0),
        ("9" * 21, 66.0),
    ],
)
def test_bits(text: str, bits: float) -> None:
    assert estimate_bits(text) == pytest.approx(bits)


@pytest.mark.parametrize(
    ("text", "random"),
    [
        # the length
        (KEY * 512, True),
        (KEY * 512 + "1", False),
        # the bits
        ("qxzkvj194", False),
        ("q!x#z*k?v~", True),
        # letters only
        ("qxzkvjwqfgp", False),
        ("qxzkvjwqfgpb", True),
        # different characters
        ("q7Zx" * 4, False),
        ("q7Zx2" * 4, True),
        # letters
        ("q8!4#9*2?7%6^1", False),
        ("q8!4#9*2?x%6^1", True),
        # brackets
        ("q7Z(2mP)9K", True),
        ("q7Z(2m(P)9K", False),
        ("q7 x2mPv9K", False),
    ],
)
def test_random_texts(text: str, random: bool) -> None:
    assert is_random(text) is random


def test_the_minimum_of_bits_is_inclusive() -> None:
    bits = estimate_bits(KEY)
    assert is_random(KEY, bits)
    assert not is_random(KEY, bits + 0.1)
    assert not is_random(KEY[:7], 0.0)


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        ("my-key-q123", True),
        ("my-key-qxz", False),
        ("123", True),
        ("123456", True),
        ("1234567", False),
        ("xxx", True),
        ("XXX", True),
        ("qxz", False),
    ],
)
def test_placeholders(text: str, placeholder: bool) -> None:
    assert is_placeholder(text) is placeholder
