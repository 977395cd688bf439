"""Two commands run in turn, A B A B ..., so that both see the same machine; medians, and the ratio pair by pair."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAIVE = [sys.executable, str(ROOT / "benchmarks" / "naive" / "run.py")]
OURS = [sys.executable, str(ROOT / "run.py")]


def seconds(command: list[str], folder: Path, cache: Path) -> float:
    """Wall seconds of one process, from start to end; it must succeed."""
    environment = {**os.environ, "MODELPACT_CACHE": str(cache), "MLFLOW_DISABLE_TELEMETRY": "true"}
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    spent = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return spent


def in_turn(rounds: int, *measures: Callable[[Path], float]) -> list[list[float]]:
    """Each measure once a round, each time in an empty folder; one list of figures a measure."""
    figures: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for measure, kept in zip(measures, figures, strict=True):
            with tempfile.TemporaryDirectory() as folder:
                kept.append(measure(Path(folder)))
    return figures


def row(what: str, naive: list[float], ours: list[float], goal: float, unit: str = "s") -> str:
    """A line of the result: both medians, the median ratio with its range, and the goal."""
    ratios = sorted(one / other for one, other in zip(naive, ours, strict=True))
    scale = 1000 if unit == "ms" else 1
    medians = [f"{statistics.median(figures) * scale:8.2f} {unit:<2}" for figures in (naive, ours)]
    return (
        f"{what:<52} naive {medians[0]}  modelpact {medians[1]}"
        f"  ratio {statistics.median(ratios):6.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})  goal {goal:g}"
    )
