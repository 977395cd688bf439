"""Reading all that is about to be stored: files of every kind, and values by their keys."""

from __future__ import annotations

import functools
import hashlib
import itertools
import mmap
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelpact.security import secrets
from modelpact.security.credentials import is_secret_name, redact_keys
from modelpact.security.leak_scan.archives import UnreadableError, unpack
from modelpact.security.leak_scan.binary import SHORTEST, find_strings, is_text
from modelpact.security.leak_scan.entropy import is_random
from modelpact.security.leak_scan.environment import LONGEST, KnownSecrets, environment_secrets
from modelpact.security.leak_scan.json_documents import LARGEST, find_in_json
from modelpact.security.leak_scan.pickles import is_pickle, iter_items
from modelpact.security.leak_scan.plain_text import STEM, find_secrets
from modelpact.security.leak_scan.prefilter import candidate_regions
from modelpact.security.leak_scan.report import RUN_PREFIX, Kind, Leak, ScanReport

__all__ = ["scan_folder", "scan_values"]

STEP = 1 << 20
"""Bytes that are read at once."""

AHEAD, BEHIND = 16 << 10, 256
"""Bytes that are read of what follows and of what comes before, for what lies across."""

DEEPEST = 6
"""How deep things are unpack that are packed into each other."""

FAR = 70.0
"""Bits of a constant in code that is taken for a key because the name of one is near."""

PER_PLACE = 50
"""How many leaks of one file are told apart."""

SMALL = 1 << 20
REMEMBERED = 20_000
_clean: OrderedDict[bytes, None] = OrderedDict()
"""Digests of small files in which nothing was found: the jobs of a sweep save the same code again and again."""

_ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}")


def scan_folder(folder: Path) -> ScanReport:
    """Read every file below a folder, and every name of one.

    Args:
        folder: A saved model's.
    """
    scan = _Scan(environment_secrets())
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or not path.exists():
            continue
        place = path.relative_to(folder).as_posix()
        scan.name(place)
        scan.file(path, place)
        scan.report.files += 1
    return scan.report


def scan_values(values: Mapping[str, Any]) -> ScanReport:
    """Look through nested values: params, tags, a configuration.

    Args:
        values: Plain nested data; the places are its dotted keys: `tags.note`.
    """
    scan = _Scan(environment_secrets())
    texts = dict(_leaves(values, ""))
    for place, text in texts.items():
        scan.bytes_of(memoryview(text.encode("utf-8", "surrogatepass")), place, DEEPEST)
    told = {leak.place for leak in scan.report.leaks}
    for place in secrets.find_literals(values):
        if place not in told:
            scan.found(
                place,
                "",
                "address" if "://" in texts.get(place, "") else "entropy",
                place.rpartition(".")[2],
            )
    one_line = [place for place, text in texts.items() if "\n" not in text]
    scan.report.is_run = any(str(key).startswith(RUN_PREFIX) for key in values)
    scan.report.leaks = [
        replace(leak, where="") if leak.place in one_line else leak for leak in scan.report.leaks
    ]
    return scan.report


