"""CSV files as tables of text, parsed part by part; data sources and batches read the same rows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelpact._internal.text import truncate
from modelpact.data.records import Part, line_at, read_bytes, split_records
from modelpact.errors import DataError
from modelpact.signature import Violation, ViolationCode

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.csv import InvalidRow

__all__ = ["ALL_ROWS", "NULLS", "CsvFormat", "CsvTable"]

# fmt: off
NULLS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)
# fmt: on
"""The cells that pandas reads as missing values."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

ALL_ROWS = 1 << 62

SEPARATORS = ";\t|,"
"""The separators that are suggested if a header has one column."""


class CsvFormat(NamedTuple):
    """How the cells of a CSV file are separated.

    Attributes:
        separator: The character between two cells.
        quote: The character around cells that contain separators or line feeds; None for none.
        nulls: The cells that are missing values.
    """

    separator: str = ","
    quote: str | None = '"'
    nulls: tuple[str, ...] = NULLS


class CsvTable:
    """The rows of a CSV file.

    Args:
        path: The file, in UTF-8.
        source: The file in messages.
        form: How cells are separated.

    Attributes:
        columns: The names in the header.

    Raises:
        DataError: The file has no header, or a column does not have a name of its own.
    """

    def __init__(self, path: Path, source: Path, form: CsvFormat) -> None:
        self._path = path
        self._source = source
        self._form = form
        self.columns, self._begin = self._read_header()

    def check_header(self, used: Iterable[str] | None) -> None:
        """Check that each column has a name of its own.

        Args:
            used: The columns that are read; None for all.

        Raises:
            DataError: A name is empty, or two columns have the same.
        """
        used = set(self.columns if used is None else used)
        for position, name in enumerate(self.columns):
            if name in used and (not name.strip() or self.columns.count(name) > 1):
                raise self._invalid_name(position, name)

    def _invalid_name(self, position: int, name: str) -> DataError:
        """Return the error for a name in the header that is empty, or not unique."""
        fault = f"two columns are named {name[:40]!r}"
        remedy = "Give each column a name of its own, or choose columns (data.columns=[...])."
        if not name.strip():
            fault = f"column {position + 1} does not have a name"
            if position == 0:
                remedy += " pandas writes its index there unless index=False."
            if position == len(self.columns) - 1:
                remedy += f" Remove a {self._form.separator!r} at the ends of the lines."
        line = line_at(self._path, 0)
        return DataError(
            f"{self._source}, line {line}: {fault}",
            remedy=remedy,
            path=str(self._source),
            line=line,
            column=name,
        )

    def parts(self, n_rows: int) -> Iterator[Part]:
        """Yield the parts of the file, with at most `n_rows` rows each.

        Raises:
            DataError: A quote is not closed.
        """
        yield from self._split(self._begin, n_rows)

    def parse(
        self, part: Part, needed: list[str], rejects: list[Violation]
    ) -> tuple[pa.Table, np.ndarray]:
        """Return the rows of a part that can be parsed, as text, and their numbers in the file.

        Args:
            part: The part.
            needed: The columns to return, in the order of the file.
            rejects: Gets the rows that cannot be parsed.

        Raises:
            DataError: The part cannot be read.
        """
        import pyarrow as pa

        malformed: list[int] = []

        def skip(row: InvalidRow) -> str:
            index = len(malformed) if row.number is None else row.number - 1
            number = part.first + index
            malformed.append(number)
            expected = f"{row.expected_columns} cells"
            rejects.append(
                Violation(ViolationCode.MALFORMED, "", number, expected, f"{row.actual_columns}")
            )
            return "skip"

        body = read_bytes(self._path, part.begin, part.end)
        n_rejects = len(rejects)
        try:
            table = self._parse(body, needed, skip)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise self._unreadable(error, part) from error
            malformed.clear()
            del rejects[n_rejects:]
            binary = self._parse(body, needed, skip, binary=True)
            table = _decode_rows(binary, part, malformed, rejects)
        numbers = _remaining_rows(part, malformed)
        if len(numbers) != table.num_rows:
            n_found = table.num_rows + len(malformed)
            raise self._unreadable(f"{part.n_rows:,} records have {n_found:,} rows", part)
        return table, numbers

    def malformed(self, violations: Sequence[Violation]) -> DataError:
        """Return the error for rows that cannot be parsed."""
        first = min(violations, key=attrgetter("row"))
        line, text = self.locate(int(first.row or 0))
        where = f"column {first.path!r}, " if first.path else ""
        more = f" ({len(violations):,} such rows)" if len(violations) > 1 else ""
        return DataError(
            f"{self._source}, line {line}: {where}expected {first.expected}, got {first.got}{more}",
            remedy=self._malformed_remedy(first, text),
            path=str(self._source),
            line=line,
        )

    def _malformed_remedy(self, violation: Violation, text: str) -> str:
        separator = self._form.separator
        if violation.path:
            return "Name the encoding of the file: data.encoding=latin-1, cp1252, utf-16, ..."
        if text.endswith(separator) and int(violation.got) == len(self.columns) + 1:
            return f"Remove the {separator!r} at the ends of the lines."
        return self.suggest() or (
            f"Correct the row: a cell that contains {separator!r} must be quoted, "
            "and a missing value is an empty cell."
        )

    def locate(self, row: int) -> tuple[int, str]:
        """Return the line number and the text of a row."""
        part = next(part for part in self.parts(ALL_ROWS) if row <= part.last)
        found = next(islice(self._split(part.begin, 1), row - part.first, None))
        return line_at(self._path, found.begin), self._text(found)

    def suggest(self) -> str:
        """Return which keys would read a header of one column; empty if there are none."""
        if len(self.columns) == 1 and self.columns[0].startswith(("#", "%", "//")):
            mark = self.columns[0][0]
            return f"If the first line is a comment: 'data.comment=\"{mark}\"'."
        return self.suggest_separator()

    def suggest_separator(self) -> str:
        """Return the separator of a file with a header of one column; empty if it fits."""
        first = self.columns[0]
        if first.startswith("sep="):
            separator = first.removeprefix("sep=") or self._form.separator
            keys = f"'data.comment=\"sep=\"' 'data.separator=\"{separator}\"'"
            return f"Skip the first line, which Excel writes: {keys}."
        if len(self.columns) > 1:
            return ""
        lines = [self._text(row) for row in islice(self._split(self._begin, 1), 2)]
        for separator in SEPARATORS.replace(self._form.separator, ""):
            if all(separator in line for line in [first, *lines]):
                return _suggest_keys(separator, lines)
        return ""

    def _text(self, row: Part) -> str:
        return read_bytes(self._path, row.begin, row.end).decode(errors="replace").strip("\r\n")

    def _split(self, begin: int, n_rows: int) -> Iterator[Part]:
        quote, separator = self._form.quote, self._form.separator
        return split_records(self._path, begin, n_rows, quote=quote, separator=separator)

    def _read_header(self) -> tuple[list[str], int]:
        """Return the column names and the offset of the first row."""
        import pyarrow as pa

        try:
            first = next(self._split(0, 1), None)
            if first is None:
                raise DataError(
                    f"{self._source} is empty",
                    remedy="The file must have a header.",
                    path=str(self._source),
                )
            line = read_bytes(self._path, 0, first.end).removeprefix(BYTE_ORDER_MARK)
            return list(self._parse(line, []).column_names), first.end
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error

    def _parse(
        self,
        body: bytes,
        needed: list[str],
        skip: Callable[[InvalidRow], str] | None = None,
        *,
        binary: bool = False,
    ) -> pa.Table:
        """Parse rows as text; without `skip`, the first row is the header."""
        import pyarrow as pa
        from pyarrow import csv

        return csv.read_csv(
            io.BytesIO(body),
            csv.ReadOptions(
                use_threads=False,
                block_size=max(len(body), 1) + 1,
                column_names=None if skip is None else self.columns,
            ),
            csv.ParseOptions(
                delimiter=self._form.separator,
                quote_char=self._form.quote or False,
                newlines_in_values=True,
                invalid_row_handler=skip,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(needed, pa.binary() if binary else pa.string()),
                include_columns=needed,
                null_values=self._form.nulls,
                strings_can_be_null=True,
            ),
        )

    def _unreadable(self, error: object, part: Part | None = None) -> DataError:
        rows = "" if part is None else f", rows {part.first} to {part.last},"
        return DataError(
            f"{self._source}{rows} cannot be read: {truncate(error, 200)}",
            remedy="The file must be a CSV file in UTF-8 with a header, separated by "
            "data.separator; data.encoding names another encoding.",
            path=str(self._source),
        )


