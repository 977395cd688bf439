"""What stands in the way of a signature: collected while data is looked at, then raised all at once."""

from __future__ import annotations

from typing import Any

from modelpact.errors import SignError
from modelpact.signature.field_path import FieldPath, format_column_path

__all__ = ["Troubles"]

KEPT = 50


class Troubles:
    """What was found in one signature's data.

    Attributes:
        found: Each trouble as `(place, what is wrong, what to do)`.
        unknown: The places whose type the data does not tell.
    """

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []
        self.unknown: list[str] = []
        self.side = ""

    def add(self, place: FieldPath, what: str, remedy: str) -> None:
        """Note that the data at a place has no type."""
        self.found.append((self._at(place), what, remedy))

    def add_unknown(self, place: FieldPath) -> None:
        """Note that the data at a place may be of any type."""
        self.unknown.append(self._at(place))

    def _at(self, place: FieldPath) -> str:
        text = format_column_path(place)
        return f"{self.side}: {text}" if text else self.side

    def raise_if_any(self) -> None:
        """Raise what was found.

        Raises:
            SignError: Something was; `problems` lists each as `(place, text)`.
        """
        if not self.found:
            return
        lines = [f"  {place}: {what}; {remedy}" for place, what, remedy in self.found[:KEPT]]
        if len(self.found) > KEPT:
            lines.append(f"  ... and {len(self.found) - KEPT:,} more")
        count = "1 place" if len(self.found) == 1 else f"{len(self.found):,} places"
        raise SignError(
            "\n".join([f"no signature tells the truth about this data, in {count}:", *lines]),
            problems=[(place, f"{what}; {remedy}") for place, what, remedy in self.found],
        )


def type_names(kinds: Any) -> str:
    """The names of types, for a sentence.

    Example:
        >>> type_names({int})
        'int'
    """
    return " and ".join(sorted({kind.__name__ for kind in kinds})[:5])
