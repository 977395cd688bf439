"""Violations of a signature, and the bounded collector that every check writes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import closest_match, list_items
from modelpact.errors import InputsError, OutputsError
from modelpact.signature.field_path import FieldPath, format_column_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionArray

__all__ = ["Violation", "ViolationCode", "Violations", "describe_value", "misspelled"]

DEFAULT_LIMIT = 20
"""Violations that are listed by default; the rest are only counted."""

DATA_WIDTH = 80
"""Characters of the data that a violation repeats at most."""


class ViolationCode:
    """Reason codes of violations. Their values are stable, so programs may compare them."""

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
    MALFORMED = "MALFORMED"
    TYPE_HINT = "TYPE_HINT"


@dataclass(frozen=True, slots=True)
class Violation:
    """One value that violates a signature.

    Attributes:
        code: The reason, a constant of `ViolationCode`.
        path: The column or param, then keys and indices, such as `author.tags[2]`; empty if the
            data as a whole violates the signature.
        row: The position of the row, from 0; None if the violation does not concern a single row.
        expected: What the signature requires.
        got: What the data has, truncated.

    Example:
        >>> print(Violation("WRONG_TYPE", "author.tags[2]", 4, "string", "int 7"))
        row 4, author.tags[2]: expected string, got int 7 (WRONG_TYPE)
    """

    code: str
    path: str
    row: int | None
    expected: str
    got: str

    def __str__(self) -> str:
        parts = ["" if self.row is None else f"row {self.row}", self.path]
        where = ", ".join(part for part in parts if part)
        prefix = f"{where}: " if where else ""
        return f"{prefix}expected {self.expected}, got {self.got} ({self.code})"

    def to_dict(self) -> dict[str, str | int | None]:
        """Return the violation as plain data for JSON."""
        return {
            "row": self.row,
            "code": self.code,
            "path": self.path,
            "expected": self.expected,
            "got": self.got,
        }


class Violations:
    """The violations of one call: the first ones in full, and the number of all.

    Args:
        limit: The number of violations that are recorded in full.

    Attributes:
        recorded: The first violations.
        total: The number of all violations.
        cause: The exception of MLflow that is chained to the raised error, if any.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self.recorded: list[Violation] = []
        self.total = 0
        self.cause: Exception | None = None

    def add(
        self, code: str, path: FieldPath, row: int | None, expected: str, value: object
    ) -> None:
        """Record that the value at a path is not what is expected."""
        if self.total < self.limit:
            got = describe_value(value)
            self.recorded.append(Violation(code, format_column_path(path), row, expected, got))
        self.total += 1

    def add_message(
        self, code: str, path: FieldPath, expected: str, got: str, row: int | None = None
    ) -> None:
        """Record a violation whose `got` is a message instead of data."""
        if self.total < self.limit:
            self.recorded.append(Violation(code, format_column_path(path), row, expected, got))
        self.total += 1

    def add_rows(
        self,
        code: str,
        path: FieldPath,
        rows: range | NDArray[np.intp],
        expected: str,
        values: Sequence[object] | ExtensionArray,
    ) -> None:
        """Record one violation for each row.

        Args:
            code: The reason.
            path: The path of the column.
            rows: The positions of the rows, `(n_violations,)`.
            expected: What the signature requires.
            values: The values of the column, `(n_rows,)`.
        """
        for row in rows[: max(self.limit - self.total, 0)]:
            got = describe_value(values[int(row)])
            self.recorded.append(Violation(code, format_column_path(path), int(row), expected, got))
        self.total += len(rows)

    def extend(self, other: Violations) -> None:
        """Add the violations of another collector."""
        self.recorded.extend(other.recorded[: max(self.limit - self.total, 0)])
        self.total += other.total

    def __len__(self) -> int:
        return self.total

    def raise_if_any(self, error: type[InputsError | OutputsError], subject: str) -> None:
        """Raise an error that lists the violations, if there are any.

        Args:
            error: `InputsError` or `OutputsError`.
            subject: What was checked: `inputs`, `outputs` or `params`.

        Raises:
            InputsError: The inputs or params violate the signature.
            OutputsError: The outputs violate the signature.
        """
        if not self.total:
            return
        places = "1 place" if self.total == 1 else f"{self.total:,} places"
        title = f"the {subject} violate the signature in {places}"
        message = list_items(title, self.recorded, self.total)
        failures = tuple(self.recorded)
        raise error(message, failures=failures, total=self.total) from self.cause


def describe_value(value: object) -> str:
    """Return the type of a value and a short form of the value, at most 80 characters.

    Example:
        >>> describe_value([1, 2, 3])
        'list of 3 items'
        >>> describe_value("old")
        "str 'old'"
    """
    type_name = type(value).__name__
    if type_name in ("NoneType", "NAType", "NaTType"):
        return "null"
    text = f"{type_name} {_short_form(value)}"
    # truncate() would also collapse the spaces of the data.
    return text if len(text) <= DATA_WIDTH else text[: DATA_WIDTH - 3] + "..."


def _short_form(value: Any) -> str:
    if isinstance(value, (str, bytes, bytearray)):
        return repr(value[:DATA_WIDTH])
    if isinstance(value, int):
        return str(value) if value.bit_length() < 128 else f"of {value.bit_length()} bits"
    if getattr(value, "ndim", 0) and hasattr(value, "dtype"):
        return f"of shape {tuple(value.shape)} and dtype {value.dtype}"
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return f"of {len(value)} item{'s' if len(value) != 1 else ''}"
    if type(value).__module__ in _PRINTABLE_MODULES:
        return str(value)
    # The repr of any other object may be long, slow or secret.
    return "object"


_PRINTABLE_MODULES = {
    "builtins",
    "numpy",
    "decimal",
    "datetime",
    "pandas",
    "pandas._libs.tslibs.timestamps",
    "uuid",
    "fractions",
}
"""Modules whose values have a short text that is safe to print."""


def misspelled(name: object, unknown: Iterable[object]) -> str:
    """Return a note on the unknown name that is probably meant to be `name`, or an empty string.

    Example:
        >>> misspelled("notes", ["ntoes", "x"])
        " (is 'ntoes' a misspelling?)"
    """
    match = closest_match(name, list(unknown)[:1000])
    return "" if match is None else f" (is {match!r} a misspelling?)"
