"""The strings of a pickle, found by its opcodes: nothing is unpickled, so nothing of it runs."""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["PickleItem", "is_pickle", "iter_items"]

LONGEST_NAME = 100
MEMORIES = 200_000
"""How many strings are remembered for when the pickle refers to them again."""

_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_LINES = {"GLOBAL": 2, "INST": 2}
_TEXTS = frozenset(
    {
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
    }
)
_BYTES = frozenset({"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"})
_QUIET = frozenset(
    {
        "MEMOIZE",
        "PUT",
        "BINPUT",
        "LONG_BINPUT",
        "FRAME",
        "MARK",
        "EMPTY_LIST",
        "EMPTY_TUPLE",
        "EMPTY_SET",
        "APPEND",
    }
)
_PUT, _GET = (
    frozenset({"PUT", "BINPUT", "LONG_BINPUT"}),
    frozenset({"GET", "BINGET", "LONG_BINGET"}),
)
_SKIPPED = [
    1 + max(0, opcode.arg.n if opcode.arg else 0)
    if opcode is not None
    and not (opcode.arg and opcode.arg.n < 0)
    and opcode.name not in _TEXTS | _BYTES | _QUIET | _PUT | _GET | {"STOP"}
    else 0
    for opcode in map(_OPCODES.get, range(256))
]
"""The bytes of an opcode that neither brings a string nor leaves the one before it where it is; 0 for those that may."""

_NOTHING = memoryview(b"")
_LOOSE = re.compile(rb"\x8c([\x01-\xff])|X([\x00-\xff][\x00-\xff])\x00\x00", re.DOTALL)
_STARTS = re.compile(rb"\x80[\x00-\x05]|[(c}\]l.VSIFNKJMLG]")


class PickleItem(NamedTuple):
    """A part of a pickle.

    Attributes:
        kind: `text`, `bytes`, `other` for what stands between names and values, or `rest` for what follows the last opcode.
        at: Where its opcode is, in bytes.
        data: Its content; for `rest` all that is left.
    """

    kind: Literal["text", "bytes", "other", "rest"]
    at: int
    data: memoryview


def is_pickle(view: memoryview) -> bool:
    """Whether bytes begin as a pickle does; one of protocol 0 or 1 must also be one to its end."""
    if len(view) < 2:
        return False
    if view[0] == 0x80:
        return view[1] <= 5
    if _STARTS.match(bytes(view[:1])) is None or view[-1] != ord("."):
        return False
    return all(piece.kind != "rest" for piece in iter_items(view))


def iter_items(view: memoryview) -> Iterator[PickleItem]:
    """The parts of a pickle, or of several one after another, in their order; strings that it refers to again come again.

    Where there is no opcode, as in the arrays that joblib puts between them, the strings that can be told apart follow loosely.
    """
    at, ended, size = 0, False, len(view)
    strings = _Strings()
    while at < size and not (ended and view[at] != 0x80):
        skipped = _SKIPPED[view[at]]
        if skipped:
            strings.forget()
            at += skipped
            continue
        step = _step(view, at)
        if step is None:
            break
        name, data, following = step
        ended = name == "STOP"
        yield from strings.follow(name, data, at)
        at = following
    if at < size:
        yield PickleItem("rest", at, view[at:])
        yield from _loose(view, at)


class _Strings:
    """The strings of a pickle, and its memory of them."""

    def __init__(self) -> None:
        self._memory: dict[int, memoryview] = {}
        self._count = 0
        self._last = _NOTHING
        self._between = False

    def forget(self) -> None:
        """Something stands between two strings."""
        self._between, self._last = True, _NOTHING

    def follow(self, name: str, data: memoryview, at: int) -> Iterator[PickleItem]:
        """The strings that an opcode brings."""
        if name in _TEXTS or name in _BYTES:
            self._last = data
            yield from self._with(PickleItem("text" if name in _TEXTS else "bytes", at, data))
        elif name == "MEMOIZE" or name in _PUT:
            if len(self._last) <= LONGEST_NAME and len(self._memory) < MEMORIES:
                self._memory[self._count if name == "MEMOIZE" else _number(name, data)] = self._last
            self._count += 1
        elif name in _GET:
            if self._memory.get(_number(name, data)):
                yield from self._with(PickleItem("text", at, self._memory[_number(name, data)]))
        elif name == "STOP":
            self.__init__()  # type: ignore[misc]  # another pickle may follow
        elif name not in _QUIET:
            self.forget()

    def _with(self, piece: PickleItem) -> Iterator[PickleItem]:
        if self._between:
            yield PickleItem("other", piece.at, _NOTHING)
            self._between = False
        yield piece


def _step(view: memoryview, at: int) -> tuple[str, memoryview, int] | None:
    """The opcode at a place, its argument, and where the next begins; None where there is none."""
    opcode = _OPCODES.get(view[at])
    if opcode is None:
        return None
    start, size = at + 1, 0
    if opcode.arg is not None:
        size = opcode.arg.n
        if size == pickletools.UP_TO_NEWLINE:
            end = start
            for _ in range(_LINES.get(opcode.name, 1)):
                end = _line_end(view, end)
                if end < 0:
                    return None
            return opcode.name, view[start : end - 1], end
        if size in _LENGTHS:
            width = _LENGTHS[size]
            size = int.from_bytes(view[start : start + width], "little")
            start += width
    end = start + size
    return None if end > len(view) else (opcode.name, view[start:end], end)


def _line_end(view: memoryview, at: int) -> int:
    """Where the line after this one begins; -1 where it does not end."""
    size = 256
    while True:
        found = bytes(view[at : at + size]).find(b"\n")
        if found >= 0:
            return at + found + 1
        if at + size >= len(view):
            return -1
        size *= 8


def _number(name: str, data: memoryview) -> int:
    text = bytes(data)
    if name in {"PUT", "GET"}:
        return int(text) if text.isdigit() else -1
    return int.from_bytes(text, "little")


def _loose(view: memoryview, at: int) -> Iterator[PickleItem]:
    """The strings of opcodes that stand between bytes of other meaning."""
    size = 1 << 20
    for start in range(at, len(view), size):
        chunk = bytes(view[start : start + size + (1 << 16)])
        end = 0
        for match in _LOOSE.finditer(chunk):
            if match.start() >= size:
                break
            if match.start() < end:
                continue
            length = int.from_bytes(match[1] or match[2], "little")
            text = chunk[match.end() : match.end() + length]
            if len(text) == length and text.isascii() and text.decode().isprintable():
                if match.start() - end > 3:
                    yield PickleItem("other", start + match.start(), memoryview(b""))
                end = match.end() + length
                yield PickleItem(
                    "text", start + match.start(), view[start + match.end() : start + end]
                )
