from __future__ import annotations

import pytest

from modelpact.security.leak_scan import positions
from modelpact.security.leak_scan.positions import iter_chunks, line_in_text, locate


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "STEP", 4)


@pytest.mark.usefixtures("small_chunks")
def test_chunks_overlap() -> None:
    view = memoryview(b"abcdefghij")
    assert list(iter_chunks(view, 0)) == [(0, b"abcd"), (4, b"efgh"), (8, b"ij")]
    assert list(iter_chunks(view, 2, 3)) == [(0, b"abcdef"), (4, b"bcdefghij"), (8, b"fghij")]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize(("at", "line"), [(0, 1), (1, 1), (2, 2), (3, 3), (8, 4), (9, 4)])
def test_lines_are_counted_across_chunks(at: int, line: int) -> None:
    view = memoryview(b"a\n\nbcde\nfg")
    assert locate(view, 0, at) == f"line {line}"
    assert locate(view, at, 0) == f"line {line}"


@pytest.mark.parametrize("step", [4, 1 << 20])
def test_positions_in_long_lines_have_the_column(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "STEP", step)
    view = memoryview(b"a\n" + b"b" * 300)
    assert locate(view, 0, 2) == "line 2"
    assert locate(view, 2, 199) == "line 2"
    assert locate(view, 2, 200) == "line 2, column 201"
    assert locate(view[2:], 100, 100) == "line 1, column 201"


def test_positions_in_binary_data_are_bytes() -> None:
    assert locate(memoryview(b"a\n\0b"), 1, 2) == "byte 3"


def test_lines_of_an_unescaped_text() -> None:
    view = memoryview(b"one\ntwo\nthree\nfour")
    assert line_in_text("three\nfour", view, 8, 0, 2) == "line 3"
    assert line_in_text("three\nfour", view, 8, 2, 4) == "line 4"
