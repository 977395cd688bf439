"""A Parquet file through a ridge regression: part by part, against all of it in memory at once.

Run it as `python benchmarks/batch.py`; `--rows 1000000` for a trial. Both are processes of their own, in turn, so that both see
the same machine, and both load the same model, of MLflow's sklearn flavor, before the clock starts. It then runs until the
answers are in a Parquet file. Memory is the most that the process and its children had resident at once, imports included;
`memory.py` says how it is looked at. The answers of both are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from memory import Peak
from turns import row

COLUMNS = 20
GROUP = 1_000_000


def make(folder: Path, n_rows: int) -> None:
    """The rows, and a model of them."""
    import mlflow.sklearn
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    schema = pa.schema([(f"c{column}", pa.float64()) for column in range(COLUMNS)])
    with parquet.ParquetWriter(folder / "rows.parquet", schema) as writer:
        for begin in range(0, n_rows, GROUP):
            size = min(GROUP, n_rows - begin)
            writer.write_table(pa.table({name: rng.random(size) for name in schema.names}, schema))
    sample = pa.table({name: rng.random(1000) for name in schema.names}).to_pandas()
    model = Ridge().fit(sample, sample.sum(axis=1))
    signature = mlflow.models.infer_signature(sample, model.predict(sample))
    mlflow.sklearn.save_model(
        model,
        folder / "model",
        signature=signature,
        pip_requirements=["scikit-learn"],
        serialization_format="skops",
    )


def naive(folder: Path) -> float:
    """All at once; seconds."""
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(str(folder / "model"))
    started = time.perf_counter()
    frame = pd.read_parquet(folder / "rows.parquet")
    pd.DataFrame({"prediction": model.predict(frame)}).to_parquet(folder / "naive.parquet")
    return time.perf_counter() - started


def ours(folder: Path) -> float:
    """Part by part; seconds."""
    from modelpact.batch import Batch
    from modelpact.data import ParquetData
    from modelpact.loaders import BuiltinLoader

    loader = BuiltinLoader()
    adapter = loader.load(str(folder / "model"))
    started = time.perf_counter()
    data = ParquetData(path=str(folder / "rows.parquet"))
    Batch(
        data=data,
        adapter=adapter,
        loader=loader,
        uri="model",
        out=folder / "ours.parquet",
        overwrite=True,
    ).run()
    return time.perf_counter() - started


def same(folder: Path) -> bool:
    """Whether both gave the same answers."""
    import numpy as np
    import pandas as pd

    answers = [
        pd.read_parquet(folder / f"{name}.parquet")["prediction"] for name in ("naive", "ours")
    ]
    return len(answers[0]) == len(answers[1]) and bool(np.allclose(*answers, rtol=1e-12, atol=0))


def measured(name: str, folder: Path) -> dict[str, Any]:
    """Seconds of the work, seconds of the whole process, and bytes."""
    started = time.perf_counter()
    command = [sys.executable, __file__, "--child", name, "--folder", str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with Peak(process.pid) as peak:
            out, err = process.communicate()
        if process.returncode:
            raise SystemExit(f"{name} failed ({process.returncode}):\n{err}")
    return {
        "seconds": json.loads(out.splitlines()[-1]),
        "process": time.perf_counter() - started,
        "bytes": peak.bytes,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["naive", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        warnings.simplefilter("ignore")
        print((naive if options.child == "naive" else ours)(options.folder))
        return
    found: dict[str, list[dict[str, Any]]] = {"naive": [], "ours": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        make(folder, options.rows)
        for _ in range(options.rounds):
            for name, kept in found.items():
                kept.append(measured(name, folder))
        equal = same(folder)
    what = f"{options.rows:,} rows x {COLUMNS} columns"
    for key, title, goal in (
        ("seconds", what, 3),
        ("process", "the whole process, imports included", 1),
    ):
        print(
            row(
                title,
                *([figure[key] for figure in found[name]] for name in ("naive", "ours")),
                goal=goal,
            )
        )
    for name, word in (("naive", "naive"), ("ours", "modelpact")):
        rate = options.rows / statistics.median(figure["seconds"] for figure in found[name])
        most = max(figure["bytes"] for figure in found[name])
        goal = "  goal under 1 GB" if name == "ours" else ""
        print(f"{word:10} {rate:12,.0f} rows a second, {most / 1e9:5.2f} GB at most{goal}")
    print("the answers are the same" if equal else "THE ANSWERS DIFFER")


if __name__ == "__main__":
    main()
