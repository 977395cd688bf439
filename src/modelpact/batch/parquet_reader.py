"""Reads Parquet files, in runs of whole row groups where possible."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact._internal.text import truncate
from modelpact.batch.base import Chunk, Part, ReadPlan, RowReader
from modelpact.data import ParquetData
from modelpact.data.file_sources import pandas_index
from modelpact.data.frames import arrow_to_frame
from modelpact.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    from modelpact.signature import Violation

__all__ = ["ParquetReader"]

BUFFER_BYTES = 1 << 20
"""Bytes of a column that are read at a time."""

MAX_GROUP_PARTS = 8
"""A row group of at most this many parts is one part.

Reading the rows at the end of a row group means reading those before them as well.
"""


class ParquetReader(RowReader):
    """Reads the rows of a Parquet file.

    Args:
        data: The data source.
        path: The file.
        plan: What is read of it.

    Raises:
        DataError: The file is not a Parquet file.
    """

    columns: list[str]

    def __init__(self, data: ParquetData, path: Path, plan: ReadPlan) -> None:
        import pyarrow as pa

        self._path = path
        self._plan = plan
        try:
            file = self._open()
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error
        metadata = file.metadata
        self.columns = [str(name) for name in file.schema_arrow.names]
        self._groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        index = pandas_index(file.schema_arrow)
        without_index = [name for name in self.columns if name not in index]
        self._inputs = plan.select_inputs(without_index, data.columns, data.target)
        self._needed = [name for name in self.columns if name in {*self._inputs, *plan.keep}]
        self._cursor: _Cursor | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_cursor": None}

    def identity(self) -> dict[str, object]:
        return {"columns": self._inputs}

    def parts(self) -> Iterator[Part]:
        total = sum(self._groups)
        first = 0
        for index, n_rows in enumerate(self._part_sizes()):
            yield Part(index, first, n_rows, share=(first + n_rows) / total)
            first += n_rows

    def _part_sizes(self) -> Iterator[int]:
        """Yield the number of rows of each part: row groups, merged or split where necessary."""
        size = self._plan.part_rows
        largest = MAX_GROUP_PARTS * size if size > self._plan.chunk_rows else size
        waiting = 0
        for n_rows in self._groups:
            if waiting and waiting + n_rows > largest:
                yield waiting
                waiting = 0
            waiting += n_rows
            while waiting > largest:
                yield size
                waiting -= size
            if waiting >= size:
                yield waiting
                waiting = 0
        if waiting:
            yield waiting

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        import pyarrow as pa

        if self._cursor is None or not self._cursor.can_reach(part.first):
            self._cursor = _Cursor(
                self._open(), self._groups, self._needed, self._plan.chunk_rows, part.first
            )
        number = part.first
        try:
            for batch in self._cursor.read(part.first, part.n_rows):
                frame = arrow_to_frame(batch.select(self._inputs))
                kept = {name: batch.column(name) for name in self._plan.keep}
                numbers = range(number, number + batch.num_rows)
                yield Chunk(frame, numbers, kept, typed=True)
                number += batch.num_rows
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _open(self) -> ParquetFile:
        from pyarrow import parquet

        return parquet.ParquetFile(self._path, buffer_size=BUFFER_BYTES, pre_buffer=False)

    def _unreadable(self, error: Exception) -> DataError:
        return DataError(
            f"{self._path} cannot be read: {truncate(error, 200)}",
            remedy="The file must be a Parquet file.",
            path=str(self._path),
        )


class _Cursor:
    """A forward pass over a file; row groups before the first row are not read.

    Args:
        file: The file.
        groups: The number of rows of each row group.
        columns: The columns to read.
        batch_rows: The maximum number of rows per batch.
        row: The first row.
    """

    def __init__(
        self, file: ParquetFile, groups: list[int], columns: list[str], batch_rows: int, row: int
    ) -> None:
        begin = index = 0
        while index < len(groups) - 1 and begin + groups[index] <= row:
            begin += groups[index]
            index += 1
        self._group_end = begin + groups[index]
        self._batches: Iterator[pa.RecordBatch] = file.iter_batches(
            batch_rows, list(range(index, len(groups))), columns, use_threads=False
        )
        self._row = begin
        self._rest: pa.RecordBatch | None = None

    def can_reach(self, row: int) -> bool:
        """Return whether a row is the next one, or a later one of the same row group."""
        return self._row == row or self._row < row < self._group_end

    def read(self, first: int, n_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield `n_rows` rows from the row `first` on."""
        while n_rows:
            batch = self._rest if self._rest is not None else next(self._batches)
            self._rest = None
            n_skipped = min(max(first - self._row, 0), batch.num_rows)
            n_taken = min(batch.num_rows - n_skipped, n_rows)
            end = n_skipped + n_taken
            self._row += end
            if end < batch.num_rows:
                self._rest = batch.slice(end)
            if n_taken:
                first, n_rows = first + n_taken, n_rows - n_taken
                yield batch.slice(n_skipped, n_taken)
