from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelpact._internal.text import did_you_mean, truncate


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("infr", ["explicit", "infer"], " (did you mean 'infer'?)"),
        ("type-hint", iter(["type_hint"]), " (did you mean 'type_hint'?)"),
        ("zzz", ["infer"], ""),
        ("", ["infer"], ""),
        ("infer", [], ""),
    ],
)
def test_did_you_mean_suggests_the_nearest_name(name: str, known: Any, expected: str) -> None:
    assert did_you_mean(name, known) == expected


@given(text=st.text(max_size=200), length=st.integers(3, 100))
def test_truncate_returns_one_line_of_limited_length(text: str, length: int) -> None:
    short = truncate(text, length)
    assert len(short) <= length
    assert len(short.splitlines()) <= 1
    if short != " ".join(text.split()):
        assert short.endswith("...")
        assert " ".join(text.split()).startswith(short[:-3])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n  b\tc", "a b c"),
        (ValueError("no\ngood"), "no good"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 77 + "..."),
        (None, "None"),
    ],
)
def test_texts_and_errors_become_one_line_of_80_characters(text: Any, expected: str) -> None:
    assert truncate(text) == expected
