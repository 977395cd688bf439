"""Tables in CSV, JSON Lines and Parquet files."""

from __future__ import annotations

import codecs
import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from modelpact._internal.named_values import read_named_values
from modelpact.data.csv_columns import (
    Kind,
    NumberFormat,
    column_kinds,
    convert_column,
    infer_column,
)
from modelpact.data.csv_table import ALL_ROWS, NULLS, CsvFormat, CsvTable
from modelpact.data.frames import arrow_to_frame, relax_nullable, to_served_types, values_to_column
from modelpact.data.json_lines import MalformedLineError, parse_line
from modelpact.data.table_file import TableFile
from modelpact.data.text_files import csv_rewriter, plain_text
from modelpact.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from modelpact.signature import Violation
    from modelpact.types import Signature

__all__ = ["CsvData", "JsonlData", "ParquetData", "pandas_index"]

_KINDS: dict[str, Kind] = {
    "boolean": "boolean",
    "datetime": "datetime",
    "double": "float",
    "long": "int",
    "string": "string",
}
"""How the cells of each type of `data.types` are parsed."""


class CsvData(TableFile):
    r"""A CSV file with a header, compressed (gzip, bzip2, xz, Zstandard) or not.

    The type of a column is the most specific one that fits all cells: long, double, boolean, or
    string. Numbers with leading zeros, such as zip codes, are strings.

    Attributes:
        separator: Field separator: one character, `\t` for a tab, or `\s+` for any white space.
        types: Type of some columns: `string`, `long`, `double`, `boolean`, `datetime` (ISO 8601),
            or `datetime %d.%m.%Y` with another format.
        encoding: Encoding of the text; a byte order mark of UTF-16 overrides UTF-8.
        decimal: Decimal separator.
        thousands: Separator of groups of three digits; None for none.
        na_values: Cells that are missing values, besides the empty cell and those of pandas.
        keep_default_na: Whether the markers of pandas (`NA`, `null`, ...) are missing values.
        comment: Start of the lines that are skipped; None for none.
        quote: Character around cells that contain separators or line feeds; None for none.
    """

    expected_format = (
        "a CSV file in UTF-8 (or data.encoding) with a header, "
        "with fields separated by data.separator"
    )

    separator: str = Field(default=",", pattern=r"^([ -~]|\t|\\t|\\s\+)$")
    types: Annotated[dict[str, str] | None, BeforeValidator(read_named_values)] = None
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    na_values: list[str | int | float] = []
    keep_default_na: bool = True
    comment: str | None = Field(default=None, min_length=1)
    quote: str | None = Field(default='"', pattern=r"^[ -~]$")

    _contract: Signature | None = PrivateAttr(default=None)

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}") from None
        return value

    @field_validator("types")
    @classmethod
    def _check_types(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        for name, text in (value or {}).items():
            kind, _, form = text.partition(" ")
            if kind not in _KINDS or (form and kind != "datetime"):
                known = ", ".join(_KINDS)
                raise ValueError(f"unknown type {text!r} of column {name!r}; known: {known}")
        return value

    @model_validator(mode="after")
    def _check_characters(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        if self.separator in {self.quote, self.comment}:
            raise ValueError(f"separator is {self.separator!r}, like quote or comment")
        return self

    @property
    def _types(self) -> dict[str, str]:
        return self.types or {}

    def with_contract(self, contract: Signature | None) -> Self:
        copy = self.model_copy()
        copy._contract = contract
        return copy

    @contextlib.contextmanager
    def open_table(self, path: Path) -> Iterator[CsvTable]:
        """Open the file; columns that are read have names of their own.

        Raises:
            DataError: The file cannot be decoded, or has no usable header.
        """
        separator = "\t" if self.separator in (r"\t", r"\s+") else self.separator
        markers = NULLS if self.keep_default_na else ("",)
        nulls = (*markers, *map(str, self.na_values))
        rewrite = csv_rewriter(self.comment, self.quote, self.separator)
        with plain_text(path, self.encoding, rewrite) as plain:
            table = CsvTable(plain, Path(self.path), CsvFormat(separator, self.quote, nulls))
            table.check_header(None if self.columns is None else [*self.columns, str(self.target)])
            for name in self._types:
                self.check_column("data.types", name, table.columns)
            yield table

    def declared_kinds(self, contract: Signature | None, columns: Sequence[str]) -> dict[str, Kind]:
        """Return how the cells of columns in a contract or in `types` are parsed.

        Args:
            contract: The signature; None for none.
            columns: The input columns.
        """
        kinds = {} if contract is None else column_kinds(contract, columns)
        typed = {name: _KINDS[text.split(" ")[0]] for name, text in self._types.items()}
        return {**kinds, **typed}

    def convert(self, texts: pa.ChunkedArray, name: str, kind: Kind | None) -> Any:
        """Return a pandas column of the parsed cells.

        Args:
            texts: The cells.
            name: The column.
            kind: How they are parsed; None for the most specific type that fits all.
        """
        numbers = NumberFormat(self.decimal, self.thousands or "")
        if kind is None:
            return infer_column(texts, name, numbers)
        form = self._types.get(name, "").partition(" ")[2]
        return convert_column(texts, kind, numbers, form)

    def read_table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        with self.open_table(path) as table:
            self._check_separator(table)
            inputs = self.select_columns(table.columns)
            needed = [name for name in table.columns if name in {*inputs, self.target}]
            texts = self._read_texts(table, needed)
            kinds = self.declared_kinds(self._contract, inputs)
            columns = {}
            for name in needed:
                columns[name] = self._read_column(table, texts[name], name, kinds.get(name, "any"))
                # The text of a column is not needed any more.
                texts = texts.drop_columns(name)
            return pd.DataFrame(columns, copy=False)

    def _check_separator(self, table: CsvTable) -> None:
        if hint := table.suggest_separator():
            path = Path(self.path)
            raise DataError(
                f"{path}: the header has one column, {table.columns[0][:80]!r}",
                remedy=hint,
                path=str(path),
            )

    def _read_column(self, table: CsvTable, texts: pa.ChunkedArray, name: str, kind: Kind) -> Any:
        column = self.convert(texts, name, None if kind == "any" else kind)
        if kind == "any" and name != self.target:
            column = relax_nullable(column)
        if name in self._types:
            self._check_typed(table, texts, column, name)
        return column

    def _read_texts(self, table: CsvTable, needed: list[str]) -> pa.Table:
        import pyarrow as pa

        parts = []
        for part in table.parts(ALL_ROWS):
            rejects: list[Violation] = []
            parts.append(table.parse(part, needed, rejects)[0])
            if rejects:
                raise table.malformed(rejects)
        schema = pa.schema([(name, pa.string()) for name in needed])
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def _check_typed(self, table: CsvTable, texts: Any, column: Any, name: str) -> None:
        """Check that every cell of a column in `types` has its type."""
        kind = self._types[name]
        if kind == "long" and column.dtype == "float64":
            wrong = (column % 1 != 0) & column.notna()
        elif kind != "string" and column.dtype == object:
            wrong = column.map(lambda value: isinstance(value, str)).astype(bool)
        else:
            return
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            line, _ = table.locate(row)
            raise DataError(
                f"{self.path}, line {line}: column {name!r}: {texts[row].as_py()!r} is not a "
                f"{kind}",
                remedy=f"Correct the cell, or the type in data.types.{name}.",
                path=self.path,
                line=line,
                column=name,
            )


class JsonlData(TableFile):
    """A JSON Lines file in UTF-8: one JSON object per line; compressed or not.

    With `form=records`, a row has the keys of its line.
    """

    expected_format = "a JSON Lines file in UTF-8: one JSON object per line"

    def read_table(self, path: Path) -> pd.DataFrame:
        import pandas as pd

        columns, n_rows = _collect_columns(self._iter_rows(path))
        inputs = self.select_columns(list(columns)) if n_rows else []
        needed = [name for name in columns if name in {*inputs, self.target}]
        frame = {}
        for name in needed:
            values = columns.pop(name)
            series = values_to_column(values + [None] * (n_rows - len(values)), name)
            frame[name] = series if name == self.target else relax_nullable(series)
        return pd.DataFrame(frame, index=range(n_rows), copy=False)

    def read_records(self, path: Path) -> list[dict[str, Any]]:
        return list(self._iter_rows(path))

    def _iter_rows(self, path: Path) -> Iterator[dict[str, Any]]:
        with plain_text(path) as plain, plain.open("rb") as file:
            if file.read(3) != codecs.BOM_UTF8:
                file.seek(0)
            for number, line in enumerate(file, start=1):
                if line in (b"\n", b"\r\n"):
                    continue
                try:
                    row = parse_line(line.rstrip(b"\n"))
                    if not isinstance(row, dict):
                        raise MalformedLineError("a JSON object", type(row).__name__)
                except MalformedLineError as error:
                    raise DataError(
                        f"{path}, line {number}: {error}",
                        remedy=f"Expected {self.expected_format}.",
                        path=str(path),
                        line=number,
                    ) from error
                yield row


def _collect_columns(rows: Iterable[dict[str, Any]]) -> tuple[dict[str, list[Any]], int]:
    """Return the values of each column up to the last row that has it, and the number of rows."""
    columns: dict[str, list[Any]] = {}
    n_rows = 0
    for row in rows:
        for name, value in row.items():
            column = columns.setdefault(name, [])
            column.extend([None] * (n_rows - len(column)))
            column.append(value)
        n_rows += 1
    return columns, n_rows


class ParquetData(TableFile):
    """A Parquet file.

    With `form=records`, rows are dicts of Python values.
    """

    expected_format = "a Parquet file"

    def read_table(self, path: Path) -> pd.DataFrame:
        frame = arrow_to_frame(self._read_arrow(path))
        for name in frame:
            if name != self.target:
                frame[name] = relax_nullable(frame[name])
        return frame

    def read_records(self, path: Path) -> list[dict[str, Any]]:
        table = to_served_types(self._read_arrow(path))
        rows: list[dict[str, Any]] = table.to_pylist(maps_as_pydicts="strict")
        return rows

    def _read_arrow(self, path: Path) -> pa.Table:
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            used = {*(self.columns or ()), self.target}
            index = pandas_index(file.schema_arrow) - used
            inputs = self.select_columns([name for name in names if name not in index])
            return file.read([name for name in names if name in {*inputs, self.target}])


def pandas_index(schema: pa.Schema) -> set[str]:
    """Return the columns of a schema that hold the index of the DataFrame that was written."""
    metadata = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    return {name for name in metadata.get("index_columns", ()) if isinstance(name, str)}
