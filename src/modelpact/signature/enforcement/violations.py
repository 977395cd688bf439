"""What breaks a contract: `Failure`, and the bounded collector that every check writes to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from modelpact._internal.text import closest_match, list_items
from modelpact.errors import InputsError, OutputsError
from modelpact.signature.field_path import FieldPath, format_column_path

__all__ = ["Code", "Failure", "Failures", "glimpse", "near_miss"]

KEPT = 20
"""So many failures are kept in full where nobody asks for more; the rest are counted."""

DATA_WIDTH = 80
"""No failure repeats more characters of the data than this."""


class Code:
    """The reasons why data is refused; stable text for programs."""

    MISSING_COLUMN = "MISSING_COLUMN"
    EXTRA_COLUMN = "EXTRA_COLUMN"
    DUPLICATE_COLUMN = "DUPLICATE_COLUMN"
    MISSING_PROPERTY = "MISSING_PROPERTY"
    UNKNOWN_PROPERTY = "UNKNOWN_PROPERTY"
    UNKNOWN_PARAM = "UNKNOWN_PARAM"
    NULL = "NULL"
    WRONG_TYPE = "WRONG_TYPE"
    WRONG_KIND = "WRONG_KIND"
    WRONG_SHAPE = "WRONG_SHAPE"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    LOSSY = "LOSSY"
    NEEDS_CONVERSION = "NEEDS_CONVERSION"
    REFUSED_BY_MLFLOW = "REFUSED_BY_MLFLOW"


@dataclass(frozen=True, slots=True)
class Failure:
    """One place where data breaks a signature.

    Attributes:
        code: Why, as a constant of `Code`.
        path: Where in a row: the column or param, then keys and indices, such as `author.tags[2]`; "" is the data as a whole.
        row: The position of the row, counted from 0; None where it is not one row.
        expected: What the signature asks for.
        got: What the data has, shortened.

    Example:
        >>> print(Failure("WRONG_TYPE", "author.tags[2]", 4, "string", "int 7"))
        row 4, author.tags[2]: expected string, got int 7 (WRONG_TYPE)
    """

    code: str
    path: str
    row: int | None
    expected: str
    got: str

    def __str__(self) -> str:
        where = ", ".join(
            part for part in ("" if self.row is None else f"row {self.row}", self.path) if part
        )
        return (
            f"{where + ': ' if where else ''}expected {self.expected}, got {self.got} ({self.code})"
        )


class Failures:
    """The failures of one call: the first ones in full, and how many there are in all.

    Args:
        most: So many are kept in full.

    Attributes:
        cause: The refusal of MLflow itself, where it was asked: it is chained to what is raised.
    """

    def __init__(self, most: int = KEPT) -> None:
        self.most = most
        self.kept: list[Failure] = []
        self.total = 0
        self.cause: Exception | None = None

    def add(self, code: str, place: FieldPath, row: int | None, expected: str, value: Any) -> None:
        """Note that the value at a place is not what is expected."""
        if self.total < self.most:
            self.kept.append(
                Failure(code, format_column_path(place), row, expected, glimpse(value))
            )
        self.total += 1

    def say(self, code: str, place: FieldPath, row: int | None, expected: str, got: str) -> None:
        """Note a failure whose `got` is our own words, not data."""
        if self.total < self.most:
            self.kept.append(Failure(code, format_column_path(place), row, expected, got))
        self.total += 1

    def add_rows(self, code: str, place: FieldPath, rows: Any, expected: str, values: Any) -> None:
        """Note one failure for each position in `rows`; `values` is indexed by the same positions."""
        for row in rows[: max(self.most - self.total, 0)]:
            self.kept.append(
                Failure(
                    code, format_column_path(place), int(row), expected, glimpse(values[int(row)])
                )
            )
        self.total += len(rows)

    def extend(self, other: Failures) -> None:
        """Take over what another collector holds."""
        self.kept.extend(other.kept[: max(self.most - self.total, 0)])
        self.total += other.total

    def __len__(self) -> int:
        return self.total

    def raise_if_any(self, error: type[InputsError | OutputsError], what: str) -> None:
        """Raise what was collected.

        Args:
            error: `InputsError` or `OutputsError`.
            what: What was checked: `inputs`, `outputs` or `params`.

        Raises:
            PactError: At least one failure was noted; `failures` lists the first ones and `total` counts all.
        """
        if not self.total:
            return
        places = "1 place" if self.total == 1 else f"{self.total:,} places"
        message = list_items(f"the {what} break the signature in {places}", self.kept, self.total)
        raise error(message, failures=tuple(self.kept), total=self.total) from self.cause


def glimpse(value: Any) -> str:
    """The type of a value, and as much of the value as a message may repeat.

    Example:
        >>> glimpse([1, 2, 3])
        'list of 3 items'
        >>> len(glimpse("x" * 1000)) <= 80
        True
    """
    kind = type(value).__name__
    if value is None or kind in ("NAType", "NaTType"):
        return "null"
    if isinstance(value, (str, bytes, bytearray)):
        text = repr(value[:DATA_WIDTH])
    elif isinstance(value, int):
        text = str(value) if value.bit_length() < 128 else f"of {value.bit_length()} bits"
    elif hasattr(value, "dtype") and hasattr(value, "ndim") and value.ndim:
        text = f"of shape {tuple(value.shape)} and dtype {value.dtype}"
    elif isinstance(value, (list, tuple, dict, set, frozenset)):
        text = f"of {len(value)} item{'s' if len(value) != 1 else ''}"
    elif type(value).__module__ in _PLAIN:
        text = str(value)
    else:
        text = "object"  # its repr may be long, slow or secret
    text = f"{kind} {text}"
    return text if len(text) <= DATA_WIDTH else text[: DATA_WIDTH - 3] + "..."


_PLAIN = {
    "builtins",
    "numpy",
    "decimal",
    "datetime",
    "pandas",
    "pandas._libs.tslibs.timestamps",
    "uuid",
    "fractions",
}
"""The packages whose values have a short text of their own."""


def near_miss(word: Any, known: Iterable[Any], lead: str = " (did you mean {}?)") -> str:
    """A hint at the known name closest to a mistyped one, or nothing.

    Example:
        >>> near_miss("flot", ["float", "string"])
        " (did you mean 'float'?)"
    """
    found = closest_match(word, known)
    return lead.format(repr(found)) if found is not None else ""
