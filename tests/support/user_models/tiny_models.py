"""Small models that can be saved with their module and loaded again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, PrivateAttr

from modelpact.models import Model


class Doubler(Model):
    """Predicts `factor` times the sum of each row."""

    factor: float = 2.0

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return float64 `(n_rows,)`."""
        return np.asarray(inputs, dtype=float).sum(axis=1) * self.factor


class Counter(Model):
    """Predicts the position of each row, whatever its columns."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return float64 `(n_rows,)`."""
        return np.arange(len(inputs), dtype=float)


class Faulty(Doubler):
    """Raises in one of its methods."""

    fails_in: Literal["fit", "predict", "dump", "load"]
    error: Literal["RuntimeError", "KeyboardInterrupt", "SystemExit"] = "RuntimeError"

    def _fail(self, place: str) -> None:
        if place == self.fails_in:
            kinds: dict[str, type[BaseException]] = {
                "RuntimeError": RuntimeError,
                "KeyboardInterrupt": KeyboardInterrupt,
                "SystemExit": SystemExit,
            }
            raise kinds[self.error](f"broken in {place}")

    def fit(self, inputs: Any, targets: Any) -> None:
        """Raise if configured."""
        self._fail("fit")

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Raise, or predict."""
        self._fail("predict")
        return super().predict(inputs, params)

    def dump(self, folder: Path) -> None:
        """Raise if configured."""
        self._fail("dump")

    def load(self, folder: Path) -> None:
        """Raise if configured."""
        self._fail("load")


class Forgetful(Model):
    """Predicts differently after loading, because `dump` does not write its state."""

    _offset: float = PrivateAttr(default=0.0)

    def fit(self, inputs: Any, targets: Any) -> None:
        """Set the offset."""
        self._offset = 7.0

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the offset for each row."""
        return np.full(len(inputs), self._offset)


class Sleeper(Doubler):
    """Creates a file `fitting`, and takes a minute to fit."""

    def fit(self, inputs: Any, targets: Any) -> None:
        """Sleep for a minute."""
        Path("fitting").touch()
        time.sleep(60)


class Scaled(Model):
    """Predicts the sum of each row times the param `scale`, plus `offset` of its configuration."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return float64 `(n_rows,)`."""
        scale = (params or {}).get("scale", 1.0)
        return np.asarray(inputs, dtype=float).sum(axis=1) * scale + self.context.get("offset", 0.0)


class Question(BaseModel):
    """A row of `Hinted`."""

    a: float
    b: float


class Hinted(Model):
    """Has type hints that define its signature."""

    def predict(self, inputs: list[Question], params: dict[str, Any] | None = None) -> list[float]:
        """Return the sum of each row."""
        questions = [Question.model_validate(item) for item in inputs]
        return [question.a + question.b for question in questions]


class RecordReader(Model):
    """Returns each of its records as JSON text; a DataFrame has none."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> list[str]:
        """Return one text per row."""
        if not isinstance(inputs, list):
            raise TypeError(f"expected a list, got {type(inputs).__name__}")
        return [json.dumps(row, sort_keys=True, default=str) for row in inputs]
