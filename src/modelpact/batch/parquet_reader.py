"""Parquet, read in runs of rows; and rows that are in memory already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import truncate
from modelpact.batch.base import Chunk, Part, ReadPlan, Rows
from modelpact.data import DataSource, ParquetData
from modelpact.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from modelpact.signature import Violation

__all__ = ["MemoryReader", "ParquetReader"]

BUFFER = 1 << 20
"""Bytes of a column that are read at once."""

WHOLE = 8
"""A row group of up to so many parts is one: the rows within a group cannot be found without reading those before them."""


class ParquetReader(Rows):
    """The rows of a Parquet file.

    Args:
        data: The file, as it is composed.
        path: Where it is.
        wanted: What is read of it.

    Raises:
        DataError: It is no Parquet file.
    """

    columns: list[str]

    def __init__(self, data: ParquetData, path: Path, wanted: ReadPlan) -> None:
        import pyarrow as pa

        self._path = path
        self._wanted = wanted
        try:
            file = self._open()
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error
        self.columns = [str(name) for name in file.schema_arrow.names]
        self._groups = [
            file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups)
        ]
        inputs = (
            data.columns
            if data.columns is not None
            else [name for name in self.columns if name != data.target]
        )
        self._inputs = wanted.inputs_among(inputs)
        self._needed = [name for name in self.columns if name in {*self._inputs, *wanted.keep}]
        self._types = {field.name: field.type for field in file.schema_arrow}
        self._cursor: _Cursor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cursor": None}

    def identity(self) -> dict[str, Any]:
        return {"columns": self._inputs}

    def parts(self) -> Iterator[Part]:
        index = first = waiting = 0
        total = sum(self._groups)
        whole = (
            WHOLE * self._wanted.part
            if self._wanted.part > self._wanted.batch
            else self._wanted.part
        )
        for n_rows in self._groups:
            if waiting and waiting + n_rows > whole:
                yield Part(index, first, waiting, share=(first + waiting) / total)
                index, first, waiting = index + 1, first + waiting, 0
            waiting += n_rows
            while waiting > whole:
                yield Part(
                    index, first, self._wanted.part, share=(first + self._wanted.part) / total
                )
                index, first, waiting = (
                    index + 1,
                    first + self._wanted.part,
                    waiting - self._wanted.part,
                )
            if waiting >= self._wanted.part:
                yield Part(index, first, waiting, share=(first + waiting) / total)
                index, first, waiting = index + 1, first + waiting, 0
        if waiting:
            yield Part(index, first, waiting, share=1.0)

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        import pyarrow as pa

        if self._cursor is None or not self._cursor.reaches(part.first):
            self._cursor = _Cursor(
                self._open(), self._groups, self._needed, self._wanted.batch, part.first
            )
        number = part.first
        try:
            for batch in self._cursor.rows(part.first, part.n_rows):
                frame = frame_of(batch.select(self._inputs))
                kept = {name: batch.column(name) for name in self._wanted.keep}
                yield Chunk(frame, range(number, number + batch.num_rows), kept, whole=True)
                number += batch.num_rows
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error

    def _open(self) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(self._path, buffer_size=BUFFER, pre_buffer=False)

    def _unreadable(self, error: Exception) -> DataError:
        return DataError(
            f"{self._path} cannot be read: {truncate(error, 200)}",
            remedy="It must be a Parquet file.",
            path=str(self._path),
        )


class _Cursor:
    """One pass over a file from a row on; what lies before the rows that are asked for is skipped, whole groups unread."""

    def __init__(
        self, file: Any, groups: list[int], columns: list[str], batch: int, row: int
    ) -> None:
        begin = index = 0
        while index < len(groups) - 1 and begin + groups[index] <= row:
            begin += groups[index]
            index += 1
        self._group_end = begin + groups[index]
        self._batches = file.iter_batches(
            batch, list(range(index, len(groups))), columns, use_threads=False
        )
        self._row = begin
        self._rest: Any = None

    def reaches(self, row: int) -> bool:
        """Whether it has not passed a row, and is in its group, or at its beginning."""
        return self._row == row or self._row < row < self._group_end

    def rows(self, first: int, n_rows: int) -> Iterator[Any]:
        """The batches of so many rows from one on."""
        while n_rows:
            batch = self._rest if self._rest is not None else next(self._batches)
            self._rest = None
            skipped = min(max(first - self._row, 0), batch.num_rows)
            taken = min(batch.num_rows - skipped, n_rows)
            self._row += skipped + taken
            if skipped + taken < batch.num_rows:
                self._rest = batch.slice(skipped + taken)
            if taken:
                first, n_rows = first + taken, n_rows - taken
                yield batch.slice(skipped, taken)


def frame_of(batch: pa.RecordBatch) -> pd.DataFrame:
    """A frame of Arrow's columns that loses nothing: integers beside nulls stay integers, and nested values are Python's."""
    import pandas as pd
    import pyarrow as pa

    changed: dict[str, Any] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_nested(column.type):
            changed[name] = pd.Series(column.to_pylist(maps_as_pydicts="strict"), dtype=object)
        elif column.null_count and (
            pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
        ):
            changed[name] = column.to_pandas(types_mapper=_nullable().get)
    if not changed:
        return _plain(batch)
    rest: Any = batch.select([name for name in batch.schema.names if name not in changed])
    rest = _plain(rest)
    columns = {
        name: changed[name] if name in changed else rest[name] for name in batch.schema.names
    }
    return pd.DataFrame(columns, index=range(batch.num_rows), copy=False)


def _plain(batch: pa.RecordBatch) -> pd.DataFrame:
    frame: pd.DataFrame = batch.to_pandas(
        split_blocks=True
    )  # a block a column: those without nulls are not copied
    return frame


def _nullable() -> dict[Any, Any]:
    import pandas as pd
    import pyarrow as pa

    kinds = {
        f"{sign}int{bits}": f"{sign.upper()}Int{bits}"
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    }
    return {
        **{
            pa.type_for_alias(arrow): pd.api.types.pandas_dtype(kind)
            for arrow, kind in kinds.items()
        },
        pa.bool_(): pd.BooleanDtype(),
    }


class MemoryReader(Rows):
    """The rows of a source that is read as a whole, such as those bundled.

    Args:
        data: The source.
        wanted: What is read of it.

    Raises:
        DataError: The source cannot be read.
    """

    columns: list[str]

    def __init__(self, data: DataSource, wanted: ReadPlan) -> None:
        from modelpact.datatypes import count_rows

        self._data = data
        self._wanted = wanted
        self._sample = data.model_copy(update={"test_size": 0.0}).read()
        self._n_rows = count_rows(self._sample.inputs)
        self.columns = [str(name) for name in getattr(self._sample.inputs, "columns", ())]

    def identity(self) -> dict[str, Any]:
        from modelpact.data import digest_sample

        return {"source": self._data.KIND, "digest": digest_sample(self._sample)}

    def parts(self) -> Iterator[Part]:
        size = self._wanted.part
        for index, first in enumerate(range(0, self._n_rows, size)):
            n_rows = min(size, self._n_rows - first)
            yield Part(index, first, n_rows, share=(first + n_rows) / self._n_rows)

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        from modelpact.datatypes import take_rows

        inputs = self._sample.inputs
        for begin in range(part.first, part.first + part.n_rows, self._wanted.batch):
            numbers = range(begin, min(begin + self._wanted.batch, part.first + part.n_rows))
            piece = take_rows(inputs, numbers)
            kept = {name: piece[name] for name in self._wanted.keep}
            if kept:
                piece = piece[self._wanted.inputs_among(self.columns)]
            yield Chunk(piece, numbers, kept)
