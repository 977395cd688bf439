"""How long a job takes: `python benchmarks/job.py`.

The same model on the same data, saved in MLflow's own flavor by both; modelpact also signs with a self-check, verifies, and keeps
a receipt. Its requirements cache is warm, as it is for every run on a machine but the first; the first is printed as well. The
opening of a store is timed with MLflow's modules imported (and out of the garbage collector's way), in CPU seconds: once with all
that MLflow imports and maps when it is first used, and once without.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from turns import NAIVE, OURS, in_turn, row, seconds

JOBS = 11
OPEN = {
    "naive": """
def open_store(name):
    mlflow.set_tracking_uri(f"sqlite:///{name}.db")
    mlflow.set_experiment("modelpact")
""",
    "modelpact": """
from modelpact.tracking import SqliteTracking
def open_store(name):
    with SqliteTracking(uri=f"sqlite:///{name}.db").open():
        pass
""",
}
TIMED = """
import gc, sys, time, mlflow, mlflow.store.tracking.sqlalchemy_store, alembic.command
{definition}
gc.freeze()
started = time.process_time()
open_store("first")
print(time.process_time() - started)
"""
WARM = """
import opentelemetry.sdk.metrics, sqlalchemy.orm
sqlalchemy.orm.configure_mappers()
"""


def requirements(folder: Path) -> str:
    """The requirements.txt of the one model in a folder's store."""
    found = {
        path.read_text(encoding="utf-8")
        for path in folder.glob("mlruns/*/models/*/artifacts/requirements.txt")
    }
    (text,) = found
    return text


def main() -> None:
    with tempfile.TemporaryDirectory() as kept:
        cache = Path(kept) / "cache"
        texts: set[str] = set()

        def job(command: list[str], folder: Path) -> float:
            spent = seconds(command, folder, cache)
            texts.add(requirements(folder))
            return spent

        ours = [*OURS, "saver=builtin"]
        with tempfile.TemporaryDirectory() as folder:
            print(f"the first job of a user, nothing cached: {job(ours, Path(folder)):.2f} s")
        print(
            row(
                "one job on a fresh store",
                *in_turn(7, lambda f: job(NAIVE, f), lambda f: job(ours, f)),
                2,
            )
        )

        def further(command: list[str], key: str, folder: Path) -> float:
            one, many = folder / "one", folder / "many"
            one.mkdir()
            many.mkdir()
            alphas = ",".join(str(1 + index / 10) for index in range(JOBS))
            first = job([command[0], command[1], "-m", *command[2:], f"{key}=1.0"], one)
            return (
                job([command[0], command[1], "-m", *command[2:], f"{key}={alphas}"], many) - first
            ) / (JOBS - 1)

        naive, mine = in_turn(
            3,
            lambda f: further(NAIVE, "alpha", f),
            lambda f: further(ours, "model.estimator.alpha", f),
        )
        print(row("each further job of a sweep", naive, mine, 20, "ms"))
        print(
            f"requirements.txt: {'identical in all runs' if len(texts) == 1 else f'{len(texts)} different ones'}"
        )

        def first_open(who: str, before: str, folder: Path) -> float:
            command = [sys.executable, "-c", TIMED.format(definition=OPEN[who] + before)]
            environment = {
                "MODELPACT_CACHE": str(cache),
                "PATH": "",
                "MLFLOW_LOGGING_LEVEL": "ERROR",
            }
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=True
            )
            return float(done.stdout)

        for before, what in (
            (WARM, "all imported and mapped"),
            ("", "MLflow imported, and no more"),
        ):
            naive, mine = in_turn(
                7,
                lambda f: first_open("naive", before, f),  # noqa: B023
                lambda f: first_open("modelpact", before, f),  # noqa: B023
            )
            print(row(f"a new store, CPU: {what}", naive, mine, 15, "ms"))


if __name__ == "__main__":
    main()
