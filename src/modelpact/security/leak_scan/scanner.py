"""The scanner: reads files of every format, and nested values by their keys."""

from __future__ import annotations

import functools
import hashlib
import mmap
import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from modelpact.security import secrets
from modelpact.security.credentials import is_secret_name
from modelpact.security.leak_scan import json_documents
from modelpact.security.leak_scan.archives import UnreadableError, unpack
from modelpact.security.leak_scan.binary import MIN_STRING_LENGTH, find_strings, is_text
from modelpact.security.leak_scan.entropy import is_random
from modelpact.security.leak_scan.environment import MAX_LENGTH, KnownSecrets, collect_secrets
from modelpact.security.leak_scan.pickles import PickleItem, is_pickle, iter_items
from modelpact.security.leak_scan.plain_text import MAX_PER_KIND, STEM, find_secrets
from modelpact.security.leak_scan.positions import STEP, iter_chunks, line_in_text, locate
from modelpact.security.leak_scan.prefilter import candidate_regions
from modelpact.security.leak_scan.redaction import redact
from modelpact.security.leak_scan.report import RUN_PREFIX, Kind, Leak, ScanReport
from modelpact.security.secrets import join_keys

__all__ = ["scan_folder", "scan_values"]

AHEAD, BEHIND = 16 << 10, 256
"""Bytes after and before a chunk that are read with it, for secrets that cross its ends."""

MAX_DEPTH = 6
"""How deep nested archives are unpacked."""

CODE_BITS = 70.0
"""Bits of a constant in code that is taken for a key if a secret name is near."""

SMALL_SIZE = 1 << 20
"""Bytes of a file that is read into memory, and whose result is cached."""

CACHE_SIZE = 20_000

_clean: OrderedDict[bytes, None] = OrderedDict()
"""Digests of small files without findings; the jobs of a sweep save the same code repeatedly."""

_ESCAPED_CHARACTER = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_LENGTH = re.compile(r"(?<![\w-])[A-Za-z0-9](?=[A-Za-z0-9])")
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}")

_UTF16_MARKS = {b"\xff\xfe", b"\xfe\xff"}


def scan_folder(folder: Path) -> ScanReport:
    """Scan every file below a folder, and the names of files.

    Args:
        folder: The folder of a saved model.
    """
    scan = _Scan(collect_secrets())
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or not path.exists():
            continue
        place = path.relative_to(folder).as_posix()
        scan.scan_name(place)
        scan.scan_file(path, place)
        scan.report.files += 1
    return scan.report


def scan_values(values: Mapping[str, object]) -> ScanReport:
    """Scan nested values: params, tags, a configuration.

    Args:
        values: Plain nested data; the places are its dotted keys: `tags.note`.
    """
    scan = _Scan(collect_secrets())
    texts = dict(_leaves(values, ""))
    for place, text in texts.items():
        scan.scan_bytes(memoryview(text.encode("utf-8", "surrogatepass")), place, MAX_DEPTH)
    scan.add_literals(values, texts)
    scan.report.is_run = any(str(key).startswith(RUN_PREFIX) for key in values)
    scan.report.leaks = [
        replace(leak, where="") if "\n" not in texts.get(leak.place, "\n") else leak
        for leak in scan.report.leaks
    ]
    return scan.report


def _leaves(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, join_keys(place, key))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(value):
            yield from _leaves(item, join_keys(place, index))
    elif isinstance(value, str):
        yield place, value
    elif isinstance(value, bytes):
        yield place, value.decode("latin-1")


