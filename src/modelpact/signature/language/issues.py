"""What is wrong with a written signature, and where: faults are collected while it is read, then raised all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from modelpact._internal.text import preview
from modelpact.errors import SpecError
from modelpact.signature.field_path import FieldPath, format_path

__all__ = ["Problems", "refuse_repeated"]

LIMIT = 80
"""No message repeats more of the data than this many characters."""

MOST = 20
"""No message tells more problems than this; `problems` has them all."""

LEGEND = (
    "Types: boolean integer long float double string binary datetime any; [type] is an array, {name: type} an object, "
    '{"*": type} a map, float32[-1, 3] a tensor; a ? at the end of a key makes it optional.'
)


class Problems:
    """The faults found so far in one signature.

    Args:
        source: Where the signature was written, such as a file's name; it opens each message.
        lines: The line of each place of that file.
    """

    def __init__(
        self, source: str | None = None, lines: Mapping[FieldPath, int] | None = None
    ) -> None:
        self.source = source
        self.lines = dict(lines or {})
        self.found: list[tuple[FieldPath, str, int | None]] = []

    def add(self, place: FieldPath, text: str, line: int | None = None) -> None:
        """Note one fault; the line is that of the innermost part of the place that has one."""
        self.found.append((place, text, line or self.line(place)))

    def line(self, place: FieldPath) -> int | None:
        """The line of a place, or of the innermost part of it that has one."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return None

    def __len__(self) -> int:
        return len(self.found)

    def raise_if_any(self, remedy: str = LEGEND) -> None:
        """Raise what was found.

        Args:
            remedy: The last line of the message.

        Raises:
            SpecError: At least one fault was noted. `problems` lists each as `(place, text)`, `lines` the line of each or None,
                and `source` says where the signature was written.
        """
        if not self.found:
            return
        self.found.sort(
            key=lambda fault: fault[2] or 0
        )  # as they stand in the file; those without a line come first
        count = f"{len(self.found)} problem{'s' if len(self.found) > 1 else ''} in the signature"
        told = [self._sentence(fault) for fault in self.found[:MOST]]
        more = [f"  and {len(self.found) - MOST} more"] if len(self.found) > MOST else []
        message = "\n".join(
            [count + (f" of {self.source}" if self.source else "") + ":", *told, *more]
        )
        raise SpecError(
            message,
            remedy=remedy,
            problems=[(format_path(place), text) for place, text, _ in self.found],
            lines=[line for _, _, line in self.found],
            source=self.source,
        )

    def _sentence(self, fault: tuple[FieldPath, str, int | None]) -> str:
        place, text, line = fault
        where = (
            f"{self.source}:{line}: " if self.source and line else f"line {line}: " if line else ""
        )
        return f"  {where}{format_path(place)}{': ' if place else ''}{text}"


def refuse_repeated(names: list[Any], place: FieldPath, problems: Problems) -> None:
    """Note each name that is given more than once."""
    for name, times in Counter(names).items():
        if times > 1:
            problems.add(place, f"the name {preview(name)} is given {times} times")
