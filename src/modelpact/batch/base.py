"""What flows through a batch: parts of the input, chunks of a part, and the rows that are set aside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from modelpact.signature import Violation
    from modelpact.types import Signature

__all__ = ["Chunk", "Part", "PartResult", "ReadPlan", "Rows"]


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring rows that are answered and kept as one.

    Attributes:
        index: Its number, from 0.
        first: The number of its first row in the file, from 0.
        n_rows: How many rows it has.
        begin: Its first byte in the file, for texts.
        end: The byte behind its last one.
        share: How much of the input is behind one at its end, from 0 to 1.
    """

    index: int
    first: int
    n_rows: int
    begin: int = 0
    end: int = 0
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a part, as the model is to be asked about them.

    Attributes:
        inputs: A frame, a list of rows, or what else a model takes.
        numbers: The number of each row in the file.
        kept: The columns that are passed through, by name: one value a row.
        whole: Whether a failure without a row is about a column of the file; else about some of its rows.
    """

    inputs: Any
    numbers: Sequence[int]
    kept: dict[str, Any] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class PartResult:
    """What has become of a part.

    Attributes:
        part: The part.
        table: The answers, with the columns that are passed through; None where no row was answered.
        rejects: The rows that are set aside, with their reasons.
    """

    part: Part
    table: pa.Table | None
    rejects: list[Violation]


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What is read of an input.

    Attributes:
        signature: The contract, which says what a text stands for.
        keep: The columns that are passed through.
        every: Whether columns that the contract does not know are read as well: it tells or refuses them.
        batch: Rows in a chunk.
        part: Rows in a part, about.
    """

    signature: Signature
    keep: tuple[str, ...]
    every: bool
    batch: int
    part: int

    @property
    def names(self) -> list[str] | None:
        """The names of the inputs; None where they have none."""
        schema = self.signature.inputs
        return (
            [str(name) for name in schema.input_names()]
            if schema is not None and schema.has_input_names()
            else None
        )

    def inputs_among(self, columns: Sequence[str]) -> list[str]:
        """Those columns of a file that the model is asked with, in the order of the file."""
        names = self.names
        if names is None:
            return [column for column in columns if column not in self.keep]
        return [
            column
            for column in columns
            if column in names or (self.every and column not in self.keep)
        ]


class Rows(ABC):
    """An input that is read part by part; a copy of it goes to each process that reads.

    Attributes:
        columns: The names of its columns; None where each row has its own.
    """

    columns: list[str] | None = None

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What tells this input from another, as plain data."""

    @abstractmethod
    def parts(self) -> Iterator[Part]:
        """The parts, in order; the same ones each time.

        Raises:
            DataError: The input cannot be read, or has no rows.
        """

    @abstractmethod
    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        """The rows of a part, in order; those that cannot be read are added to `rejects`.

        Raises:
            DataError: The input cannot be read.
        """
