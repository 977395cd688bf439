"""CSV: cells are texts, and the contract says what they stand for."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelpact._internal.text import truncate
from modelpact.batch.base import Chunk, Part, ReadPlan, Rows
from modelpact.batch.records import parts_of, records
from modelpact.data import CsvData
from modelpact.errors import DataError
from modelpact.signature import Violation, ViolationCode

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["CsvReader"]

NULLS = [
    *(
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
    ),
    *("NaN", "None", "n/a", "nan", "null"),
]
"""The texts that pandas reads as missing values, so that they are missing here too."""


class CsvReader(Rows):
    """The rows of a CSV file.

    Args:
        data: The file, as it is composed.
        path: Where it is.
        wanted: What is read of it.

    Raises:
        DataError: The file has no usable header.
    """

    columns: list[str]

    def __init__(self, data: CsvData, path: Path, wanted: ReadPlan) -> None:
        if data.separator == r"\s+":
            raise DataError(
                f"{path}: white space of any length between cells is not read in batches",
                remedy="Write the file with one character between cells: data.separator=... names it.",
            )
        self._separator = "\t" if data.separator == r"\t" else data.separator
        self._path = path
        self._wanted = wanted
        self.columns, self._begin = self._header()
        inputs = (
            data.columns
            if data.columns is not None
            else [name for name in self.columns if name != data.target]
        )
        self._inputs = wanted.inputs_among(inputs)
        self._kinds = _kinds(wanted, self._inputs)

    def identity(self) -> dict[str, Any]:
        return {"separator": self._separator, "columns": self._inputs}

    def parts(self) -> Iterator[Part]:
        return parts_of(self._path, self._begin, self._wanted.part, True, self._separator)

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        body = records(self._path, part.begin, part.end)
        table, numbers = self._table(body, part, rejects)
        for begin in range(0, table.num_rows, self._wanted.batch):
            piece = table.slice(begin, self._wanted.batch)
            frame = self._frame(piece)
            kept = {
                name: frame[name] if self._kinds.get(name, "string") != "string" else piece[name]
                for name in self._wanted.keep
            }
            yield Chunk(frame, numbers[begin : begin + self._wanted.batch], kept)

    def _header(self) -> tuple[list[str], int]:
        import pyarrow as pa

        try:
            first = next(parts_of(self._path, 0, 1, True, self._separator), None)
            if first is None:
                raise DataError(
                    f"{self._path} is empty",
                    remedy="Give a file with a header.",
                    path=str(self._path),
                )
            line = records(self._path, 0, first.end)
            names = self._parsed(line.removeprefix(b"\xef\xbb\xbf"), None, []).column_names
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(
                f"{self._path} has two columns {twice[0][:40]!r}",
                remedy="Give each column a name of its own.",
                path=str(self._path),
            )
        return list(names), first.end

    def _table(self, body: bytes, part: Part, rejects: list[Violation]) -> tuple[pa.Table, Any]:
        """The readable rows of a part as texts, and their numbers."""
        import pyarrow as pa

        broken: list[int] = []

        def note(row: Any) -> str:
            number = part.first + len(broken) if row.number is None else part.first + row.number - 1
            broken.append(number)
            expected = f"{row.expected_columns} cells"
            rejects.append(
                Violation(ViolationCode.MALFORMED, "", number, expected, f"{row.actual_columns}")
            )
            return "skip"

        needed = [name for name in self.columns if name in {*self._inputs, *self._wanted.keep}]
        try:
            table = self._parsed(body, note, needed)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise self._unreadable(error, part) from error
            broken.clear()
            del rejects[:]
            table = self._decoded(
                self._parsed(body, note, needed, binary=True), part, broken, rejects
            )
        numbers = np.delete(
            np.arange(part.first, part.first + part.n_rows),
            [number - part.first for number in broken],
        )
        if len(numbers) != table.num_rows:
            raise self._unreadable(
                f"{part.n_rows:,} lines have {table.num_rows + len(broken):,} rows", part
            )
        return table, numbers

    def _parsed(
        self, body: bytes, note: Any, needed: list[str], *, binary: bool = False
    ) -> pa.Table:
        import pyarrow as pa
        from pyarrow import csv

        names = None if note is None else self.columns
        kind = pa.binary() if binary else pa.string()
        return csv.read_csv(
            io.BytesIO(body),
            csv.ReadOptions(
                use_threads=False, block_size=max(len(body), 1) + 1, column_names=names
            ),
            csv.ParseOptions(
                delimiter=self._separator, newlines_in_values=True, invalid_row_handler=note
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(needed, kind),
                include_columns=needed,
                null_values=NULLS,
                strings_can_be_null=True,
            ),
        )

    def _decoded(
        self, table: pa.Table, part: Part, broken: list[int], rejects: list[Violation]
    ) -> pa.Table:
        """A table of bytes as texts, without the rows that are not UTF-8."""
        import pyarrow as pa

        numbers = np.delete(
            np.arange(part.first, part.first + part.n_rows),
            [number - part.first for number in broken],
        )
        good = np.ones(table.num_rows, dtype=bool)
        for name in table.column_names:
            for place, cell in enumerate(table[name].to_pylist()):
                try:
                    (cell or b"").decode()
                except UnicodeDecodeError:
                    if good[place]:
                        rejects.append(
                            Violation(
                                ViolationCode.MALFORMED,
                                name,
                                int(numbers[place]),
                                "text in UTF-8",
                                "other bytes",
                            )
                        )
                    good[place] = False
        broken.extend(numbers[~good].tolist())
        table = table.filter(pa.array(good))
        return table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))

    def _frame(self, table: pa.Table) -> pd.DataFrame:
        import pandas as pd

        columns = {
            name: _column(table[name], self._kinds.get(name, "string")) for name in self._inputs
        }
        return pd.DataFrame(columns, index=range(table.num_rows), copy=False)

    def _unreadable(self, error: Any, part: Part | None = None) -> DataError:
        where = f", rows {part.first} to {part.first + part.n_rows - 1}" if part is not None else ""
        return DataError(
            f"{self._path}{where} cannot be read: {truncate(error, 200)}",
            remedy="It must be a CSV file in UTF-8 with a header; data.separator says what stands between two cells.",
            path=str(self._path),
        )


def _kinds(wanted: ReadPlan, columns: Sequence[str]) -> dict[str, str]:
    """What the texts of each column stand for: `float`, `int`, `boolean`, or `string`, which they are."""
    from mlflow.types.schema import DataType, TensorSpec

    kinds = {
        DataType.double: "float",
        DataType.float: "float",
        DataType.long: "int",
        DataType.integer: "int",
    }
    kinds[DataType.boolean] = "boolean"
    schema = wanted.signature.inputs
    if schema is None:
        return dict.fromkeys(columns, "any")
    specs: dict[str, Any] = (
        dict(zip(schema.input_names(), schema.inputs, strict=True))
        if schema.has_input_names()
        else dict(zip(columns, schema.inputs, strict=False))
    )
    found = {}
    for name in columns:
        spec = specs.get(name, schema.inputs[0])
        if isinstance(spec, TensorSpec):
            found[name] = (
                "string"
                if spec.type.kind in "OUS"
                else "boolean"
                if spec.type.kind == "b"
                else "any"
            )
        else:
            plain = name in specs and isinstance(
                spec.type, DataType
            )  # MLflow's other types cannot be looked up
            found[name] = kinds.get(spec.type, "string") if plain else "string"
    return found


def _column(texts: pa.ChunkedArray, kind: str) -> Any:
    """Texts as what they stand for; where one does not, all of them cell by cell."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import compute

    if kind in {"int", "any"}:
        try:
            numbers = compute.cast(texts, pa.int64())
            if not compute.any(
                compute.match_substring_regex(texts, "[xX]")
            ).as_py():  # 0x10 is no number of a table
                return (
                    numbers.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
                    if numbers.null_count
                    else numbers.to_pandas()
                )
        except pa.ArrowInvalid:
            pass
    if kind in {"int", "float", "any"}:
        try:
            return compute.cast(texts, pa.float64()).to_pandas()
        except pa.ArrowInvalid:
            return _cells(texts.to_pandas())
    if kind == "boolean":
        words = {
            "true": True,
            "True": True,
            "TRUE": True,
            "false": False,
            "False": False,
            "FALSE": False,
        }
        cells = [words.get(text, text) for text in texts.to_pylist()]
        return (
            pd.array(cells, dtype="boolean")
            if all(isinstance(cell, bool | None) for cell in cells)
            else _objects(cells)
        )
    return texts.to_pandas()


def _cells(texts: Any) -> Any:
    """Each cell as it would have been read alone: a number, a missing value, or the text."""
    import pandas as pd

    numbers = pd.to_numeric(texts, errors="coerce")
    return _objects(
        [_cell(text, number) for text, number in zip(texts.tolist(), numbers.tolist(), strict=True)]
    )


def _cell(text: Any, number: float) -> Any:
    if number != number:  # noqa: PLR0124  # NaN, the only one
        return text if isinstance(text, str) else None
    return int(number) if float(number).is_integer() and "." not in text else number


def _objects(cells: list[Any]) -> Any:
    import pandas as pd

    return pd.Series(cells, dtype=object)
