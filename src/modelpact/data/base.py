"""`DataSource`: what every source of data is, and how rows are held out for metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from pydantic import Field

from modelpact.datatypes import count_rows, take_rows
from modelpact.errors import DataError
from modelpact.types import Sample, Step

__all__ = ["DataSource"]


class DataSource(Step, ABC):
    """Reads a sample.

    Attributes:
        test_size: The share of the rows held out for metrics, from 0 (none) up to, not including, 1.
        seed: Which rows those are.
        metrics: Scores on the held-out rows, by scikit-learn's scorer names; the first is the objective.
        params: Example inference parameters, signed with the data.
    """

    test_size: float = Field(default=0.2, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)
    metrics: list[str] = []
    params: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """What a model of this data is registered as when no name is given: `diabetes` for `DiabetesData`."""
        return self.KIND.removesuffix("Data").lower()

    @abstractmethod
    def read(self) -> Sample:
        """Read the data.

        Raises:
            DataError: It is missing, unreadable, empty, or lacks the target.
        """

    def hold_out(self, inputs: Any, targets: Any) -> Sample:
        """Split rows into a sample and its held-out part, at random by `seed`.

        Raises:
            DataError: There are no rows, not as many targets as rows, or too few rows to hold any out.
        """
        n_rows = count_rows(inputs)
        if n_rows == 0:
            raise DataError(
                f"{self.KIND} has no rows",
                remedy="A model can't be signed or fitted on no data.",
                source=self.KIND,
            )
        if targets is not None and count_rows(targets) != n_rows:
            raise DataError(
                f"{self.KIND} has {n_rows} rows and {count_rows(targets)} targets",
                remedy="Give one target a row.",
                source=self.KIND,
            )
        if targets is None or self.test_size == 0:
            return Sample(inputs, targets, self.params)
        n_held = max(1, round(n_rows * self.test_size))
        if n_held >= n_rows:
            raise DataError(
                f"{self.KIND} has {n_rows} row(s): none is left after data.test_size={self.test_size} is held out",
                remedy="Set data.test_size=0, or give more rows.",
                source=self.KIND,
            )
        order = np.random.default_rng(self.seed).permutation(n_rows).tolist()
        held, kept = order[:n_held], order[n_held:]
        holdout = Sample(take_rows(inputs, held), take_rows(targets, held), self.params)
        return Sample(
            take_rows(inputs, kept), take_rows(targets, kept), self.params, holdout=holdout
        )
