"""What is packed into a file: archives and compressed files, unpack without running anything, within bounds."""

from __future__ import annotations

import bz2
import io
import lzma
import mmap
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["MOST", "UnreadableError", "unpack"]

MOST = 4 << 30
"""Bytes that are unpack of one file, at most."""

IN_MEMORY = 32 << 20
"""Bytes of one part that are held in memory; more go into a temporary file."""

_CLOSED = {
    b"\x28\xb5\x2f\xfd": "it is compressed by zstd",
    b"\x04\x22\x4d\x18": "it is compressed by lz4",
    b"PAR1": "its pages may be compressed (Parquet)",
    b"ARROW1": "its buffers may be compressed (Arrow)",
    b"\x89HDF": "its blocks may be compressed (HDF5)",
    b"7z\xbc\xaf\x27\x1c": "it is a 7z archive",
    b"Rar!": "it is a RAR archive",
}
"""What is read only as it lies there."""


class UnreadableError(Exception):
    """Something packed that cannot be read; its text says why."""


def unpack(view: memoryview) -> Iterator[tuple[str, memoryview]]:
    """The parts of packed bytes, each with its name in an archive; nothing where nothing is packed.

    Raises:
        UnreadableError: A part cannot be unpack, or there is too much of it.
    """
    head = bytes(view[:8])
    for magic, why in _CLOSED.items():
        if head.startswith(magic):
            raise UnreadableError(f"all that is in it: {why}")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _of_zip(view)
    elif bytes(view[257:262]) == b"ustar":
        yield from _of_tar(view)
    elif head.startswith(b"\x1f\x8b"):
        yield "", _whole(view, lambda: zlib.decompressobj(31))
    elif head.startswith(b"BZh"):
        yield "", _whole(view, bz2.BZ2Decompressor)
    elif head.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
        yield "", _whole(view, lzma.LZMADecompressor)
    elif len(head) > 1 and head[0] == 0x78 and int.from_bytes(head[:2]) % 31 == 0 and _begins(view):
        yield "", _whole(view, zlib.decompressobj)


def _of_zip(view: memoryview) -> Iterator[tuple[str, memoryview]]:
    left = MOST
    try:
        with zipfile.ZipFile(_Reader(view)) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                with archive.open(member) as stream:
                    part = _kept(stream, left)
                left -= len(part)
                yield member.filename, part
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise UnreadableError(f"all of the archive: {type(error).__name__}") from error


def _of_tar(view: memoryview) -> Iterator[tuple[str, memoryview]]:
    left = MOST
    try:
        with tarfile.open(fileobj=_Reader(view), mode="r:") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    part = _kept(stream, left)
                    left -= len(part)
                    yield member.name, part
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UnreadableError(f"all of the archive: {type(error).__name__}") from error


def _begins(view: memoryview) -> bool:
    """Whether bytes that begin as zlib's do can be unpack at all."""
    try:
        zlib.decompressobj().decompress(bytes(view[:256]))
    except zlib.error:
        return False
    return True


def _whole(view: memoryview, start: Callable[[], Any]) -> memoryview:
    """All that compressed bytes unpack to, with each stream that follows the first."""
    return _kept(_Unpacking(view, start), MOST)


def _kept(stream: Any, most: int) -> memoryview:
    """What a stream gives, in memory, or in a temporary file that has no name."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as kept:
        size = 0
        while data := stream.read(1 << 20):
            size += len(data)
            if size > most:
                raise UnreadableError(
                    f"all that is in it: it unpacks to more than {MOST >> 30} GiB"
                )
            kept.write(data)
        if size > IN_MEMORY:
            kept.flush()
            return memoryview(mmap.mmap(kept.fileno(), 0, access=mmap.ACCESS_READ))
        kept.seek(0)
        return memoryview(kept.read())


class _Unpacking:
    """Compressed bytes as a stream."""

    def __init__(self, view: memoryview, start: Callable[[], Any]) -> None:
        self._view, self._start, self._at = view, start, 0
        self._unpacker = start()

    def read(self, size: int) -> bytes:
        try:
            while not self._is_done():
                data = self._take(size)
                if data:
                    return data
        except (zlib.error, lzma.LZMAError, OSError, ValueError) as error:
            raise UnreadableError(f"all that is in it: {type(error).__name__}") from error
        return b""

    def _is_done(self) -> bool:
        """Whether nothing follows; another stream may follow the first."""
        if self._unpacker.eof:
            self._at -= len(self._unpacker.unused_data)
            if not any(bytes(self._view[self._at : self._at + 64])):
                return True
            self._unpacker = self._start()
        waits = not getattr(self._unpacker, "unconsumed_tail", b"") and getattr(
            self._unpacker, "needs_input", True
        )
        if waits and self._at >= len(self._view):
            raise UnreadableError("its end: it is cut off")
        return False

    def _take(self, size: int) -> bytes:
        """Feed the next bytes, and get no more than `size` of what they unpack to."""
        if hasattr(self._unpacker, "unconsumed_tail"):
            given = self._unpacker.unconsumed_tail or self._next()
            found: bytes = self._unpacker.decompress(given, size)
            return found
        given = self._next() if self._unpacker.needs_input else b""
        return bytes(self._unpacker.decompress(given, size))

    def _next(self) -> bytes:
        given = bytes(self._view[self._at : self._at + (1 << 16)])
        self._at += len(given)
        return given


class _Reader(io.RawIOBase):
    """A view as a file that is read, without a copy of it."""

    def __init__(self, view: memoryview) -> None:
        self._view, self._at = view, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, len(self._view))[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._view[self._at : self._at + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