class _Scan:
    """One scan of files or values."""

    def __init__(self, known: KnownSecrets) -> None:
        self.report = ScanReport()
        self._known = known
        self._counts: Counter[tuple[str, Kind]] = Counter()

    def add(self, place: str, where: str, kind: Kind, name: str = "") -> None:
        """Add a leak, unless its place has many of its kind; redact the place and the name."""
        self._counts[place, kind] += 1
        if self._counts[place, kind] <= MAX_PER_KIND:
            name = name if kind == "environment" else redact(name)
            self.report.leaks.append(Leak(redact(place), where, kind, name))

    def add_literals(self, values: Mapping[str, object], texts: Mapping[str, str]) -> None:
        """Add the literal secrets in a configuration that are not leaks already."""
        found = {leak.place for leak in self.report.leaks}
        for place in secrets.find_literals(values):
            if place not in found:
                kind: Kind = "url" if "://" in texts.get(place, "") else "entropy"
                self.add(place, "", kind, place.rpartition(".")[2])

    def scan_name(self, place: str) -> None:
        """Scan the name of a file."""
        for _, variable in self._known.find(place.encode("utf-8", "surrogateescape")):
            self.add(place, "its name", "environment", variable)
        for _, kind, name in find_secrets(place):
            self.add(place, "its name", kind, name)

    def scan_file(self, path: Path, place: str) -> None:
        """Scan a file; a large one is not read into memory."""
        size = path.stat().st_size
        if size == 0:
            return
        if size > SMALL_SIZE:
            with path.open("rb") as stream:
                content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                self.scan_bytes(memoryview(content), place)
        else:
            self._scan_small(path.read_bytes(), place)

    def _scan_small(self, data: bytes, place: str) -> None:
        """Scan the content of a file, unless the same content was scanned without a finding."""
        digest = hashlib.sha256(repr(self._known.identity).encode() + data).digest()
        if digest in _clean:
            return
        before = self._n_findings()
        self.scan_bytes(memoryview(data), place)
        if self._n_findings() == before:
            _clean[digest] = None
            if len(_clean) > CACHE_SIZE:
                _clean.popitem(last=False)

    def _n_findings(self) -> int:
        return len(self.report.leaks) + len(self.report.unread)

    def scan_bytes(self, view: memoryview, place: str, depth: int = 0) -> None:
        """Scan bytes of any format."""
        self._scan_known(view, place)
        if depth < MAX_DEPTH and self._scan_packed(view, place, depth):
            return
        if depth < MAX_DEPTH and is_pickle(view):
            self._scan_pickle(view, place, depth)
        elif view[:2] in _UTF16_MARKS and len(view) <= 64 * SMALL_SIZE:
            self._scan_text(memoryview(bytes(view).decode("utf-16", "replace").encode()), place)
        elif is_text(bytes(view[: 64 << 10])):
            self._scan_text(view, place)
        else:
            self._scan_binary(view, place)
            self._scan_array(view, place, depth)

    def _scan_known(self, view: memoryview, place: str) -> None:
        if not self._known.patterns:
            return
        for start, chunk in iter_chunks(view, MAX_LENGTH * 4):
            for at, name in self._known.find(chunk):
                if at < STEP:
                    self.add(place, locate(view, start, at), "environment", name)

    def _scan_packed(self, view: memoryview, place: str, depth: int) -> bool:
        """Scan what is packed into bytes; return whether there was content and all was read."""
        n_parts = 0
        try:
            for name, part in unpack(view):
                n_parts += 1
                inner = f"{place}/{name}" if name else place
                if name:
                    self.scan_name(inner)
                if depth + 1 >= MAX_DEPTH:
                    self.report.unread.append(f"{inner}: it is nested too deeply")
                else:
                    self.scan_bytes(part, inner, depth + 1)
        except UnreadableError as error:
            self.report.unread.append(f"{place}, {error}")
            return False
        return n_parts > 0

    def _scan_text(self, view: memoryview, place: str) -> None:
        for start, chunk in iter_chunks(view, AHEAD, BEHIND):
            behind = min(start, BEHIND)
            text = chunk.decode("latin-1")
            for first, last, keyed in candidate_regions(chunk):
                where = functools.partial(locate, view, start - behind + first)
                self._scan_region(text[first:last], place, where, behind - first, keyed)
            if "\\u00" in text:
                self._scan_escaped(view, text, place, start - behind)
        if view[:1] in {b"{", b"["} and len(view) <= json_documents.MAX_SIZE:
            for path, name in json_documents.find_in_json(bytes(view)):
                self.add(place, path, "entropy", name)

    def _scan_escaped(self, view: memoryview, text: str, place: str, start: int) -> None:
        """Scan a text with escaped letters, as in JSON."""
        plain = _ESCAPED_CHARACTER.sub(lambda match: chr(int(match[1], 16)), text)
        for first, last, keyed in candidate_regions(plain.encode("latin-1")):
            where = functools.partial(line_in_text, plain, view, start, first)
            self._scan_region(plain[first:last], place, where, 0, keyed)

    def _scan_region(
        self, text: str, place: str, where: Callable[[int], str], first: int = 0, keyed: bool = True
    ) -> bool:
        """Scan a region; return whether it has a leak.

        A secret that starts before `first`, or a step after it, belongs to another chunk.
        """
        before = len(self.report.leaks)
        for at, kind, name in find_secrets(text, keyed):
            if first <= at < first + STEP:
                self.add(place, where(at), kind, name)
        return len(self.report.leaks) > before

    def _scan_binary(self, view: memoryview, place: str, first: int = 0) -> None:
        for start, chunk in iter_chunks(view, AHEAD):
            for at, text in find_strings(chunk):
                if at >= STEP:
                    continue
                where = functools.partial(_byte, first + start + at)
                if not self._scan_region(text, place, where):
                    # often a string is preceded by its length, which may be a letter or a digit
                    self._scan_region(_LENGTH.sub(" ", text), place, where)

    def _scan_array(self, view: memoryview, place: str, depth: int) -> None:
        """Scan the pickle in an array of objects in NumPy's format."""
        head = bytes(view[:256])
        if head.startswith(b"\x93NUMPY") and b"|O" in head:
            start = int.from_bytes(head[8:10], "little") + 10
            self.scan_bytes(view[start:], place, depth + 1)

    def _scan_pickle(self, view: memoryview, place: str, depth: int) -> None:
        # the name that stands before the next string
        name = ""
        constants = _CodeConstants()
        for item in iter_items(view):
            if item.kind == "rest":
                self._scan_binary(item.data, place, item.at)
            if item.kind in {"rest", "other"}:
                name = ""
            elif _is_large(item):
                self.scan_bytes(item.data, place, depth + 1)
                name = ""
            else:
                name = self._scan_pickled_string(item, place, name, constants)

    def _scan_pickled_string(
        self, item: PickleItem, place: str, name: str, constants: _CodeConstants
    ) -> str:
        """Scan a string of a pickle; return the name that it is for the next string, or ""."""
        text = bytes(item.data).decode("latin-1")
        # protocols 0 to 2 write an array as text
        if "\0" in text or "\xc2" in text:
            array = bytes(item.data).decode("utf-8", "ignore").encode("latin-1", "ignore")
            self._scan_binary(memoryview(array), place, item.at)
        return self._scan_string(text.strip("'\""), item.at, place, name, constants)

    def _scan_string(
        self, text: str, at: int, place: str, name: str, constants: _CodeConstants
    ) -> str:
        where = f"opcode at byte {at}"
        if len(text) >= MIN_STRING_LENGTH and self._scan_region(text, place, lambda _: where):
            return ""
        if name and is_random(text):
            self.add(place, where, "entropy", name)
            return ""
        for position, near in constants.add(text, where):
            self.add(place, position, "entropy", near)
        return text if _is_name(text) else ""


