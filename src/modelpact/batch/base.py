"""The types that flow through a batch, and the interface of its readers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelpact._internal.schema_kinds import input_names
from modelpact.data.records import Part

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from modelpact.signature import Violation
    from modelpact.types import Signature

__all__ = ["Chunk", "Part", "PartResult", "ReadPlan", "RowReader"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The rows of one call of the model.

    Attributes:
        inputs: A DataFrame, a list of rows, or another kind of model inputs.
        numbers: The number of each row in the file.
        kept: The columns that are copied to the output, by name; one value per row.
        typed: Whether columns have types of their own; a violation without a row then concerns
            the column in the whole file, otherwise some of the rows.
    """

    inputs: Any
    numbers: Sequence[int] | np.ndarray
    kept: dict[str, Any] = field(default_factory=dict)
    typed: bool = False


@dataclass(frozen=True, slots=True)
class PartResult:
    """The predictions and the rejected rows of a part.

    Attributes:
        part: The part.
        table: The kept columns and the predictions; None if every row was rejected.
        rejects: The violations of the rejected rows, in order; `row` is a row of the file.
    """

    part: Part
    table: pa.Table | None
    rejects: list[Violation]


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What a reader reads of an input.

    Attributes:
        signature: The signature of the model; it determines the types of text values.
        keep: The columns that are copied to the output.
        read_extra: Whether columns that the signature does not declare are read as well, so that
            the enforcer can report them.
        chunk_rows: The number of rows per chunk.
        part_rows: The approximate number of rows per part.
    """

    signature: Signature
    keep: tuple[str, ...]
    read_extra: bool
    chunk_rows: int
    part_rows: int

    def select_inputs(
        self, columns: Sequence[str], chosen: Sequence[str] | None, target: str | None
    ) -> list[str]:
        """Return the columns of a file that the model gets.

        Args:
            columns: All columns of the file.
            chosen: The columns that the data source chose; None for all but the target.
            target: The target column; None if there is no target.
        """
        candidates, excluded = (columns, {target}) if chosen is None else (chosen, set())
        names = set(self.input_names())
        only_declared = bool(names) and not self.read_extra
        excluded |= set(candidates if only_declared else self.keep) - names
        return [column for column in candidates if column not in excluded]

    def input_names(self) -> list[str]:
        """Return the names of the inputs; empty if they have none."""
        return input_names(self.signature.inputs)


class RowReader(ABC):
    """Reads an input part by part; every worker process gets a copy.

    Attributes:
        columns: The names of the columns; None if each row has its own.
    """

    columns: list[str] | None = None

    def suggest(self) -> str:
        """Return what may be wrong if columns are missing; empty if nothing is known."""
        return ""

    @abstractmethod
    def identity(self) -> dict[str, object]:
        """Return what distinguishes this input from others, as JSON values."""

    @abstractmethod
    def parts(self) -> Iterator[Part]:
        """Yield the parts in order, the same ones each time.

        Raises:
            DataError: The input cannot be read.
        """

    @abstractmethod
    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        """Yield the rows of a part in order; append the rows that cannot be parsed to `rejects`.

        Raises:
            DataError: The input cannot be read.
        """
