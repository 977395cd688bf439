"""Archives and compressed files, unpacked within limits and without running anything."""

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
from typing import Any, Protocol

__all__ = ["MAX_UNPACKED", "UnreadableError", "unpack"]

MAX_UNPACKED = 4 << 30
"""Bytes that are unpacked from one file."""

MAX_IN_MEMORY = 32 << 20
"""Bytes of one part that are kept in memory; larger parts go to a temporary file."""

_UNREADABLE = {
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd",
    b"\x04\x22\x4d\x18": "it is compressed with lz4",
    b"PAR1": "its pages may be compressed (Parquet)",
    b"ARROW1": "its buffers may be compressed (Arrow)",
    b"\x89HDF": "its blocks may be compressed (HDF5)",
    b"7z\xbc\xaf\x27\x1c": "it is a 7z archive",
    b"Rar!": "it is a RAR archive",
}
"""Formats that are not unpacked, by their first bytes."""


class UnreadableError(Exception):
    """Packed content cannot be read; the text gives the reason."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def unpack(view: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Yield the name and the content of each part of packed bytes.

    The name is empty for a compressed file. Bytes that are not packed yield nothing.

    Raises:
        UnreadableError: A part cannot be unpacked, or there is too much of it.
    """
    head = bytes(view[:8])
    for magic, reason in _UNREADABLE.items():
        if head.startswith(magic):
            raise UnreadableError(f"all of its content: {reason}")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _unpack_zip(view)
    elif bytes(view[257:262]) == b"ustar":
        yield from _unpack_tar(view)
    else:
        start = _decompressor(view, head)
        if start is not None:
            yield "", _spool(_Decompressed(view, start), MAX_UNPACKED)


def _decompressor(view: memoryview, head: bytes) -> Callable[[], Any] | None:
    if head.startswith(b"\x1f\x8b"):
        return lambda: zlib.decompressobj(31)
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
        return lzma.LZMADecompressor
    return zlib.decompressobj if _is_zlib(view, head) else None


def _is_zlib(view: memoryview, head: bytes) -> bool:
    """Check the header of zlib, and that the first bytes can be unpacked."""
    if len(head) < 2 or head[0] != 0x78 or int.from_bytes(head[:2]) % 31:
        return False
    try:
        zlib.decompressobj().decompress(bytes(view[:256]))
    except zlib.error:
        return False
    return True


def _unpack_zip(view: memoryview) -> Iterator[tuple[str, memoryview]]:
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(_ViewReader(view)) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                with archive.open(member) as stream:
                    part = _spool(stream, left)
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


def _unpack_tar(view: memoryview) -> Iterator[tuple[str, memoryview]]:
    left = MAX_UNPACKED
    try:
        with tarfile.open(fileobj=_ViewReader(view), mode="r:") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    part = _spool(stream, left)
                    left -= len(part)
                    yield member.name, part
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UnreadableError(f"all of the archive: {type(error).__name__}") from error


def _spool(stream: _Readable, limit: int) -> memoryview:
    """Read a stream into memory, or into an unnamed temporary file."""
    with tempfile.SpooledTemporaryFile(MAX_IN_MEMORY) as spool:
        size = 0
        while data := stream.read(1 << 20):
            size += len(data)
            if size > limit:
                limit = MAX_UNPACKED >> 30
                raise UnreadableError(f"all of its content: it unpacks to more than {limit} GiB")
            spool.write(data)
        if size > MAX_IN_MEMORY:
            spool.flush()
            return memoryview(mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ))
        spool.seek(0)
        return memoryview(spool.read())


class _Decompressed:
    """Compressed bytes as a stream; further compressed streams may follow the first."""

    def __init__(self, view: memoryview, start: Callable[[], Any]) -> None:
        self._view = view
        self._start = start
        self._at = 0
        self._decompressor = start()

    def read(self, size: int) -> bytes:
        try:
            while not self._is_done():
                data = self._decompress(size)
                if data:
                    return data
        except (zlib.error, lzma.LZMAError, OSError, ValueError) as error:
            raise UnreadableError(f"all of its content: {type(error).__name__}") from error
        return b""

    def _is_done(self) -> bool:
        if self._decompressor.eof:
            self._at -= len(self._decompressor.unused_data)
            if not any(bytes(self._view[self._at : self._at + 64])):
                return True
            self._decompressor = self._start()
        if self._at >= len(self._view) and self._needs_input():
            raise UnreadableError("its end: it is truncated")
        return False

    def _needs_input(self) -> bool:
        # zlib has unconsumed_tail, the others have needs_input
        if getattr(self._decompressor, "unconsumed_tail", b""):
            return False
        return bool(getattr(self._decompressor, "needs_input", True))

    def _decompress(self, size: int) -> bytes:
        """Feed the next bytes, and return at most `size` unpacked ones."""
        if hasattr(self._decompressor, "unconsumed_tail"):
            data = self._decompressor.unconsumed_tail or self._read_next()
        else:
            data = self._read_next() if self._decompressor.needs_input else b""
        return bytes(self._decompressor.decompress(data, size))

    def _read_next(self) -> bytes:
        data = bytes(self._view[self._at : self._at + (1 << 16)])
        self._at += len(data)
        return data


class _ViewReader(io.RawIOBase):
    """A view as a readable file, without a copy."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._at = 0

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
