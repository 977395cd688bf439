"""Text files as plain UTF-8: decompressed, decoded, and with line feeds at the ends of lines."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any

from modelpact._internal.files import temporary_folder
from modelpact._internal.text import truncate
from modelpact.data.records import ends_in_quotes
from modelpact.errors import DataError

__all__ = ["SUFFIXES", "LineRewriter", "csv_rewriter", "plain_text"]

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
"""The suffixes of compressed files; their content decides how they are decompressed."""

CHUNK_BYTES = 1 << 20

LineRewriter = Callable[[Iterable[bytes]], Iterator[bytes]]


@contextlib.contextmanager
def plain_text(
    path: Path, encoding: str = "utf-8", rewrite: LineRewriter | None = None
) -> Iterator[Path]:
    """Yield a file with the text of `path` in UTF-8: the file itself, or a temporary copy.

    Lines keep their numbers.

    Args:
        path: The file, compressed with gzip, bzip2, xz or Zstandard, or not compressed.
        encoding: Its encoding. A byte order mark of UTF-16 overrides UTF-8.
        rewrite: Changes lines; None to leave them as they are.

    Raises:
        DataError: The file cannot be decompressed or decoded.
    """
    with contextlib.ExitStack() as stack:
        try:
            plain = _make_plain(path, encoding, rewrite, stack)
        except UnicodeError as error:
            raise DataError(
                f"{path} is not text in {encoding}: {truncate(error, 200)}",
                remedy="Name its encoding: data.encoding=latin-1, cp1252, utf-16, ...",
                path=str(path),
            ) from error
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(
                f"{path} cannot be read: {truncate(error, 200)}",
                remedy="If the file is compressed, check that it is complete: download it again.",
                path=str(path),
            ) from error
        yield plain


def _make_plain(
    path: Path, encoding: str, rewrite: LineRewriter | None, stack: contextlib.ExitStack
) -> Path:
    with path.open("rb") as file:
        head = file.read(8)
    opener = _find_opener(head)
    with opener(path) as binary:
        chunks = _read_chunks(binary, encoding)
        first = next(chunks, b"")
        ends_in_cr = b"\r" in first and b"\n" not in first
        is_plain = opener is _open_plain and _is_utf8(head, encoding)
        if is_plain and rewrite is None and not ends_in_cr:
            return path
        chunks = chain([first], chunks)
        if ends_in_cr:
            chunks = (chunk.replace(b"\r", b"\n") for chunk in chunks)
        if rewrite is not None:
            chunks = rewrite(_split_lines(chunks))
        plain = stack.enter_context(temporary_folder()) / path.name
        with plain.open("wb") as copy:
            copy.writelines(chunks)
        return plain


def _is_utf8(head: bytes, encoding: str) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    return head.startswith(codecs.BOM_UTF8) or codecs.lookup(encoding).name == "utf-8"


def _open_plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def _open_zstd(path: Path) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}
"""How files that begin with some bytes are opened."""


def _find_opener(head: bytes) -> Callable[[Path], Any]:
    openers = (opener for magic, opener in _OPENERS.items() if head.startswith(magic))
    return next(openers, _open_plain)


def _read_chunks(binary: IO[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the text in UTF-8."""
    first = binary.read(CHUNK_BYTES)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif codecs.lookup(encoding).name == "utf-8":
        # Invalid bytes are reported with their row.
        yield first
        while chunk := binary.read(CHUNK_BYTES):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    while first:
        yield decoder.decode(first).encode()
        first = binary.read(CHUNK_BYTES)
    yield decoder.decode(b"", final=True).encode()


def _split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest


def csv_rewriter(comment: str | None, quote: str | None, separator: str) -> LineRewriter | None:
    r"""Return what changes the lines of a CSV file; None if nothing has to be changed.

    Lines that begin with `comment` become empty. With `\s+` as separator, each run of white space
    becomes a tab.
    """
    if comment is None and separator != r"\s+":
        return None
    border = "\t" if separator == r"\s+" else separator

    def rewrite(lines: Iterable[bytes]) -> Iterator[bytes]:
        is_open = False
        for line in lines:
            if comment is not None and not is_open and line.startswith(comment.encode()):
                yield b"\n"
                continue
            cells = _join_blanks(line, quote) if separator == r"\s+" else line
            if quote is not None:
                is_open = ends_in_quotes(cells.rstrip(b"\n"), is_open, quote, border)
            yield cells

    return rewrite


def _join_blanks(line: bytes, quote: str | None) -> bytes:
    """Replace each run of white space outside of quotes by a tab."""
    mark = re.escape((quote or "\n").encode())
    cells = re.compile(b"(%b(?:[^%b]|%b%b)*%b)|[ \t\r]+" % (mark, mark, mark, mark, mark))
    return cells.sub(lambda found: found[1] or b"\t", line.strip()) + b"\n"
