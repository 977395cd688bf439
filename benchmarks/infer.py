"""Inference against `mlflow.models.infer_signature`: both in turn in one process, results compared in the same run.

Run it as `python benchmarks/infer.py`; each number is the best of several runs.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import infer_signature

from modelpact.signature.inference.infer import infer

ROWS = 100_000


def cases() -> Iterator[tuple[str, Any, float]]:
    """What is signed, and the ratio to reach."""
    rng = np.random.default_rng(0)
    texts = [f"text {row}" for row in range(ROWS)]
    yield "float", pd.DataFrame({"x": rng.random(ROWS)}), 100
    yield "str", pd.DataFrame({"x": texts}), 200
    yield "object strings", pd.DataFrame({"x": pd.Series(texts, dtype=object)}), 50
    yield (
        "object strings with nulls",
        pd.DataFrame({"x": pd.Series([None, *texts[1:]], dtype=object)}),
        50,
    )
    yield "chat messages", [{"messages": [{"role": "user", "content": text}]} for text in texts], 60
    yield (
        "chat messages in a frame",
        pd.DataFrame({"messages": [[{"role": "user", "content": text}] for text in texts]}),
        60,
    )
    yield "list of floats", rng.random(ROWS).tolist(), 60
    yield "lists of 8 floats", pd.DataFrame({"x": rng.random((ROWS, 8)).tolist()}), 60
    yield "10 rows x 5,000 float columns", pd.DataFrame(rng.random((10, 5000))).add_prefix("c"), 0.9
    yield (
        "10 rows x 5,000 mixed columns",
        pd.DataFrame({f"c{i}": [1.5] * 10 if i % 3 else ["a"] * 10 for i in range(5000)}),
        0.9,
    )
    yield "1 row x 10 floats", pd.DataFrame(rng.random((1, 10))).add_prefix("c"), 0.9
    yield (
        "1,600 rows of drifting keys",
        [{"x": {f"key {row}": 1.5, "always": 2.5}} for row in range(1600)],
        100,
    )


def seconds(call: Callable[[], Any], runs: int) -> float:
    """The best of several runs."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(f"{'infer':32} {'MLflow':>12} {'modelpact':>12} {'ratio':>9} {'goal':>7}")
    for name, data, goal in cases():
        assert infer(data) == infer_signature(data), name
        naive = own = float("inf")
        for _ in range(3):  # in turn, so that a slow moment of the machine meets both
            naive = min(naive, seconds(lambda: infer_signature(data), 1))  # noqa: B023
            own = min(own, seconds(lambda: infer(data), 4))  # noqa: B023
        word = "" if naive / own >= goal else "  missed"
        print(
            f"{name:32} {naive * 1e3:9.2f} ms {own * 1e3:9.3f} ms {naive / own:8.1f}x {goal:6}x{word}"
        )


if __name__ == "__main__":
    main()
