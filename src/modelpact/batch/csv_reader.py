"""Reads CSV files; the signature determines the types of the cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpact.batch.base import Chunk, Part, ReadPlan, RowReader
from modelpact.data import CsvData
from modelpact.data.csv_table import CsvTable
from modelpact.signature.enforcement.json_decoding import JsonDecoder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from modelpact.signature import Violation

__all__ = ["CsvReader"]


class CsvReader(RowReader):
    """Reads the rows of a CSV file.

    Args:
        data: The data source.
        table: The file.
        plan: What is read of it.
    """

    columns: list[str]

    def __init__(self, data: CsvData, table: CsvTable, plan: ReadPlan) -> None:
        self._plan = plan
        self._data = data
        self._table = table
        self.columns = table.columns
        self._inputs = plan.select_inputs(self.columns, data.columns, data.target)
        self._kinds = data.declared_kinds(plan.signature, self._inputs)
        self._decoder = JsonDecoder(plan.signature.inputs)

    def identity(self) -> dict[str, object]:
        return {**self._data.identity()["options"], "columns": self._inputs}

    def suggest(self) -> str:
        return self._table.suggest()

    def parts(self) -> Iterator[Part]:
        return self._table.parts(self._plan.part_rows)

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        needed = [name for name in self.columns if name in {*self._inputs, *self._plan.keep}]
        table, numbers = self._table.parse(part, needed, rejects)
        size = self._plan.chunk_rows
        for begin in range(0, table.num_rows, size):
            piece = table.slice(begin, size)
            frame = self._to_frame(piece)
            kept = {
                name: piece[name] if self._kinds.get(name, "string") == "string" else frame[name]
                for name in self._plan.keep
            }
            yield Chunk(self._decoder.decode(frame), numbers[begin : begin + size], kept)

    def _to_frame(self, table: pa.Table) -> pd.DataFrame:
        import pandas as pd

        columns = {
            name: self._data.convert(table[name], name, self._kinds.get(name, "string"))
            for name in self._inputs
        }
        return pd.DataFrame(columns, index=range(table.num_rows), copy=False)