def _leaves(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{place}.{number}")
    elif isinstance(value, (str, bytes)):
        yield place, value if isinstance(value, str) else value.decode("latin-1")


class _Scan:
    """One look through files or values."""

    def __init__(self, values: KnownSecrets) -> None:
        self.report = ScanReport()
        self._known = values
        self._counts: dict[str, int] = {}

    def found(self, place: str, where: str, kind: Kind, name: str = "") -> None:
        """Note a leak; what may be told of its place and its name holds no secret itself."""
        self._counts[place] = self._counts.get(place, 0) + 1
        if self._counts[place] <= PER_PLACE:
            self.report.leaks.append(
                Leak(
                    self._shown(place),
                    where,
                    kind,
                    name if kind == "environment" else self._shown(name),
                )
            )

    def name(self, place: str) -> None:
        """Look through the name of a file."""
        for _, variable in self._known.found(place.encode("utf-8", "surrogateescape")):
            self.found(place, "its name", "environment", variable)
        for _, kind, name in find_secrets(place):
            self.found(place, "its name", kind, name)

    def file(self, path: Path, place: str) -> None:
        """Look through a file; a large one is not read into memory."""
        size = path.stat().st_size
        if size == 0:
            return
        if size > SMALL:
            with path.open("rb") as stream:
                self.bytes_of(
                    memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)), place
                )
            return
        data = path.read_bytes()
        digest = hashlib.sha256(repr(self._known.identity).encode() + data).digest()
        if digest in _clean:
            return
        before = len(self.report.leaks) + len(self.report.unread)
        self.bytes_of(memoryview(data), place)
        if len(self.report.leaks) + len(self.report.unread) == before:
            _clean[digest] = None
            if len(_clean) > REMEMBERED:
                _clean.popitem(last=False)

    def bytes_of(self, view: memoryview, place: str, depth: int = 0) -> None:
        """Look through bytes of any kind."""
        for start, chunk in _chunks(view, LONGEST * 4):
            for at, name in self._known.found(chunk) if self._known.patterns else ():
                if at < STEP:
                    self.found(place, _where(view, start, at), "environment", name)
        if depth < DEEPEST and self._packed(view, place, depth):
            return
        if depth < DEEPEST and is_pickle(view):
            self._pickle(view, place, depth)
        elif view[:2] in {b"\xff\xfe", b"\xfe\xff"} and len(view) <= 64 * SMALL:
            self._text(memoryview(bytes(view).decode("utf-16", "replace").encode()), place)
        elif is_text(bytes(view[: 64 << 10])):
            self._text(view, place)
        else:
            self._binary(view, place)
            self._array(view, place, depth)

    def _packed(self, view: memoryview, place: str, depth: int) -> bool:
        """Look through what is packed into bytes; whether there was anything, and all of it could be read."""
        parts = 0
        try:
            for name, part in unpack(view):
                parts += 1
                inner = f"{place}/{name}" if name else place
                if name:
                    self.name(inner)
                if depth + 1 >= DEEPEST:
                    self.report.unread.append(f"{inner}: it is packed too deep")
                else:
                    self.bytes_of(part, inner, depth + 1)
        except UnreadableError as why:
            self.report.unread.append(f"{place}, {why}")
            return False
        return parts > 0

    def _text(self, view: memoryview, place: str) -> None:
        for start, chunk in _chunks(view, AHEAD, BEHIND):
            behind = min(start, BEHIND)
            text = chunk.decode("latin-1")
            for first, last, keyed in candidate_regions(chunk):
                where = functools.partial(_where, view, start - behind + first)
                self._in_text(text[first:last], place, where, behind - first, keyed)
            if "\\u00" in text:
                self._escaped(text, place, _line(view, start - behind)[0])
        if view[:1] in {b"{", b"["} and len(view) <= LARGEST:
            for found, name in find_in_json(bytes(view)):
                self.found(place, found, "entropy", name)

    def _escaped(self, text: str, place: str, line: int) -> None:
        """Look through a text whose letters are escaped, as JSON may write them."""
        plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
        for first, last, keyed in candidate_regions(plain.encode("latin-1")):
            where = functools.partial(_line_of, plain, line, first)
            self._in_text(plain[first:last], place, where, 0, keyed)

    def _in_text(
        self, text: str, place: str, where: Callable[[int], str], first: int = 0, keyed: bool = True
    ) -> None:
        """Look through a text; what begins before `first`, or a step after it, is another piece's."""
        for at, kind, name in itertools.islice(find_secrets(text, keyed), PER_PLACE):
            if first <= at < first + STEP:
                self.found(place, where(at), kind, name)

    def _binary(self, view: memoryview, place: str, first: int = 0) -> None:
        for start, chunk in _chunks(view, AHEAD):
            for at, text in find_strings(chunk):
                if at >= STEP:
                    continue
                # what precedes a text in a file is often its length, and that may be a letter or a digit
                for form in (text, re.sub(r"(?<![\w-])[A-Za-z0-9](?=[A-Za-z0-9])", " ", text)):
                    before = len(self.report.leaks)
                    self._in_text(form, place, functools.partial(_byte, first + start + at))
                    if len(self.report.leaks) > before:
                        break

    def _array(self, view: memoryview, place: str, depth: int) -> None:
        """An array of objects in NumPy's own format holds a pickle."""
        head = bytes(view[:256])
        if head.startswith(b"\x93NUMPY") and b"|O" in head:
            start = int.from_bytes(head[8:10], "little") + 10
            self.bytes_of(view[start:], place, depth + 1)

    def _pickle(self, view: memoryview, place: str, depth: int) -> None:
        pending, recent = "", _Recent()
        for piece in iter_items(view):
            if piece.kind == "rest":
                self._binary(piece.data, place, piece.at)
            if piece.kind in {"rest", "other"}:
                pending = ""
                continue
            where = f"opcode at byte {piece.at}"
            if len(piece.data) > SMALL or (piece.kind == "bytes" and len(piece.data) >= SHORTEST):
                self.bytes_of(piece.data, place, depth + 1)
                pending = ""
                continue
            text = bytes(piece.data).decode("latin-1")
            if "\0" in text or "\xc2" in text:  # an array, as protocols 0 to 2 write it
                self._binary(
                    memoryview(
                        text.encode("latin-1").decode("utf-8", "ignore").encode("latin-1", "ignore")
                    ),
                    place,
                    piece.at,
                )
            pending = self._in_pickle(text.strip("'\""), place, where, pending, recent)

    def _in_pickle(self, text: str, place: str, where: str, pending: str, recent: _Recent) -> str:
        """Look through a string of a pickle, under the name that comes before it; gives the name that it is for the next."""
        if len(text) >= SHORTEST:
            before = len(self.report.leaks)
            self._in_text(text, place, functools.partial(_same, where))
            if len(self.report.leaks) > before:
                return ""
        if pending and is_random(text):
            self.found(place, where, "entropy", pending)
            return ""
        for found, name in recent.with_next(text, where):
            self.found(place, found, "entropy", name)
        return text if _is_name(text) else ""

    def _shown(self, text: str) -> str:
        return secrets.redact_values(redact_keys(text, secrets.REDACTED), self._known.values)


