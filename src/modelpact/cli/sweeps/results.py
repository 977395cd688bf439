"""The results of the jobs of a sweep, read from their receipts."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
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
    "result_table",
    "to_csv",
    "varying_keys",
]

Status = Literal["ok", "failed", "missing"]

STATUSES: tuple[Status, ...] = ("ok", "failed", "missing")

DETAILS = {
    "stage": "stage",
    "error": "error",
    "registered_model": "name",
    "run_id": "run_id",
    "model_uri": "model_uri",
}
"""The attributes of a receipt that only the CSV file contains, by column."""


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
    status: Status
    receipt: Receipt | None = None
    folder: Path | None = field(default=None, compare=False)
    minimize: bool = False

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """The duration of each stage."""
        return {} if self.receipt is None else self.receipt.seconds

    @property
    def seconds(self) -> float | None:
        """The duration of the job."""
        return None if self.receipt is None else sum(self.stage_seconds.values())

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metrics of the receipt."""
        return {} if self.receipt is None else self.receipt.metrics

    @property
    def version(self) -> str:
        """The version of the receipt; empty if the job registered none."""
        return getattr(self.receipt, "version", None) or ""

    @property
    def objective(self) -> float | None:
        """The first metric, which the sweep maximizes or minimizes."""
        return next(iter(self.metrics.values()), None)

    @property
    def outcome(self) -> str:
        """The status with details: `reused`, or the stage that failed."""
        if self.receipt is None:
            return self.status
        if self.status == "failed":
            return f"failed: {self.receipt.stage}"
        return "reused" if self.receipt.reused else self.status


def read_results(record: SweepRecord, folder: Path) -> list[JobResult]:
    """Return the result of each job of a sweep, in order.

    Args:
        record: The record of the sweep.
        folder: The folder of the sweep; the jobs' folders are anywhere within it.
    """
    found = _find_receipts(folder)
    results = []
    for number, overrides in enumerate(record.jobs):
        choices = dict(map(_split_override, overrides))
        if number in found:
            receipt, place = found[number]
            result = JobResult(number, choices, receipt.status, receipt, place, record.minimize)
        else:
            result = JobResult(number, choices, "missing")
        results.append(result)
    return results


def _find_receipts(folder: Path) -> dict[int | None, tuple[Receipt, Path]]:
    """Return the receipts within a folder, with their folders, by the number of the job."""
    found = {}
    for path in sorted(folder.rglob("receipt.json")):
        # A file of another program.
        with contextlib.suppress(ValidationError, OSError):
            receipt = Receipt.model_validate_json(path.read_bytes())
            found[receipt.job] = (receipt, path.parent)
    return found


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
    return list(dict.fromkeys(name for result in results for name in result.metrics))


def result_table(results: Sequence[JobResult]) -> tuple[list[str], list[list[str]]]:
    """Return the results as a table of text: the names of the columns, and the rows.

    The columns are the number, varying keys, status, version, metrics and seconds.
    """
    keys, metrics = varying_keys(results), metric_names(results)
    rows = [
        [
            str(result.number),
            *(result.choices.get(key, "") for key in keys),
            result.outcome,
            result.version,
            *(_format(result.metrics.get(name), ".4g") for name in metrics),
            _format(result.seconds, ".2f"),
        ]
        for result in results
    ]
    return ["job", *keys, "status", "version", *metrics, "seconds"], rows


def to_csv(results: Sequence[JobResult]) -> str:
    """Return the results as CSV: the columns of the table with full precision, and details."""
    names, rows = result_table(results)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *DETAILS, "folder"])
    for result, row in zip(results, rows, strict=True):
        cells = [result.metrics.get(name, cell) for name, cell in zip(names, row, strict=True)]
        details = [getattr(result.receipt, attribute, None) for attribute in DETAILS.values()]
        # None is an empty cell.
        writer.writerow([*cells, *details, getattr(result.folder, "name", None)])
    return text.getvalue()


def _format(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)


def _rank(result: JobResult) -> float:
    value = result.objective or 0.0
    return -value if result.minimize else value


def _split_override(override: str) -> tuple[str, str]:
    """Return the key and the value of an override, without Hydra's escapes."""
    key, _, value = override.partition("=")
    if value[:1] not in {"'", '"'}:
        value = re.sub(r"\\([\\()\[\]{}:=, \t])", r"\1", value)
    return key.lstrip("+~"), value
