"""Reads data sources that load all rows at once, such as the bundled data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelpact.batch.base import Chunk, Part, ReadPlan, RowReader
from modelpact.data import DataSource
from modelpact.datatypes import count_rows, take_rows

if TYPE_CHECKING:
    from modelpact.signature import Violation

__all__ = ["MemoryReader"]


class MemoryReader(RowReader):
    """Reads the rows of a source that is in memory.

    Args:
        data: The source.
        plan: What is read of it.

    Raises:
        DataError: The source cannot be read.
    """

    columns: list[str]

    def __init__(self, data: DataSource, plan: ReadPlan) -> None:
        self._data = data
        self._plan = plan
        self._sample = data.model_copy(update={"test_size": 0.0}).read()
        self._n_rows = count_rows(self._sample.inputs)
        self.columns = [str(name) for name in getattr(self._sample.inputs, "columns", ())]

    def identity(self) -> dict[str, object]:
        from modelpact.data import digest_sample

        return {"source": self._data.KIND, "digest": digest_sample(self._sample)}

    def parts(self) -> Iterator[Part]:
        size = self._plan.part_rows
        for index, first in enumerate(range(0, self._n_rows, size)):
            n_rows = min(size, self._n_rows - first)
            yield Part(index, first, n_rows, share=(first + n_rows) / self._n_rows)

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        end = part.first + part.n_rows
        for begin in range(part.first, end, self._plan.chunk_rows):
            numbers = range(begin, min(begin + self._plan.chunk_rows, end))
            inputs = take_rows(self._sample.inputs, numbers)
            kept = {name: inputs[name] for name in self._plan.keep}
            if kept:
                inputs = inputs[self._plan.select_inputs(self.columns, self.columns, None)]
            yield Chunk(inputs, numbers, kept)
