"""Texts of one record a line, CSV and JSON: where parts begin, found by looking for line ends only."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from modelpact.batch.base import Part
from modelpact.errors import DataError

__all__ = ["parts_of", "records"]

BLOCK = 1 << 23
"""Bytes that are looked at at once."""

LONGEST = 1 << 26
"""Bytes of the longest record."""

PART_BYTES = 1 << 23
"""Bytes of a part, about."""


def parts_of(
    path: Path, begin: int, n_rows: int, quoted: bool, separator: str = ","
) -> Iterator[Part]:
    """Cut a file into parts of whole records.

    Args:
        path: The file.
        begin: Where the first record begins.
        n_rows: Records in a part, at most.
        quoted: Whether a record goes on behind a line end within quotes.
        separator: What stands between two cells.

    Raises:
        DataError: A record is too long: a quote is opened and not closed.
    """
    size = path.stat().st_size
    index = first = count = 0
    start = begin
    for end in _ends(path, begin, quoted, separator):
        n_new = len(end)
        taken = 0
        while taken < n_new:
            fits = min(n_new - taken, n_rows - count)
            by_bytes = int(np.searchsorted(end[taken : taken + fits], start + PART_BYTES)) + 1
            fits = min(fits, by_bytes)
            count += fits
            taken += fits
            stop = int(end[taken - 1])
            if count >= n_rows or stop - start >= PART_BYTES:
                yield Part(index, first, count, start, stop, stop / size)
                index, first, count, start = index + 1, first + count, 0, stop
    if count:
        yield Part(index, first, count, start, size, 1.0)


def records(path: Path, begin: int, end: int) -> bytes:
    """The bytes of a part."""
    with _opened(path) as file:
        file.seek(begin)
        return file.read(end - begin)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}",
            remedy="It must stay as it is until the end.",
            path=str(path),
        ) from error


def _ends(path: Path, begin: int, quoted: bool, separator: str) -> Iterator[Any]:
    """The bytes behind each record, in arrays; a line of nothing belongs to the record after it."""
    rest = b""
    place = begin
    with _opened(path) as file:
        file.seek(begin)
        while block := file.read(BLOCK):
            data = rest + block
            found, used = _record_ends(data, quoted, separator)
            if len(found):
                yield found + place
            rest, place = data[used:], place + used
            if len(rest) > LONGEST:
                raise DataError(
                    f"{path}: a record that begins at byte {place:,} is longer than {LONGEST:,} bytes",
                    remedy='A cell that begins with a quote (") ends with the next one: look for one that is not closed.',
                    path=str(path),
                )
    if rest.strip():
        found, used = _record_ends(rest + b"\n", quoted, separator)
        if used < len(rest):
            raise DataError(
                f"{path}: a quote in the record that begins at byte {place + used:,} is not closed",
                remedy='Double a quote that is meant as text (""), or close it.',
                path=str(path),
            )
        yield found[:-1] + place
        yield np.array([place + len(rest)])


def _record_ends(data: bytes, quoted: bool, separator: str) -> tuple[Any, int]:
    """Where the records within these bytes end, and how many bytes are used up."""
    array = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(array == 10) + 1
    if not len(ends):
        return ends, 0
    starts = np.concatenate(([0], ends[:-1]))
    lengths = ends - starts - 1
    empty = (lengths == 0) | ((lengths == 1) & (array[starts] == 13))
    if quoted and (quotes := np.flatnonzero(array == 34)).size:
        odd = (
            np.bincount(np.searchsorted(ends, quotes, side="right"), minlength=len(ends))[
                : len(ends)
            ]
            % 2
            == 1
        )
        if odd.any():
            return _by_line(data, (starts, ends, empty, odd), separator)
    return ends[~empty], int(ends[-1])


def _by_line(data: bytes, lines: tuple[Any, Any, Any, Any], separator: str) -> tuple[Any, int]:
    """As `_record_ends`, where lines have an odd number of quotes: those that open a cell, and those that are text."""
    starts, ends, empty, odd = lines
    keep = ~empty
    opened, begun = False, 0
    for line in np.flatnonzero(odd).tolist():
        if opened:
            keep[begun:line] = False
        opened, begun = _ends_open(data[starts[line] : ends[line] - 1], opened, separator), line
        keep[line] = not opened
    if opened:
        keep[begun:] = False
    found = ends[keep]
    return found, int(found[-1]) if len(found) else 0


_CLOSING = re.compile(rb'(?:[^"]|"")*"(?!")')


def _ends_open(line: bytes, opened: bool, separator: str) -> bool:
    """Whether a quoted cell goes on behind a line; a quote within a cell that does not begin with one is text."""
    opening = re.compile(rb"(?:\A|" + re.escape(separator.encode()) + rb')"')
    place = 0
    while True:
        found = (_CLOSING.match if opened else opening.search)(line, place)
        if found is None:
            return opened
        place, opened = found.end(), not opened
