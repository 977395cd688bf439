"""What is wrong with a written signature, and where: faults are collected while it is read, then raised all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from modelpact._internal.text import preview
from modelpact.errors import SpecError

__all__ = ["Place", "Problems", "place_text", "refuse_repeated"]

Place = tuple[Any, ...]
"""The way to a value: keys and, for items of a list, their index, such as `("inputs", "author", "orcid?")`."""

LIMIT = 80
"""No message repeats more of the data than this many characters."""

MOST = 20
"""No message tells more problems than this; `problems` has them all."""

LEGEND = (
    "Types: boolean integer long float double string binary datetime any; [type] is an array, {name: type} an object, "
    '{"*": type} a map, float32[-1, 3] a tensor; a ? at the end of a key makes it optional.'
)


def place_text(place: Place) -> str:
    """A place as people write it.

    Example:
        >>> place_text(("inputs", 0, "type"))
        'inputs[0].type'
    """
    text = ""
    for part in place:
        if isinstance(part, int) and not isinstance(part, bool):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + str(part)[:LIMIT]
    return text if len(text) <= 4 * LIMIT else text[: 4 * LIMIT - 3] + "..."


class Problems:
    """The faults found so far in one signature.

    Args:
        source: Where the signature was written, such as a file's name; it opens each message.
        lines: The line of each place of that file.
    """

    def __init__(self, source: str | None = None, lines: Mapping[Place, int] | None = None) -> None:
        self.source = source
        self.lines = dict(lines or {})
        self.found: list[tuple[Place, str, int | None]] = []

    def add(self, place: Place, text: str, line: int | None = None) -> None:
        """Note one fault; the line is that of the innermost part of the place that has one."""
        self.found.append((place, text, line or self.line(place)))

    def line(self, place: Place) -> int | None:
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
            problems=[(place_text(place), text) for place, text, _ in self.found],
            lines=[line for _, _, line in self.found],
            source=self.source,
        )

    def _sentence(self, fault: tuple[Place, str, int | None]) -> str:
        place, text, line = fault
        where = (
            f"{self.source}:{line}: " if self.source and line else f"line {line}: " if line else ""
        )
        return f"  {where}{place_text(place)}{': ' if place else ''}{text}"


def refuse_repeated(names: list[Any], place: Place, problems: Problems) -> None:
    """Note each name that is given more than once."""
    for name, times in Counter(names).items():
        if times > 1:
            problems.add(place, f"the name {preview(name)} is given {times} times")
