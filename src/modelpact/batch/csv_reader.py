"""Reads CSV files; the signature determines the types of the cells."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modelpact._internal.text import truncate
from modelpact.batch.base import Chunk, Part, ReadPlan, RowReader
from modelpact.batch.csv_columns import column_kinds, convert_column
from modelpact.batch.records import read_bytes, split_records
from modelpact.data import CsvData
from modelpact.errors import DataError
from modelpact.signature import Violation, ViolationCode

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyarrow.csv import InvalidRow

__all__ = ["CsvReader"]

# fmt: off
NULLS = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
]
# fmt: on
"""The cells that pandas reads as missing values."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CsvReader(RowReader):
    """Reads the rows of a CSV file.

    Args:
        data: The data source.
        path: The file.
        plan: What is read of it.

    Raises:
        DataError: The file does not have a usable header.
    """

    columns: list[str]

    def __init__(self, data: CsvData, path: Path, plan: ReadPlan) -> None:
        if data.separator == r"\s+":
            raise DataError(
                rf"data.separator='\s+' is not supported in batches: {path}",
                remedy="Use a file with a single-character separator.",
                path=str(path),
            )
        self._separator = "\t" if data.separator == r"\t" else data.separator
        self._path = path
        self._plan = plan
        self.columns, self._begin = self._read_header()
        self._inputs = plan.select_inputs(self.columns, data.columns, data.target)
        self._kinds = column_kinds(plan.signature, self._inputs)

    def identity(self) -> dict[str, object]:
        return {"separator": self._separator, "columns": self._inputs}

    def parts(self) -> Iterator[Part]:
        return split_records(
            self._path, self._begin, self._plan.part_rows, quoted=True, separator=self._separator
        )

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        body = read_bytes(self._path, part.begin, part.end)
        table, numbers = self._read_rows(body, part, rejects)
        size = self._plan.chunk_rows
        for begin in range(0, table.num_rows, size):
            piece = table.slice(begin, size)
            frame = self._to_frame(piece)
            kept = {
                name: piece[name] if self._kinds.get(name, "string") == "string" else frame[name]
                for name in self._plan.keep
            }
            yield Chunk(frame, numbers[begin : begin + size], kept)

    def _read_header(self) -> tuple[list[str], int]:
        """Return the column names and the offset of the first row."""
        import pyarrow as pa

        try:
            first = next(
                split_records(self._path, 0, 1, quoted=True, separator=self._separator), None
            )
            if first is None:
                raise DataError(
                    f"{self._path} is empty",
                    remedy="The file must have a header.",
                    path=str(self._path),
                )
            line = read_bytes(self._path, 0, first.end).removeprefix(BYTE_ORDER_MARK)
            names = self._parse(line, []).column_names
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise DataError(
                f"{self._path} has a duplicate column: {duplicates[0][:40]!r}",
                remedy="Rename one of the columns.",
                path=str(self._path),
            )
        return list(names), first.end

    def _read_rows(
        self, body: bytes, part: Part, rejects: list[Violation]
    ) -> tuple[pa.Table, np.ndarray]:
        """Return the rows of a part that can be parsed, as text, and their numbers in the file."""
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

        needed = [name for name in self.columns if name in {*self._inputs, *self._plan.keep}]
        try:
            table = self._parse(body, needed, skip)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise self._unreadable(error, part) from error
            malformed.clear()
            rejects.clear()
            binary = self._parse(body, needed, skip, binary=True)
            table = _decode_rows(binary, part, malformed, rejects)
        numbers = _remaining_rows(part, malformed)
        if len(numbers) != table.num_rows:
            n_found = table.num_rows + len(malformed)
            raise self._unreadable(f"{part.n_rows:,} records have {n_found:,} rows", part)
        return table, numbers

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
                delimiter=self._separator, newlines_in_values=True, invalid_row_handler=skip
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(needed, pa.binary() if binary else pa.string()),
                include_columns=needed,
                null_values=NULLS,
                strings_can_be_null=True,
            ),
        )

    def _to_frame(self, table: pa.Table) -> pd.DataFrame:
        import pandas as pd

        columns = {name: convert_column(table[name], self._kinds[name]) for name in self._inputs}
        return pd.DataFrame(columns, index=range(table.num_rows), copy=False)

    def _unreadable(self, error: object, part: Part | None = None) -> DataError:
        rows = "" if part is None else f", rows {part.first} to {part.last},"
        return DataError(
            f"{self._path}{rows} cannot be read: {truncate(error, 200)}",
            remedy="The file must be CSV in UTF-8 with a header, separated by data.separator.",
            path=str(self._path),
        )


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
