"""Enforcement against MLflow's own: both in turn in one process, results compared in the same run, and the memory it takes.

Run it as `python benchmarks/enforce.py`; each number is the best of several runs.
"""

from __future__ import annotations

import copy
import logging
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types.schema import ColSpec, DataType, Schema

from modelpact._internal import mlflow_compat
from modelpact.signature import compile

GIGABYTE_ROWS = 1_250_000
MANY_ROWS = 1_000_000


def cases() -> Iterator[tuple[str, Any, float]]:
    """What is enforced, and the ratio to reach."""
    rng = np.random.default_rng(0)
    yield (
        "1,000 chat messages, one a row",
        [{"messages": [{"role": "user", "content": f"text {i}"}]} for i in range(1000)],
        100,
    )
    yield (
        "1,000 chat messages in one row",
        [{"messages": [{"role": "user", "content": f"text {i}"} for i in range(1000)]}],
        100,
    )
    yield "1,000 rows of list[float]", pd.DataFrame({"x": rng.random((1000, 10)).tolist()}), 30
    yield (
        "10,000 rows of list[float]",
        [{"x": row} for row in rng.random((10_000, 10)).tolist()],
        30,
    )
    yield "1 row x 10 floats", pd.DataFrame(rng.random((1, 10))).add_prefix("c"), 8
    yield "1 row x 600 columns", pd.DataFrame(rng.random((1, 600))).add_prefix("c"), 20
    yield (
        "1 row x 600 mixed columns",
        pd.DataFrame({f"c{i}": [1.5] if i % 3 else ["a"] for i in range(600)}),
        1,
    )
    yield "1 dict of 10 floats", {f"c{i}": float(i) for i in range(10)}, 1
    yield (
        "100,000 rows, float and str",
        pd.DataFrame({"x": rng.random(100_000), "s": [f"text {i}" for i in range(100_000)]}),
        1,
    )
    texts = [f"text {i}" for i in range(MANY_ROWS)]
    gaps = [None if i % 10 == 0 else text for i, text in enumerate(texts)]
    for name, cells in (("str", texts), ("str and None", gaps)):
        columns = {f"s{i}": pd.Series(cells, dtype=object) for i in range(5)}
        yield f"1,000,000 rows x 5 of {name}", pd.DataFrame(columns), 1
    yield "tensor 1,000 x 28 x 28", rng.random((1000, 28, 28)), 0.9
    yield "dict of two tensors", {"a": rng.random((1000, 28)), "b": rng.random(1000)}, 0.9


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal."""
    if isinstance(one, pd.DataFrame):
        return bool(one.equals(other)) or one.to_dict("list") == other.to_dict("list")
    if isinstance(one, dict):
        return all(np.array_equal(one[name], other[name]) for name in other)
    return bool(np.array_equal(one, other))


def seconds(call: Callable[[], Any], runs: int) -> float:
    """The best of several runs."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def memory() -> str:
    """How much a conforming frame of 1 GB allocates."""
    frame = pd.DataFrame(np.zeros((GIGABYTE_ROWS, 100))).add_prefix("c")
    enforcer = compile(ModelSignature(Schema([ColSpec(DataType.double, name) for name in frame])))
    tracemalloc.start()
    assert enforcer.enforce_inputs(frame) is frame
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = frame.memory_usage().sum()
    return f"a conforming frame of {size / 1e9:.2f} GB: {peak / 1e3:,.0f} kB allocated, {peak / size:.6%}"


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print(f"{'enforce':34} {'MLflow':>12} {'modelpact':>12} {'ratio':>9} {'goal':>6}")
    for name, data, goal in cases():
        signature = infer_signature(data)
        enforcer = compile(signature)
        assert same(
            enforcer.enforce_inputs(data),
            mlflow_compat.enforce_inputs(copy.deepcopy(data), signature.inputs),
        ), name
        naive = own = float("inf")
        for _ in range(5):  # in turn, so that a slow moment of the machine meets both
            mlflow = lambda: mlflow_compat.enforce_inputs(data, signature.inputs)  # noqa: B023, E731
            naive = min(naive, seconds(mlflow, 3))
            own = min(own, seconds(lambda: enforcer.enforce_inputs(data), 20))  # noqa: B023
        word = "" if naive / own >= goal else "  missed"
        print(
            f"{name:34} {naive * 1e3:9.3f} ms {own * 1e3:9.4f} ms {naive / own:8.1f}x {goal:5}x{word}"
        )
    if "--no-memory" not in sys.argv:
        print(memory())


if __name__ == "__main__":
    main()
