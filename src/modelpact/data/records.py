"""Splits CSV and JSON lines files into parts of whole records, without parsing the records."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from modelpact.errors import DataError

__all__ = ["Part", "ends_in_quotes", "line_at", "read_bytes", "split_records"]

BLOCK_BYTES = 1 << 23
"""Bytes that are read at a time."""

MAX_RECORD_BYTES = 1 << 26
"""Bytes of the longest record that is accepted."""

MAX_PART_BYTES = 1 << 23
"""Bytes after which a part ends."""

LINE_FEED, CARRIAGE_RETURN = 10, 13


@dataclass(frozen=True, slots=True)
class Part:
    """A range of consecutive rows: the unit of scoring and of checkpoints.

    Attributes:
        index: The number of the part, from 0.
        first: The number of its first row in the file, from 0.
        n_rows: The number of its rows.
        begin: The offset of its first byte, for text formats.
        end: The offset behind its last byte, for text formats.
        share: The share of the input up to the end of this part, from 0 to 1.
    """

    index: int
    first: int
    n_rows: int
    begin: int = 0
    end: int = 0
    share: float = 1.0

    @property
    def last(self) -> int:
        """The number of its last row in the file."""
        return self.first + self.n_rows - 1


class _Lines(NamedTuple):
    """The lines of a block.

    Attributes:
        starts: The offset of each first byte.
        ends: The offset behind each line feed.
        empty: Whether a line is empty.
        odd: Whether a line has an odd number of quotes.
    """

    starts: np.ndarray
    ends: np.ndarray
    empty: np.ndarray
    odd: np.ndarray


def split_records(
    path: Path, begin: int, n_rows: int, *, quote: str | None = None, separator: str = ","
) -> Iterator[Part]:
    """Split a file into parts of whole records.

    Args:
        path: The file.
        begin: The offset of the first record.
        n_rows: The maximum number of records per part.
        quote: The character around cells that may contain line feeds; None for none.
        separator: The character between two cells.

    Raises:
        DataError: A record is too long, or a quote is not closed.
    """
    size = path.stat().st_size
    index = first = count = 0
    start = begin
    for ends in _iter_record_ends(path, begin, quote, separator):
        used = 0
        while used < len(ends):
            fits = min(len(ends) - used, n_rows - count)
            by_bytes = int(np.searchsorted(ends[used : used + fits], start + MAX_PART_BYTES)) + 1
            fits = min(fits, by_bytes)
            count += fits
            used += fits
            end = int(ends[used - 1])
            if count >= n_rows or end - start >= MAX_PART_BYTES:
                yield Part(index, first, count, start, end, end / size)
                index, first, count, start = index + 1, first + count, 0, end
    if count:
        yield Part(index, first, count, start, size, 1.0)


def read_bytes(path: Path, begin: int, end: int) -> bytes:
    """Return the bytes between two offsets of a file.

    Raises:
        DataError: The file cannot be read.
    """
    with _open(path) as file:
        file.seek(begin)
        return file.read(end - begin)


def line_at(path: Path, offset: int) -> int:
    """Return the number of the line, from 1, that holds the byte at `offset`.

    Empty lines before it are skipped.
    """
    n_lines = 1
    with _open(path) as file:
        while offset > 0 and (block := file.read(min(offset, BLOCK_BYTES))):
            n_lines += block.count(b"\n")
            offset -= len(block)
        while file.readline() in (b"\n", b"\r\n"):
            n_lines += 1
    return n_lines


@contextlib.contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}",
            remedy="The file must exist, unchanged, until the batch has finished.",
            path=str(path),
        ) from error


def _iter_record_ends(
    path: Path, begin: int, quote: str | None, separator: str
) -> Iterator[np.ndarray]:
    """Yield the offsets behind each record; an empty line belongs to the record after it."""
    rest = b""
    offset = begin
    with _open(path) as file:
        file.seek(begin)
        while block := file.read(BLOCK_BYTES):
            data = rest + block
            ends, used = _find_record_ends(data, quote, separator)
            if len(ends):
                yield ends + offset
            rest, offset = data[used:], offset + used
            if len(rest) > MAX_RECORD_BYTES:
                raise DataError(
                    f"{path.name}, line {line_at(path, offset):,}: the record is longer than "
                    f"{MAX_RECORD_BYTES:,} bytes",
                    remedy='Look for a quote (") that opens a cell and is not closed.',
                    path=str(path),
                )
    if rest.strip():
        ends, used = _find_record_ends(rest + b"\n", quote, separator)
        if used < len(rest):
            raise DataError(
                f"{path.name}, line {line_at(path, offset + used):,}: a quote is not closed",
                remedy='Close the quote, or double it ("") if it is part of the text. '
                "data.quote=null reads quotes as text.",
                path=str(path),
            )
        yield ends[:-1] + offset
        yield np.array([offset + len(rest)])


def _find_record_ends(data: bytes, quote: str | None, separator: str) -> tuple[np.ndarray, int]:
    """Return the offsets behind each complete record of a block, and the number of bytes used."""
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(array == LINE_FEED) + 1
    if not len(ends):
        return ends, 0
    starts = np.concatenate(([0], ends[:-1]))
    lengths = ends - starts - 1
    empty = (lengths == 0) | ((lengths == 1) & (array[starts] == CARRIAGE_RETURN))
    if quote and (quotes := np.flatnonzero(array == ord(quote))).size:
        lines = np.searchsorted(ends, quotes, side="right")
        odd = np.bincount(lines, minlength=len(ends))[: len(ends)] % 2 == 1
        if odd.any():
            return _join_quoted_lines(data, _Lines(starts, ends, empty, odd), quote, separator)
    return ends[~empty], int(ends[-1])


def _join_quoted_lines(
    data: bytes, lines: _Lines, quote: str, separator: str
) -> tuple[np.ndarray, int]:
    """Return the record ends of a block in which some cells may span several lines.

    Only a line with an odd number of quotes can open or close a cell that spans lines.
    """
    is_end = ~lines.empty
    is_open, opened_at = False, 0
    for line in np.flatnonzero(lines.odd).tolist():
        if is_open:
            is_end[opened_at:line] = False
        text = data[lines.starts[line] : lines.ends[line] - 1]
        is_open, opened_at = ends_in_quotes(text, is_open, quote, separator), line
        is_end[line] = not is_open
    if is_open:
        is_end[opened_at:] = False
    ends = lines.ends[is_end]
    return ends, int(ends[-1]) if len(ends) else 0


@functools.lru_cache(maxsize=8)
def _quote_patterns(quote: str, separator: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return the patterns of an opening and of a closing quote."""
    mark, border = re.escape(quote.encode()), re.escape(separator.encode())
    closing = b"(?:[^%b]|%b%b)*%b(?!%b)" % (mark, mark, mark, mark, mark)
    return re.compile(rb"(?:\A|%b)%b" % (border, mark)), re.compile(closing)


def ends_in_quotes(line: bytes, is_open: bool, quote: str, separator: str) -> bool:
    """Return whether a quoted cell continues after a line.

    A quote opens a cell only as its first character; any other quote is text.
    """
    opening, closing = _quote_patterns(quote, separator)
    position = 0
    while True:
        found = closing.match(line, position) if is_open else opening.search(line, position)
        if found is None:
            return is_open
        position, is_open = found.end(), not is_open
