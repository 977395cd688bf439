"""Chooses the reader of a data source."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from modelpact.batch.base import ReadPlan, RowReader
from modelpact.batch.csv_reader import CsvReader
from modelpact.batch.jsonl_reader import JsonlReader
from modelpact.batch.memory_reader import MemoryReader
from modelpact.batch.parquet_reader import ParquetReader
from modelpact.data import CsvData, DataSource, JsonlData, ParquetData
from modelpact.data.text_files import plain_text

__all__ = ["open_reader"]


@contextlib.contextmanager
def open_reader(data: DataSource, plan: ReadPlan) -> Iterator[RowReader]:
    """Yield a reader; sources that are not files of a known format are read at once.

    Args:
        data: The data source.
        plan: What is read of it.

    Raises:
        DataError: The source cannot be read.
    """
    path = Path(getattr(data, "path", "")).absolute()
    match data:
        case CsvData():
            with data.open_table(path) as table:
                yield CsvReader(data, table, plan)
        case JsonlData():
            with plain_text(path) as plain:
                yield JsonlReader(data, plain, plan)
        case ParquetData():
            yield ParquetReader(data, path, plan)
        case _:
            yield MemoryReader(data, plan)