class _CodeConstants:
    """The last strings of a pickle with code, in which constants stand apart from their names."""

    def __init__(self) -> None:
        self._strings: deque[tuple[str, str]] = deque(maxlen=16)
        self._has_code = False

    def add(self, text: str, where: str) -> Iterator[tuple[str, str]]:
        """Add a string; yield the position of each constant like a key, with the name near it."""
        self._has_code |= text == "CodeType"
        if not self._has_code:
            return
        if _is_name(text):
            yield from self._take_constants(text)
        elif is_random(text, CODE_BITS):
            name = self._last_name()
            if name:
                yield where, name
                return
        self._strings.append((text, where))

    def _take_constants(self, name: str) -> Iterator[tuple[str, str]]:
        for other in [one for one in self._strings if is_random(one[0], CODE_BITS)]:
            self._strings.remove(other)
            yield other[1], name

    def _last_name(self) -> str:
        return next((one[0] for one in reversed(self._strings) if _is_name(one[0])), "")


def _is_large(item: PickleItem) -> bool:
    """Check for an item that is scanned as a file of its own."""
    if len(item.data) > SMALL_SIZE:
        return True
    return item.kind == "bytes" and len(item.data) >= MIN_STRING_LENGTH


def _is_name(text: str) -> bool:
    return (
        len(text) < 100
        and STEM.search(text.lower()) is not None
        and _NAME.fullmatch(text) is not None
        and is_secret_name(text)
    )


def _byte(start: int, offset: int) -> str:
    return f"byte {start + offset}"
