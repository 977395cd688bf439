"""The results of the jobs of a sweep, read from their receipts."""

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

__all__ = [
    "STATUSES",
    "JobResult",
    "find_best",
    "metric_names",
    "read_results",
    "result_columns",
    "to_csv",
    "varying_keys",
]

STATUSES = ("ok", "failed", "missing")


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of one job.

    Attributes:
        number: The number of the job, from 0.
        choices: The overrides of the job, by key.
        status: `ok`, `failed`, or `missing` for a job without a receipt: it was not started, or its
            process was killed.
        receipt: The receipt; None if it is missing.
        folder: The folder of the job.
        minimize: Whether the sweep minimizes the objective.
    """

    number: int
    choices: dict[str, str]
    status: Literal["ok", "failed", "missing"]
    receipt: Receipt | None = None
    folder: Path | None = field(default=None, compare=False)
    minimize: bool = False

    @property
    def seconds(self) -> float | None:
        """The duration of the job."""
        return None if self.receipt is None else sum(self.receipt.seconds.values())

    @property
    def objective(self) -> float | None:
        """The first metric, which the sweep maximizes or minimizes."""
        return None if self.receipt is None else next(iter(self.receipt.metrics.values()), None)

    @property
    def outcome(self) -> str:
        """The status with details: `reused`, or the stage that failed."""
        if self.receipt is None or self.status == "ok":
            return "reused" if self.receipt is not None and self.receipt.reused else self.status
        return f"failed: {self.receipt.stage}"


def read_results(record: SweepRecord, folder: Path) -> list[JobResult]:
    """Return the result of each job of a sweep, in order.

    Args:
        record: The record of the sweep.
        folder: The folder of the sweep; the jobs' folders are anywhere within it.
    """
    found: dict[int, tuple[Receipt, Path]] = {}
    for path in sorted(folder.rglob("receipt.json")):
        try:
            receipt = Receipt.model_validate_json(path.read_bytes())
        # A file of another program.
        except (ValidationError, OSError):
            continue
        if receipt.job is not None:
            found[receipt.job] = (receipt, path.parent)
    results = []
    for number, overrides in enumerate(record.jobs):
        choices = dict(_split_override(line) for line in overrides)
        if number in found:
            receipt, place = found[number]
            result = JobResult(number, choices, receipt.status, receipt, place, record.minimize)
        else:
            result = JobResult(number, choices, "missing")
        results.append(result)
    return results


def find_best(results: Sequence[JobResult]) -> JobResult | None:
    """Return the job with the greatest objective, or the smallest in a sweep that minimizes.

    The first of several equal jobs is the best; None if no job has an objective.
    """
    ranked = [
        result
        for result in results
        if result.status == "ok"
        and result.objective is not None
        and not math.isnan(result.objective)
    ]
    return max(ranked, key=lambda result: (_rank(result), -result.number), default=None)


def varying_keys(results: Sequence[JobResult]) -> list[str]:
    """Return the keys that differ between jobs; all keys if there is one job."""
    keys = dict.fromkeys(key for result in results for key in result.choices)
    return [
        key
        for key in keys
        if len(results) == 1 or len({result.choices.get(key) for result in results}) > 1
    ]


def metric_names(results: Sequence[JobResult]) -> list[str]:
    """Return the names of all metrics, in order of appearance."""
    receipts = [result.receipt for result in results if result.receipt]
    return list(dict.fromkeys(name for receipt in receipts for name in receipt.metrics))


def result_columns(results: Sequence[JobResult]) -> list[tuple[str, list[str]]]:
    """Return the results as columns of text.

    The columns are the number, varying keys, status, version, metrics and seconds.
    """
    columns: list[tuple[str, list[str]]] = [("job", [str(result.number) for result in results])]
    for key in varying_keys(results):
        columns.append((key, [result.choices.get(key, "") for result in results]))
    columns.append(("status", [result.outcome for result in results]))
    receipts = [result.receipt for result in results]
    columns.append(("version", [(receipt and receipt.version) or "" for receipt in receipts]))
    for name in metric_names(results):
        values = [receipt.metrics.get(name) if receipt else None for receipt in receipts]
        columns.append((name, ["" if value is None else f"{value:.4g}" for value in values]))
    seconds = [result.seconds for result in results]
    columns.append(("seconds", ["" if value is None else f"{value:.2f}" for value in seconds]))
    return columns


def to_csv(results: Sequence[JobResult]) -> str:
    """Return the results as CSV: the columns of the table with full precision, and details."""
    columns = result_columns(results)
    details = ["stage", "error", "registered_model", "run_id", "model_uri", "folder"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(name for name, _ in columns), *details])
    for index, result in enumerate(results):
        receipt = result.receipt
        metrics = dict(receipt.metrics) if receipt else {}
        cells: list[str | None] = [
            repr(metrics[name]) if name in metrics else values[index] for name, values in columns
        ]
        if receipt is None:
            cells += [None] * 5
        else:
            cells += [receipt.stage, receipt.error, receipt.name, receipt.run_id, receipt.model_uri]
        cells.append(None if result.folder is None else result.folder.name)
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


def _rank(result: JobResult) -> float:
    value = result.objective or 0.0
    return -value if result.minimize else value


def _split_override(override: str) -> tuple[str, str]:
    """Return the key and the value of an override, without Hydra's escapes."""
    key, _, value = override.partition("=")
    if value[:1] not in {"'", '"'}:
        value = re.sub(r"\\([\\()\[\]{}:=, \t])", r"\1", value)
    return key.lstrip("+~"), value
