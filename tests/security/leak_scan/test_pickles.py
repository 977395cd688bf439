from __future__ import annotations

import pickle
import pickletools
from typing import Any

import pytest

from modelpact.security.leak_scan import pickles
from modelpact.security.leak_scan.pickles import is_pickle, iter_items


def items(data: bytes) -> list[tuple[str, bytes]]:
    return [(item.kind, bytes(item.data)) for item in iter_items(memoryview(data))]


def texts(value: object, protocol: int = 4) -> list[str]:
    data = pickle.dumps(value, protocol)
    return [content.decode() for kind, content in items(data) if kind == "text"]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value", [{"key": "a" * 300}, ["a", ["b", "c" * 70_000]], ("a", 1.5, 10**30, None, "b")]
)
def test_the_strings_of_every_protocol(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert is_pickle(memoryview(data))
    expected = [
        (name, argument, at)
        for opcode, argument, at in pickletools.genops(data)
        if "UNICODE" in (name := opcode.name)
    ]
    found = [item for item in iter_items(memoryview(data)) if item.kind == "text"]
    assert [(bytes(item.data).decode(), item.at) for item in found] == [
        (argument, at) for _, argument, at in expected
    ]


@pytest.mark.parametrize("protocol", [3, 5])
def test_bytes_are_items_of_their_own(protocol: int) -> None:
    found = items(pickle.dumps([b"ab", bytearray(b"c" * 300)], protocol))
    assert ("bytes", b"ab") in found


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_memoized_strings_are_yielded_again(protocol: int) -> None:
    name = "".join(["to", "ken"])
    assert texts([name, "between", name], protocol) == ["token", "between", "token"]


@pytest.mark.parametrize(("length", "n_found"), [(100, 2), (101, 1)])
def test_long_strings_are_not_memoized(length: int, n_found: int) -> None:
    long = "x" * length
    assert texts([long, long]) == [long] * n_found
    # their number in the memo is counted
    assert texts([long, name := "token", name])[-2:] == ["token", "token"]


@pytest.mark.parametrize(("limit", "n_found"), [(3, 2), (2, 1)])
def test_the_number_of_memoized_strings_is_limited(
    limit: int, n_found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pickles, "MAX_MEMOIZED", limit)
    name = "token"
    # the memo has the list, "a" and the name
    assert texts(["a", name, name]).count("token") == n_found


def test_consecutive_pickles_are_read_like_single_ones() -> None:
    first, second = (
        pickle.dumps([name, value, name], 4) for name, value in [("a", "b"), ("c", "d")]
    )
    assert items(first + second) == [*items(first), *items(second)]


def test_the_memo_ends_with_its_pickle() -> None:
    first, second = pickle.dumps(["a", "token"], 4), b"\x80\x04h\x02."
    assert items(first + second) == items(first)


def test_other_opcodes_stand_between_strings() -> None:
    kinds = [kind for kind, _ in items(pickle.dumps(["a", 1, "b", ["c"]], 2))]
    assert kinds == ["other", "text", "other", "text", "text"]


def test_the_rest_after_the_last_opcode() -> None:
    data = pickle.dumps(["a"], 2)
    assert items(data + b"Xrest") == [*items(data), ("rest", b"Xrest")]
    assert items(data[:-1] + b"\xff" + b"rest")[-1] == ("rest", b"\xffrest")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", False),
        (b"\x80", False),
        (b"\x80\x05", True),
        (b"\x80\x06", False),
        (b"N.", True),
        (b"N", False),
        (b"Nx", False),
        (b"Na", False),
        (b"zz.", False),
        (b"(lp0\nVa\np1\na.", True),
        (b"I1\n.", True),
        (b"I1.", False),
        (b"Vtext without an end.", False),
    ],
)
def test_what_is_a_pickle(data: bytes, expected: bool) -> None:
    assert is_pickle(memoryview(data)) is expected


@pytest.mark.parametrize("length", [1, 254, 255, 256, 2047, 2048, 3000])
def test_lines_of_any_length(length: int) -> None:
    text = b"x" * length
    assert items(b"V" + text + b"\n.") == [("text", text)]
    assert items(b"c" + text + b"\n" + text + b"\nVa\n.") == [("other", b""), ("text", b"a")]


def test_loose_strings_between_other_bytes() -> None:
    blob = b"\xff" + bytes(40) + b"\x8c\x05token" + b"X\x03\x01\x00\x00" + b"y" * 259 + bytes(9)
    found = items(pickle.dumps(["a"], 2) + b"\xff" + blob)
    assert [item for item in found if item[0] == "text"] == [
        ("text", b"a"),
        ("text", b"token"),
        ("text", b"y" * 259),
    ]
