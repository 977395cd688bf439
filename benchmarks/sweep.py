"""How long a sweep takes: `python benchmarks/sweep.py`, about 15 minutes.

What one more job costs in a sweep when its registered model has few versions, and when it has many. Then twenty jobs of the naive
script and of modelpact, one after the other and in two processes, each from an empty folder to twenty versions, in turn.

The naive script cannot begin in two processes on a fresh store: its migrations run into each other. It runs one job alone, and
the other nineteen in two processes; how those nineteen, whose store is there, compare to modelpact's twenty is shown as well. Its
processes are joblib's, by Hydra's plugin; modelpact's are its own, and once joblib's as well.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import tempfile
from pathlib import Path

from turns import NAIVE, OURS, in_turn, seconds

JOBS, ROUNDS, COST_JOBS, COST_ROUNDS = 20, 3, 6, 3
VERSIONS = (10, 500, 2000)
JOBLIB, PROCESSES = (
    ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    ["hydra/launcher=processes", "hydra.launcher.n_jobs=2"],
)
SWEEPS: dict[str, tuple[list[str], list[str]]] = {
    "one after the other": ([], []),
    "in two processes": (JOBLIB, PROCESSES),
    "in two processes, joblib's by both": (JOBLIB, JOBLIB),
}


def alphas(count: int) -> str:
    return ",".join(str(1 + index / 10) for index in range(count))


def swept(command: list[str], key: str, count: int, *launcher: str) -> list[str]:
    """A sweep over as many values of a key; Hydra wants -m before the overrides."""
    return [*command[:2], "-m", *command[2:], f"{key}={alphas(count)}", *launcher]


def versions(store: Path) -> int:
    """How many versions a store has."""
    with sqlite3.connect(store) as database:
        return int(database.execute("SELECT count(*) FROM model_versions").fetchone()[0])


def fill(store: Path, count: int) -> None:
    """Give the model `diabetes` this many versions, as copies of its first with their tags."""
    with sqlite3.connect(store) as database:
        for table in ("model_versions", "model_version_tags"):
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(column for column in columns if column != "version")
            for number in (
                range(versions(store) + 1, count + 1)
                if table == "model_versions"
                else range(2, count + 1)
            ):
                database.execute(
                    f"INSERT OR IGNORE INTO {table} (version, {kept}) SELECT {number}, {kept} FROM {table} WHERE version = 1"
                )


def main() -> None:
    with tempfile.TemporaryDirectory() as kept:
        cache = Path(kept) / "cache"
        ours = [*OURS, "saver=builtin"]
        with tempfile.TemporaryDirectory() as folder:  # what is inferred once for a machine
            seconds(ours, Path(folder), cache)
        print(f"load: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
        costs(ours, cache)
        sweeps(ours, cache)
        print(f"load: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")


def sweeps(ours: list[str], cache: Path) -> None:
    def naive(folder: Path, alone: list[float], *launcher: str) -> float:
        if launcher:
            alone.append(seconds(NAIVE, folder, cache))
        rest = seconds(swept(NAIVE, "alpha", JOBS - bool(launcher), *launcher), folder, cache)
        assert versions(folder / "mlflow.db") == JOBS
        return rest + sum(alone[-1:])

    def mine(folder: Path, *launcher: str) -> float:
        spent = seconds(swept(ours, "model.estimator.alpha", JOBS, *launcher), folder, cache)
        assert versions(folder / "mlflow.db") == JOBS
        return spent

    for what, (launcher, ours_launcher) in SWEEPS.items():
        alone: list[float] = []
        theirs, own = in_turn(
            ROUNDS,
            lambda f: naive(f, alone, *launcher),  # noqa: B023
            lambda f: mine(f, *ours_launcher),  # noqa: B023
        )
        minutes = [JOBS / statistics.median(spent) * 60 for spent in (theirs, own)]
        ratios = sorted(one / other for one, other in zip(theirs, own, strict=True))
        print(
            f"{JOBS} jobs {what:<34} naive {minutes[0]:6.1f} jobs/min  modelpact {minutes[1]:6.1f} jobs/min"
            f"  ratio {statistics.median(ratios):5.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})  goal 10",
            flush=True,
        )
        if alone:
            beside = [
                (one - first) / (JOBS - 1) * JOBS / other
                for one, first, other in zip(theirs, alone, own, strict=True)
            ]
            print(
                f"{'':8}without the naive script's first job, which makes its store: ratio {statistics.median(beside):5.1f}",
                flush=True,
            )


def costs(ours: list[str], cache: Path) -> None:
    spent: dict[int, list[float]] = {count: [] for count in VERSIONS}
    with tempfile.TemporaryDirectory() as kept:
        for count in VERSIONS:
            folder = Path(kept) / str(count)
            folder.mkdir()
            seconds(ours, folder, cache)
            fill(folder / "mlflow.db", count)
            assert versions(folder / "mlflow.db") == count
        for _ in range(COST_ROUNDS):
            for count in VERSIONS:
                seconds(
                    swept(ours, "model.estimator.alpha", COST_JOBS), Path(kept) / str(count), cache
                )
                receipts = sorted(
                    (Path(kept) / str(count)).glob("multirun/*/*/*/receipt.json"),
                    key=os.path.getmtime,
                )
                spent[count] += [
                    _seconds_of(path) for path in receipts[-COST_JOBS + 1 :]
                ]  # the first imports everything
    medians = {count: statistics.median(times) for count, times in spent.items()}
    for count, median in medians.items():
        print(
            f"one more job at {count:5} versions {median * 1000:8.1f} ms  of that at 10: {median / medians[10]:.2f}  goal 1.5"
        )


def _seconds_of(receipt: Path) -> float:
    import json

    return float(sum(json.loads(receipt.read_text(encoding="utf-8"))["seconds"].values()))


if __name__ == "__main__":
    main()
