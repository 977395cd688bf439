"""`task=check`: check data against the signature of a stored model, without loading the model."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.stored_model import read_signature, unsigned_model
from modelpact.cli.tasks.base import Task, check_policy
from modelpact.data import DataSource
from modelpact.datatypes import count_rows
from modelpact.errors import InputsError
from modelpact.security.integrity import IntegrityPolicy
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    import pandas as pd

    from modelpact.signature import Violation
    from modelpact.types import Inputs, Params, Signature

__all__ = ["CheckTask"]

_NUMBERS = ("integer", "long", "float", "double")

MAX_COLLECTED = 10_000
"""How many failures are collected and sorted by row; the rest are counted."""


class CheckTask(Task):
    """Checks each row of data, and `data.params`, against a model's signature.

    Attributes:
        data: The data; no rows are held out.
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`,
            `runs:/<run_id>/model`, or a folder.
        policy: The allowed conversions: lossless ones, MLflow's, or none (`strict`).
        extra: What to do with columns that are not in the signature: ignore, warn, or fail.
        max_shown: How many failures are shown; the rest are counted.
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
            failures, total = self._find_violations(signature, sample.inputs, sample.params)
        n_rows = count_rows(sample.inputs)
        if not total:
            echo(f"all {n_rows:,} rows of {self.data.name} conform to the signature of {self.uri}")
            return None
        places = "1 place" if total == 1 else f"{total:,} places"
        self._show(failures, total, places)
        raise InputsError(
            f"{self.data.name} ({n_rows:,} rows) violates the signature of {self.uri} in {places}",
            remedy="Correct the data, or give the model another signature with task=resign.",
            failures=tuple(failures),
            total=total,
            uri=self.uri,
        )

    def _show(self, violations: list[Violation], total: int, places: str) -> None:
        shown = violations[: self.max_shown]
        title = f"{self.data.name} violates the signature in {places}"
        if len(shown) < total:
            title += f", {len(shown):,} of them shown"
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
        show_table(title, ("row", "path", "expected", "got", "code"), rows)

    def _find_violations(
        self, signature: Signature, inputs: Inputs, params: Params | None
    ) -> tuple[list[Violation], int]:
        """Return the failures sorted by row, and the number of all failures."""
        from modelpact.signature import compile as compile_signature

        enforcer = compile_signature(signature, self.policy, self.extra)
        limit = max(self.max_shown, MAX_COLLECTED)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            found = enforcer.find_violations(inputs, params, limit)
        for warning in caught:
            echo(f"warning: {warning.message}")
        columns = {
            violation.path
            for violation in found.recorded
            if violation.row is None and violation.expected in _NUMBERS
        }
        parsed = _parse_numeric_cells(inputs, columns)
        if parsed is not None:
            with warnings.catch_warnings():
                # The same warnings as before.
                warnings.simplefilter("ignore", UserWarning)
                found = enforcer.find_violations(parsed, params, limit)
        failures = sorted(found.recorded, key=lambda one: -1 if one.row is None else one.row)
        return failures, found.total


def _parse_numeric_cells(inputs: Inputs, columns: set[str]) -> pd.DataFrame | None:
    """Parse each cell of text columns that contain numbers; None if there are no such columns.

    A single word makes the whole column of a file text. The violation should name the row of that
    word, not the column.
    """
    import pandas as pd

    if not isinstance(inputs, pd.DataFrame) or inputs.columns.has_duplicates:
        return None
    parsed = {}
    for label in columns & set(inputs.columns):
        texts = inputs[label]
        if not pd.api.types.is_string_dtype(texts):
            continue
        numbers = pd.to_numeric(texts, errors="coerce")
        if numbers.notna().any():
            cells = map(_parse_cell, texts.tolist(), numbers.tolist())
            parsed[label] = pd.Series(list(cells), index=inputs.index, dtype=object)
    return inputs.assign(**parsed) if parsed else None


def _parse_cell(text: Any, number: float) -> Any:
    """Return a number, a missing value, or the text if it is not a number."""
    if math.isnan(number):
        return text if isinstance(text, str) else None
    return int(number) if float(number).is_integer() and "." not in text else number
