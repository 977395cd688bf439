from __future__ import annotations

import pytest

from modelpact.security.leak_scan.binary import find_strings, is_text

NOISE = b"\x01\xfe"


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le", "utf-32-le"])
@pytest.mark.parametrize("text", ["qwertyuiop", "qwertyuiop1", "qwertyuiop12", "qwertyuiop123"])
def test_strings_of_at_least_12_characters_are_found(text: str, encoding: str) -> None:
    found = list(find_strings(NOISE + text.encode(encoding) + NOISE))
    assert found == ([(2, text)] if len(text) >= 12 else [])


def test_several_strings_in_one_chunk() -> None:
    first, second = "a first string", "and a second one"
    assert list(find_strings(NOISE + first.encode() + NOISE + second.encode())) == [
        (2, first),
        (4 + len(first), second),
    ]


def test_chunks_shorter_than_a_string() -> None:
    for size in range(14):
        assert list(find_strings(bytes(size))) == []


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"", True),
        ("größe\t\n".encode(), True),
        (b"a" * 99 + b"\x01", True),
        (b"a" * 98 + b"\x01\x02", False),
        (b"a" * 199 + b"\0", False),
    ],
)
def test_texts(head: bytes, text: bool) -> None:
    assert is_text(head) is text