class _Recent:
    """The last strings of a pickle that holds code: there a constant stands some way from the name it is given to."""

    def __init__(self) -> None:
        self._strings: deque[tuple[str, str]] = deque(maxlen=16)
        self._code = False

    def with_next(self, text: str, where: str) -> Iterator[tuple[str, str]]:
        """Where constants are that look like keys, now that this string follows, each with the name near it."""
        self._code = self._code or text == "CodeType"
        if not self._code:
            return
        if _is_name(text):
            for other in [item for item in self._strings if is_random(item[0], FAR)]:
                self._strings.remove(other)
                yield other[1], text
        elif is_random(text, FAR):
            name = next((item[0] for item in reversed(self._strings) if _is_name(item[0])), "")
            if name:
                yield where, name
                return
        self._strings.append((text, where))


def _is_name(text: str) -> bool:
    return (
        len(text) < 100
        and STEM.search(text.lower()) is not None
        and _NAME.fullmatch(text) is not None
        and is_secret_name(text)
    )


def _chunks(view: memoryview, ahead: int, behind: int = 0) -> Iterator[tuple[int, bytes]]:
    """Bytes piece by piece, each with some of what is around it, and where it begins without that."""
    for start in range(0, len(view), STEP):
        yield start, bytes(view[max(0, start - behind) : start + STEP + ahead])


def _where(view: memoryview, start: int, offset: int) -> str:
    """The line of a place in a text; the byte in anything else."""
    at = start + offset
    if not is_text(bytes(view[: 64 << 10])):
        return f"byte {at}"
    line, column = _line(view, at)
    return f"line {line}, column {column}" if column > 200 else f"line {line}"


def _line(view: memoryview, at: int) -> tuple[int, int]:
    """The line and the column of a byte, both from 1."""
    lines, last = 1, -1
    for start in range(0, at, STEP):
        chunk = bytes(view[start : min(start + STEP, at)])
        lines += chunk.count(b"\n")
        newline = chunk.rfind(b"\n")
        last = start + newline if newline >= 0 else last
    return lines, at - last


def _line_of(text: str, line: int, first: int, offset: int) -> str:
    return f"line {line + text.count(chr(10), 0, first + offset)}"


def _byte(start: int, offset: int) -> str:
    return f"byte {start + offset}"


def _same(where: str, _: int) -> str:
    return where
