"""Chooses the reader of a data source."""

from __future__ import annotations

from pathlib import Path

from modelpact.batch.base import ReadPlan, RowReader
from modelpact.batch.csv_reader import CsvReader
from modelpact.batch.jsonl_reader import JsonlReader
from modelpact.batch.memory_reader import MemoryReader
from modelpact.batch.parquet_reader import ParquetReader
from modelpact.data import CsvData, DataSource, JsonlData, ParquetData

__all__ = ["open_reader"]


def open_reader(data: DataSource, plan: ReadPlan) -> RowReader:
    """Return a reader; sources that are not files of a known format are read at once.

    Args:
        data: The data source.
        plan: What is read of it.

    Raises:
        DataError: The source cannot be read.
    """
    match data:
        case CsvData():
            return CsvReader(data, Path(data.path).absolute(), plan)
        case JsonlData():
            return JsonlReader(data, Path(data.path).absolute(), plan)
        case ParquetData():
            return ParquetReader(data, Path(data.path).absolute(), plan)
        case _:
            return MemoryReader(data, plan)
