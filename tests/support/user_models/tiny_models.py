"""Small models for the tests, in a module of their own, so that they can be saved with a model and loaded again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, PrivateAttr

from modelpact.models import Model


class Doubler(Model):
    """Answers `factor` times the sum of each row; learns nothing."""

    factor: float = 2.0

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The answer, float64 `(n_rows,)`."""
        return np.asarray(inputs, dtype=float).sum(axis=1) * self.factor


class Faulty(Doubler):
    """Fails where it is told to."""

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
        """Fail, or learn nothing."""
        self._fail("fit")

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Fail, or double."""
        self._fail("predict")
        return super().predict(inputs, params)

    def dump(self, folder: Path) -> None:
        """Fail, or write nothing."""
        self._fail("dump")

    def load(self, folder: Path) -> None:
        """Fail, or read nothing."""
        self._fail("load")


class Forgetful(Model):
    """Answers one thing after it was fitted and another after it was loaded: it forgets to dump what it learned."""

    _offset: float = PrivateAttr(default=0.0)

    def fit(self, inputs: Any, targets: Any) -> None:
        """Learn an offset."""
        self._offset = 7.0

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The offset, once a row."""
        return np.full(len(inputs), self._offset)


class Sleeper(Doubler):
    """Takes its time to be fitted; says so in a file."""

    def fit(self, inputs: Any, targets: Any) -> None:
        """Sleep for a minute."""
        Path("fitting").touch()
        time.sleep(60)


class Scaled(Model):
    """Answers the sum of each row, times the param `scale`, plus `offset` of its own configuration."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The answer, float64 `(n_rows,)`."""
        scale = (params or {}).get("scale", 1.0)
        return np.asarray(inputs, dtype=float).sum(axis=1) * scale + self.context.get("offset", 0.0)


class Question(BaseModel):
    """One row for `Hinted`."""

    a: float
    b: float


class Hinted(Model):
    """Has type hints for a contract."""

    def predict(self, inputs: list[Question], params: dict[str, Any] | None = None) -> list[float]:
        """The sum of each row."""
        questions = [Question.model_validate(item) for item in inputs]
        return [question.a + question.b for question in questions]
