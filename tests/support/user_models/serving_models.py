"""Models for the tests of serving and batch. A saved model carries this file, so it imports no test code."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from modelpact.models import Model


class Nested(Model):
    """Returns parts of its inputs."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return one row per row."""
        factor = (params or {}).get("factor") or 1.0
        rows = inputs.to_dict("records")
        return pd.DataFrame(
            {
                "name": [row["name"] for row in rows],
                "total": [factor * sum(row["scores"].values()) for row in rows],
                "tags": [list(row["tags"]) for row in rows],
                "scores": [dict(row["scores"]) for row in rows],
                "city": [row["home"]["city"] for row in rows],
            }
        )


class Scripted(Model):
    """Scripted by its first row: sleeps, waits for a file, fails, or returns an invalid prediction."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the column `n` after executing `do`."""
        what = str(inputs["do"].iloc[0])
        if what.startswith("sleep"):
            time.sleep(float(what.removeprefix("sleep ")))
        if what.startswith("until"):
            end = time.monotonic() + 60
            while not Path(what.removeprefix("until ")).exists() and time.monotonic() < end:
                time.sleep(0.01)
        if what.startswith("fail"):
            raise RuntimeError(f"no good: {what}")
        if what == "lie":
            return ["CANARY"] * len(inputs)
        if what == "infinite":
            return np.array([np.inf, -np.inf, np.nan][: len(inputs)])
        return inputs["n"].to_numpy(dtype=float)


class Nulls(Model):
    """Returns where values are missing."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """1 for a NaN, 0 for a number."""
        return inputs["a"].isna().to_numpy(dtype="int64")


class Sums(Model):
    """Adds two tensors."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The sum of both, `(n_rows, 2)`."""
        return inputs["left"] + inputs["right"]


class Flat(Sums):
    """Twice the sum of each row."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the prediction, `(n_rows,)`."""
        return 2.0 * np.asarray(inputs, dtype=float).reshape(len(inputs), -1).sum(axis=1)


class Summing(Sums):
    """Returns one value for all rows."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the prediction, `(1,)`."""
        return np.array([inputs["a"].sum()])
