"""What came of a sweep's jobs, read from their receipts."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from modelpact.cli.sweeps.record import SweepRecord
from modelpact.types import Receipt

__all__ = ["Result", "best", "columns", "csv_text", "read_results", "varied"]


@dataclass(frozen=True, slots=True)
class Result:
    """One job's line in the account of its sweep.

    Attributes:
        number: The job's number, from 0.
        choices: What it overrides, by key.
        status: How it ended; `missing` for one that left no receipt: it was never begun, or was killed.
        receipt: What it did; None where it is missing.
        folder: Where its files are.
        minimize: Whether its sweep looks for the smallest objective.
    """

    number: int
    choices: dict[str, str]
    status: Literal["ok", "failed", "missing"]
    receipt: Receipt | None = None
    folder: Path | None = field(default=None, compare=False)
    minimize: bool = False

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.receipt is None else sum(self.receipt.seconds.values())

    @property
    def objective(self) -> float | None:
        """Its first metric, which is what sweeps look for the most of."""
        return None if self.receipt is None else next(iter(self.receipt.metrics.values()), None)


def read_results(record: SweepRecord, folder: Path) -> list[Result]:
    """What came of each job of a sweep, in their order.

    Args:
        record: The sweep.
        folder: Its folder, somewhere in which each job has one of its own.
    """
    found: dict[int, tuple[Receipt, Path]] = {}
    for path in sorted(folder.rglob("receipt.json")):
        try:
            receipt = Receipt.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):  # somebody else's file
            continue
        if receipt.job is not None:
            found[receipt.job] = (receipt, path.parent)
    results = []
    for number, overrides in enumerate(record.jobs):
        choices = dict(_parted(line) for line in overrides)
        if number in found:
            receipt, place = found[number]
            results.append(Result(number, choices, receipt.status, receipt, place, record.minimize))
        else:
            results.append(Result(number, choices, "missing"))
    return results


def best(results: Sequence[Result]) -> Result | None:
    """The job whose objective is the greatest, as scikit-learn's scorers have it; the first of equals; None without scores.

    In a sweep that minimizes it is the one whose objective is the smallest.
    """
    scored = [
        result
        for result in results
        if result.status == "ok" and not math.isnan(result.objective or 0.0)
    ]
    ranked = [result for result in scored if result.objective is not None]
    return max(ranked, key=lambda result: (_rank(result), -result.number), default=None)


def varied(results: Sequence[Result]) -> list[str]:
    """The keys that differ from job to job; all of them where there is one job."""
    keys = dict.fromkeys(key for result in results for key in result.choices)
    return [
        key
        for key in keys
        if len(results) == 1 or len({result.choices.get(key) for result in results}) > 1
    ]


def columns(results: Sequence[Result]) -> list[tuple[str, list[str]]]:
    """The account as columns of text: the job, what differs, how it ended, its version, metrics and seconds."""
    metrics = list(
        dict.fromkeys(
            name for result in results if result.receipt for name in result.receipt.metrics
        )
    )
    receipts = [result.receipt for result in results]
    shown: list[tuple[str, list[str]]] = [("job", [str(result.number) for result in results])]
    shown += [(key, [result.choices.get(key, "") for result in results]) for key in varied(results)]
    shown += [("status", [_status(result) for result in results])]
    shown += [("version", [receipt.version or "" if receipt else "" for receipt in receipts])]
    shown += [
        (name, [_figure(receipt.metrics.get(name)) if receipt else "" for receipt in receipts])
        for name in metrics
    ]
    return [
        *shown,
        (
            "seconds",
            ["" if result.seconds is None else f"{result.seconds:.2f}" for result in results],
        ),
    ]


def csv_text(results: Sequence[Result]) -> str:
    """The account as CSV: the columns of the table, figures in full, and each error, run and receipt."""
    shown = columns(results)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [
            *(name for name, _ in shown),
            "stage",
            "error",
            "registered_model",
            "run_id",
            "model_uri",
            "folder",
        ]
    )
    for index, result in enumerate(results):
        receipt = result.receipt
        full = dict(receipt.metrics) if receipt else {}
        cells = [repr(full[name]) if name in full else values[index] for name, values in shown]
        tail = (
            [receipt.stage, receipt.error, receipt.name, receipt.run_id, receipt.model_uri]
            if receipt
            else [None] * 5
        )
        writer.writerow(
            [
                *cells,
                *("" if cell is None else cell for cell in tail),
                "" if result.folder is None else result.folder.name,
            ]
        )
    return text.getvalue()


def _rank(result: Result) -> float:
    value = result.objective or 0.0
    return -value if result.minimize else value


def _status(result: Result) -> str:
    if result.receipt is None or result.status == "ok":
        return "reused" if result.receipt is not None and result.receipt.reused else result.status
    return f"failed: {result.receipt.stage}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _parted(override: str) -> tuple[str, str]:
    key, _, value = override.partition("=")
    quoted = value[:1] in {"'", '"'}
    return key.lstrip("+~"), value if quoted else re.sub(
        r"\\([\\()\[\]{}:=, \t])", r"\1", value
    )  # as Hydra escapes
