"""From a data source to its rows, part by part: one class a format."""

from __future__ import annotations

from pathlib import Path

from modelpact.batch.csv import CsvRows
from modelpact.batch.jsonl import JsonlRows
from modelpact.batch.parquet import MemoryRows, ParquetRows
from modelpact.batch.types import Rows, Wanted
from modelpact.data import CsvData, DataSource, JsonlData, ParquetData

__all__ = ["rows_of"]


def rows_of(data: DataSource, wanted: Wanted) -> Rows:
    """The rows of a source; of one that is no file of a known format all are read at once.

    Args:
        data: Where they come from.
        wanted: What is read of them.

    Raises:
        DataError: They cannot be read.
    """
    match data:
        case CsvData():
            return CsvRows(data, Path(data.path).absolute(), wanted)
        case JsonlData():
            return JsonlRows(data, Path(data.path).absolute(), wanted)
        case ParquetData():
            return ParquetRows(data, Path(data.path).absolute(), wanted)
        case _:
            return MemoryRows(data, wanted)
