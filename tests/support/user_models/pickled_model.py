"""A model with pickled state and an optional module, both of which an attacker can replace."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import PrivateAttr

from modelpact.models import Model

with contextlib.suppress(ImportError):
    importlib.import_module("pickled_speedups")


class PickledModel(Model):
    """Predicts `factor` times the sum of each row."""

    by: Literal["pickle", "joblib"]

    _learned: dict[str, float] = PrivateAttr(default={"factor": 2.0})

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return float64 `(n_rows,)`."""
        return np.asarray(inputs, dtype=float).sum(axis=1) * self._learned["factor"]

    def dump(self, folder: Path) -> None:
        """Write the factor."""
        with (folder / f"learned.{self.by}").open("wb") as file:
            importlib.import_module(self.by).dump(self._learned, file)

    def load(self, folder: Path) -> None:
        """Read the factor."""
        with (folder / f"learned.{self.by}").open("rb") as file:
            self._learned = importlib.import_module(self.by).load(file)
