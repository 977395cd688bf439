"""`task=check`: check data against the signature of a stored model, without loading the model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from modelpact._internal.counts import format_count
from modelpact._internal.text import list_items
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.row_checks import RowChecks
from modelpact.cli.stored_model import read_signature, unsigned_model
from modelpact.cli.tasks.base import Task, check_policy
from modelpact.data import DataSource
from modelpact.errors import InputsError
from modelpact.security.integrity import IntegrityPolicy
from modelpact.tracking import Tracking

__all__ = ["CheckTask"]


class CheckTask(Task):
    """Checks each row of data, and `data.params`, against a model's signature.

    Attributes:
        data: The data; no rows are held out.
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`,
            `runs:/<run_id>/model`, or a folder.
        policy: The allowed conversions: lossless ones, MLflow's, or none (`strict`).
        extra: What to do with columns that are not in the signature: ignore, warn, or fail.
        max_shown: How many examples are shown; the rest are counted.
        integrity: What to do if the signature is not the published one: fail (`strict`), warn, or
            skip the comparison (`off`).
        tracking: The store.
    """

    data: DataSource
    uri: str = Field(min_length=1)
    policy: Literal["mlflow", "lossless", "strict"] = "lossless"
    extra: Literal["ignore", "warn", "forbid"] = "ignore"
    max_shown: int = Field(default=50, ge=1)
    integrity: IntegrityPolicy = "strict"
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from modelpact.signature import compile as compile_signature

        check_policy(self.policy, self.extra)
        with Progress() as progress:
            progress.stage("read the signature")
            signature = read_signature(self.uri, self.tracking, self.integrity)
            if signature.inputs is None:
                raise unsigned_model(self.uri, "has a signature without inputs")
            progress.stage("read the data")
            # All rows in their original order: a violation names the row of the file.
            data = self.data.model_copy(update={"test_size": 0.0})
            sample = data.with_contract(signature).read()
            progress.stage("check")
            checks = RowChecks(compile_signature(signature, self.policy, self.extra))
            checks.check(sample.inputs, sample.params)
        for text in checks.warnings:
            echo(f"warning: {text}")
        total, n_rows = checks.n_violations, checks.n_rows
        if not total:
            echo(f"all {n_rows:,} rows of {self.data.name} conform to the signature of {self.uri}")
            return None
        places = format_count(total, "place")
        self._show(checks, places)
        raise InputsError(
            f"{self.data.name} ({n_rows:,} rows) violates the signature of {self.uri} in {places}",
            remedy="Correct the data, or give the model another signature with task=resign.",
            failures=tuple(checks.collected),
            total=total,
            uri=self.uri,
        )

    def _show(self, checks: RowChecks, places: str) -> None:
        lines = checks.summary()
        title = f"{self.data.name} violates the signature in {places}"
        echo(list_items(title, lines[: self.max_shown], len(lines)))
        shown = checks.collected[: self.max_shown]
        title = "examples" if len(shown) < checks.n_violations else "by row"
        rows = [
            (
                "-" if violation.row is None else str(violation.row),
                violation.path or "(all)",
                violation.expected,
                violation.got,
                violation.code,
            )
            for violation in shown
        ]
        show_table(f"{title}:", ("row", "path", "expected", "got", "code"), rows)
