"""From a data source to its rows, part by part: one class a format."""

from __future__ import annotations

from pathlib import Path

from modelpact.batch.base import ReadPlan, Rows
from modelpact.batch.csv_reader import CsvReader
from modelpact.batch.jsonl_reader import JsonlReader
from modelpact.batch.parquet_reader import MemoryReader, ParquetReader
from modelpact.data import CsvData, DataSource, JsonlData, ParquetData

__all__ = ["rows_of"]


def rows_of(data: DataSource, wanted: ReadPlan) -> Rows:
    """The rows of a source; of one that is no file of a known format all are read at once.

    Args:
        data: Where they come from.
        wanted: What is read of them.

    Raises:
        DataError: They cannot be read.
    """
    match data:
        case CsvData():
            return CsvReader(data, Path(data.path).absolute(), wanted)
        case JsonlData():
            return JsonlReader(data, Path(data.path).absolute(), wanted)
        case ParquetData():
            return ParquetReader(data, Path(data.path).absolute(), wanted)
        case _:
            return MemoryReader(data, wanted)
