"""Chunks of large content, and positions in it as lines or bytes."""

from __future__ import annotations

from collections.abc import Iterator

from modelpact.security.leak_scan.binary import is_text

__all__ = ["STEP", "iter_chunks", "line_in_text", "locate"]

STEP = 1 << 20
"""Bytes of a chunk."""

LONG_LINE = 200
"""Columns of a line; positions after them are given with the column."""


def iter_chunks(view: memoryview, ahead: int, behind: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the start of each chunk and its bytes, with some bytes before and after it."""
    for start in range(0, len(view), STEP):
        yield start, bytes(view[max(0, start - behind) : start + STEP + ahead])


def locate(view: memoryview, start: int, offset: int) -> str:
    """Return a position as a line in text, and as a byte in other content."""
    at = start + offset
    if not is_text(bytes(view[: 64 << 10])):
        return f"byte {at}"
    line, column = _line_and_column(view, at)
    return f"line {line}, column {column}" if column > LONG_LINE else f"line {line}"


def line_in_text(text: str, view: memoryview, start: int, first: int, offset: int) -> str:
    """Return a position in an unescaped text, which starts at byte `start` of the view."""
    line, _ = _line_and_column(view, start)
    return f"line {line + text.count(chr(10), 0, first + offset)}"


def _line_and_column(view: memoryview, at: int) -> tuple[int, int]:
    """Return the line and the column of a byte, both from 1."""
    lines, last = 1, -1
    for start in range(0, at, STEP):
        chunk = bytes(view[start : min(start + STEP, at)])
        lines += chunk.count(b"\n")
        newline = chunk.rfind(b"\n")
        last = start + newline if newline >= 0 else last
    return lines, at - last
