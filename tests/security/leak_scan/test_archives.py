"""Bounds of unpacking."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pytest

from modelpact.security.leak_scan import archives
from modelpact.security.leak_scan.archives import UnreadableError, unpack

PARTS = [b"a" * 700, b"b" * 300]


def zipped(*parts: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.mkdir("folder")
        for number, part in enumerate(parts):
            archive.writestr(f"{number}", part)
    return packed.getvalue()


def tarred(*parts: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("folder"))
        for number, part in enumerate(parts):
            member = tarfile.TarInfo(f"{number}")
            member.size = len(part)
            archive.addfile(member, io.BytesIO(part))
    return packed.getvalue()


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
}


def unpacked(data: bytes) -> list[tuple[str, bytes]]:
    return [(name, bytes(part)) for name, part in unpack(memoryview(data))]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_size_of_all_members_is_limited(
    pack: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1000)
    members = [(name, part) for name, part in unpacked(pack(*PARTS)) if part]
    assert members == [("0", PARTS[0]), ("1", PARTS[1])]
    with pytest.raises(UnreadableError, match="it unpacks to more than"):
        unpacked(pack(*PARTS, b"c"))


@pytest.mark.parametrize("pack", COMPRESSED.values(), ids=COMPRESSED)
def test_the_size_of_a_compressed_file_is_limited(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1000)
    assert unpacked(pack(b"a" * 1000)) == [("", b"a" * 1000)]
    with pytest.raises(UnreadableError, match="it unpacks to more than"):
        unpacked(pack(b"a" * 1001))


def test_the_limit_is_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", (3 << 30) + 1)
    stream = io.BytesIO(b"ab")
    with pytest.raises(UnreadableError) as raised:
        archives._spool(stream, 1)
    assert str(raised.value) == "all of its content: it unpacks to more than 3 GiB"


@pytest.mark.parametrize("size", [999, 1000, 1001])
def test_content_is_the_same_in_memory_and_in_a_file(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_IN_MEMORY", 1000)
    ((_, part),) = unpack(memoryview(gzip.compress(b"a" * size)))
    assert bytes(part) == b"a" * size
    assert isinstance(part.obj, bytes) is (size <= 1000)


@pytest.mark.parametrize("pack", COMPRESSED.values(), ids=COMPRESSED)
def test_truncated_files(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(range(256)) * 8)
    with pytest.raises(UnreadableError, match="its end: it is truncated"):
        unpacked(packed[:-1])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_consecutive_files_and_padding(pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(pack(b"one, ") + pack(b"two") + bytes(100)) == [("", b"one, two")]


@pytest.mark.parametrize(
    "data", [b"", b"x", b"x\x9c", b"x\x9d" + bytes(9), b"text", b"PK", b"ustar", bytes(300)]
)
def test_other_bytes_are_not_packed(data: bytes) -> None:
    if data == b"x\x9c":
        with pytest.raises(UnreadableError):
            unpacked(data)
    else:
        assert unpacked(data) == []


def test_empty_archives() -> None:
    assert unpacked(zipped()) == []
    assert unpacked(b"PK\x05\x06" + bytes(18)) == []


def test_an_archive_behind_an_empty_one() -> None:
    assert unpacked(zipped() + zipped(b"ab"))[-1] == ("0", b"ab")
    assert unpacked(b"PK\x05\x06" + bytes(18) + zipped(b"ab"))[-1] == ("0", b"ab")
