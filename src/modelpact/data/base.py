"""`DataSource`, the base class of data sources, and the hold-out split for metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field

from modelpact._internal import foreign_tables
from modelpact._internal.named_values import read_named_values
from modelpact.datatypes import count_rows, join_rows, take_rows
from modelpact.errors import DataError
from modelpact.types import Sample, Step

if TYPE_CHECKING:
    from modelpact.types import Inputs, Signature

__all__ = ["DataSource", "all_inputs"]


class DataSource(Step, ABC):
    """Reads a sample: inputs, targets and a hold-out set.

    Attributes:
        test_size: Fraction of the rows that are held out for metrics, in [0, 1); 0 for none.
        seed: Seed of the random hold-out split.
        metrics: scikit-learn scorer names, evaluated on the held-out rows; the first is the
            objective of a search.
        params: Example inference parameters; they become part of the signature.

    Example:
        >>> class Evens(DataSource):
        ...     def read(self) -> Sample:
        ...         return self.hold_out([0, 2, 4, 6, 8], None)
        >>> Evens().read().inputs
        [0, 2, 4, 6, 8]
    """

    test_size: float = Field(default=0.2, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)
    metrics: list[str] = []
    params: Annotated[dict[str, Any] | None, BeforeValidator(read_named_values)] = None

    @property
    def name(self) -> str:
        """The default name of a model of this data: `diabetes` for `DiabetesData`."""
        return self.KIND.removesuffix("Data").lower()

    @property
    def location(self) -> str | None:
        """The file or the URL of the data, for MLflow's page of the run; None if it has none."""
        return None

    @property
    def label(self) -> str:
        """What messages call the source."""
        return self.KIND

    @abstractmethod
    def read(self) -> Sample:
        """Read the data.

        Raises:
            DataError: The data is missing, unreadable or empty, or a column is missing.
        """

    def with_contract(self, contract: Signature | None) -> Self:
        """Return a source that reads values as a signature declares them.

        Files whose values have types of their own, and other sources, are read as they are.
        """
        return self

    def hold_out(self, inputs: Any, targets: Any) -> Sample:
        """Split rows at random into a sample and its hold-out set.

        Without targets nothing is held out.

        Args:
            inputs: Model inputs; the first axis is rows.
            targets: One target per row, or None.

        Raises:
            DataError: There are no rows, too few to hold any out, or targets of another length.
        """
        self.check_types(inputs, targets)
        n_rows = count_rows(inputs)
        if n_rows == 0:
            raise self._error(
                f"{self.label} has no rows", "A model cannot be fitted or signed without data."
            )
        if targets is not None and count_rows(targets) != n_rows:
            raise self._error(
                f"{self.label} has {n_rows} rows but {count_rows(targets)} targets",
                "Give one target per row.",
            )
        if targets is None or self.test_size == 0:
            return Sample(inputs, targets, self.params)
        n_test = max(1, round(n_rows * self.test_size))
        if n_test >= n_rows:
            raise self._error(
                f"{self.label} has {n_rows} row(s), too few for data.test_size={self.test_size}: "
                "none would be left to fit the model",
                "Set data.test_size=0, or give more rows.",
            )
        order = np.random.default_rng(self.seed).permutation(n_rows).tolist()
        test, train = order[:n_test], order[n_test:]
        holdout = Sample(take_rows(inputs, test), take_rows(targets, test), self.params)
        return Sample(
            take_rows(inputs, train), take_rows(targets, train), self.params, holdout=holdout
        )

    def check_types(self, inputs: Any, targets: Any) -> None:
        """Check that neither the inputs nor the targets are a table of Spark, Dask, or the like.

        Raises:
            DataError: One of them is.
        """
        for part, value in (("inputs", inputs), ("targets", targets)):
            if call := foreign_tables.conversion(value):
                package = type(value).__module__.partition(".")[0]
                raise self._error(
                    f"{self.label} reads {part} as a {type(value).__name__} of {package}",
                    f"Convert them to pandas or NumPy: {part}.{call}.",
                )

    def _error(self, message: str, remedy: str) -> DataError:
        return DataError(message, remedy=remedy, source=self.KIND)


def all_inputs(sample: Sample) -> Inputs:
    """Return the inputs and then those that are held out: the signature has to fit them, too."""
    held_out = sample.holdout
    return sample.inputs if held_out is None else join_rows(sample.inputs, held_out.inputs)
