"""The strings in a pickle, found by its opcodes. Nothing is unpickled, so no code of it runs."""

from __future__ import annotations

import pickletools
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["PickleItem", "is_pickle", "iter_items"]

MAX_MEMOIZED_LENGTH = 100
MAX_MEMOIZED = 200_000
"""How many strings are kept for later references to them."""

_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_LINES = {"GLOBAL": 2, "INST": 2}
_TEXTS = frozenset(
    {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING",
     "SHORT_BINSTRING"}
)  # fmt: skip
_BYTES = frozenset({"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"})
_PUT = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GET = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TRANSPARENT = _PUT | {
    "MEMOIZE", "FRAME", "MARK", "EMPTY_LIST", "EMPTY_TUPLE", "EMPTY_SET", "APPEND",
}  # fmt: skip
"""Opcodes that may stand between the name of a value and the value."""

_NOT_SKIPPED = _TEXTS | _BYTES | _TRANSPARENT | _GET | {"STOP"}


def _skipped_size(opcode: pickletools.OpcodeInfo | None) -> int:
    """Return the size of an opcode that can be skipped at once; 0 for the others."""
    if opcode is None or opcode.name in _NOT_SKIPPED:
        return 0
    if opcode.arg is None:
        return 1
    return 0 if opcode.arg.n < 0 else 1 + opcode.arg.n


_SKIPPED_SIZES = [_skipped_size(_OPCODES.get(code)) for code in range(256)]

_EMPTY = memoryview(b"")
_LOOSE_STRING = re.compile(rb"\x8c([\x01-\xff])|X([\x00-\xff][\x00-\xff])\x00\x00", re.DOTALL)
_START = re.compile(rb"\x80[\x00-\x05]|[(c}\]l.VSIFNKJMLG]")


class PickleItem(NamedTuple):
    """A part of a pickle.

    Attributes:
        kind: `text` or `bytes`; `other` for opcodes between a name and a value; `rest` for the
            bytes after the last opcode.
        at: The position of the opcode in bytes.
        data: The content; for `rest`, all bytes that are left.
    """

    kind: Literal["text", "bytes", "other", "rest"]
    at: int
    data: memoryview


def is_pickle(view: memoryview) -> bool:
    """Check whether bytes start as a pickle.

    A pickle of protocol 0 or 1 has no distinctive start, so it is checked to its end.
    """
    if len(view) < 2:
        return False
    if view[0] == 0x80:
        return view[1] <= 5
    if _START.match(bytes(view[:1])) is None or view[-1] != ord("."):
        return False
    return all(item.kind != "rest" for item in iter_items(view))


def iter_items(view: memoryview) -> Iterator[PickleItem]:
    """Yield the items of a pickle, or of several consecutive ones, in order.

    A memoized string is yielded again where the pickle refers to it. If the bytes are not opcodes,
    as in the arrays that joblib writes between them, strings are searched for loosely.
    """
    at, ended, size = 0, False, len(view)
    strings = _Strings()
    while at < size and not (ended and view[at] != 0x80):
        skipped = _SKIPPED_SIZES[view[at]]
        if skipped:
            strings.interrupt()
            at, ended = at + skipped, False
            continue
        opcode = _read_opcode(view, at)
        if opcode is None:
            break
        name, data, following = opcode
        ended = name == "STOP"
        yield from strings.process(name, data, at)
        at = following
    if at < size:
        yield PickleItem("rest", at, view[at:])
        yield from _find_loose_strings(view, at)


class _Strings:
    """The strings of a pickle and its memo."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._memo: dict[int, memoryview] = {}
        self._n_memoized = 0
        self._last = _EMPTY
        self._interrupted = False

    def interrupt(self) -> None:
        """Note that something stands between two strings."""
        self._interrupted, self._last = True, _EMPTY

    def process(self, name: str, data: memoryview, at: int) -> Iterator[PickleItem]:
        """Yield the items that an opcode produces."""
        if name in _TEXTS or name in _BYTES:
            self._last = data
            yield from self._emit(PickleItem("text" if name in _TEXTS else "bytes", at, data))
        elif name in _GET:
            text = self._memo.get(_index(name, data))
            if text:
                yield from self._emit(PickleItem("text", at, text))
        else:
            self._track(name, data)

    def _track(self, name: str, data: memoryview) -> None:
        """Update the state for an opcode without a string."""
        if name == "MEMOIZE" or name in _PUT:
            if len(self._last) <= MAX_MEMOIZED_LENGTH and len(self._memo) < MAX_MEMOIZED:
                index = self._n_memoized if name == "MEMOIZE" else _index(name, data)
                self._memo[index] = self._last
            self._n_memoized += 1
        elif name == "STOP":
            # another pickle may follow
            self._reset()
        elif name not in _TRANSPARENT:
            self.interrupt()

    def _emit(self, item: PickleItem) -> Iterator[PickleItem]:
        if self._interrupted:
            yield PickleItem("other", item.at, _EMPTY)
            self._interrupted = False
        yield item


def _read_opcode(view: memoryview, at: int) -> tuple[str, memoryview, int] | None:
    """Return the name of an opcode, its argument, and the position of the next; None for others."""
    opcode = _OPCODES.get(view[at])
    if opcode is None:
        return None
    start = at + 1
    size = 0 if opcode.arg is None else opcode.arg.n
    if size == pickletools.UP_TO_NEWLINE:
        end = _end_of_lines(view, start, _LINES.get(opcode.name, 1))
        return None if end is None else (opcode.name, view[start : end - 1], end)
    if size in _LENGTHS:
        width = _LENGTHS[size]
        size = int.from_bytes(view[start : start + width], "little")
        start += width
    end = start + size
    return None if end > len(view) else (opcode.name, view[start:end], end)


def _end_of_lines(view: memoryview, at: int, n_lines: int) -> int | None:
    """Return the position after the next lines, or None if a line does not end."""
    for _ in range(n_lines):
        size = 256
        while (newline := bytes(view[at : at + size]).find(b"\n")) < 0:
            if at + size >= len(view):
                return None
            size *= 8
        at += newline + 1
    return at


def _index(name: str, data: memoryview) -> int:
    """Return the argument of an opcode that refers to the memo."""
    text = bytes(data)
    if name in {"PUT", "GET"}:
        return int(text) if text.isdigit() else -1
    return int.from_bytes(text, "little")


def _is_printable(text: bytes) -> bool:
    return text.isascii() and text.decode().isprintable()


def _find_loose_strings(view: memoryview, at: int) -> Iterator[PickleItem]:
    """Yield the strings of opcodes that stand between other bytes."""
    size = 1 << 20
    for start in range(at, len(view), size):
        chunk = bytes(view[start : start + size + (1 << 16)])
        end = 0
        for match in _LOOSE_STRING.finditer(chunk):
            if not end <= match.start() < size:
                continue
            length = int.from_bytes(match[1] or match[2], "little")
            text = chunk[match.end() : match.end() + length]
            if len(text) == length and _is_printable(text):
                if match.start() - end > 3:
                    yield PickleItem("other", start + match.start(), _EMPTY)
                end = match.end() + length
                content = view[start + match.end() : start + end]
                yield PickleItem("text", start + match.start(), content)
