"""The notation of paths."""

from __future__ import annotations

import pytest

from modelpact.signature.field_path import FieldPath, format_column_path, format_path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("inputs", "author", "orcid?"), "inputs.author.orcid?"),
        ((0, "a", 2), "[0].a[2]"),
        (("inputs", True), "inputs.True"),
    ],
)
def test_indices_are_in_brackets(path: FieldPath, text: str) -> None:
    assert format_path(path) == text


@pytest.mark.parametrize(
    ("path", "text"), [((), ""), (("a", 0, "b"), "a[0].b"), ((3, 0), "column 3[0]")]
)
def test_unnamed_columns_are_shown_by_position(path: FieldPath, text: str) -> None:
    assert format_column_path(path) == text


def test_long_keys_and_paths_are_truncated() -> None:
    assert format_path(("k" * 500,)) == "k" * 80
    assert len(format_path(("k" * 500,) * 10)) == 320
    assert format_column_path(("k" * 500, "k" * 500)) == "k" * 40 + "." + "k" * 40