def _suggest_keys(separator: str, lines: list[str]) -> str:
    has_commas = separator != "," and "," in "".join(lines)
    decimal = " 'data.decimal=\",\"'" if has_commas else ""
    shown = separator.replace("\t", r"\t")
    return f"Set the separator of the file: 'data.separator=\"{shown}\"'{decimal}."


def _remaining_rows(part: Part, malformed: Sequence[int]) -> np.ndarray:
    """Return the numbers of the rows of a part without the malformed ones."""
    numbers = np.arange(part.first, part.first + part.n_rows)
    return np.delete(numbers, [number - part.first for number in malformed])


def _decode_rows(
    table: pa.Table, part: Part, malformed: list[int], rejects: list[Violation]
) -> pa.Table:
    """Decode a table of bytes, and reject the rows that are not UTF-8."""
    import pyarrow as pa

    numbers = _remaining_rows(part, malformed)
    valid = np.ones(table.num_rows, dtype=bool)
    for name in table.column_names:
        for index, cell in enumerate(table[name].to_pylist()):
            if _is_utf8(cell or b""):
                continue
            if valid[index]:
                number = int(numbers[index])
                rejects.append(
                    Violation(ViolationCode.MALFORMED, name, number, "UTF-8 text", "invalid bytes")
                )
            valid[index] = False
    malformed.extend(numbers[~valid].tolist())
    schema = pa.schema([(name, pa.string()) for name in table.column_names])
    return table.filter(pa.array(valid)).cast(schema)


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True
