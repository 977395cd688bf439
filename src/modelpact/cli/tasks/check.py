"""`task=check`: data against the signature of a stored model, which is neither loaded nor run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.tasks.base import Task
from modelpact.data import DataSource
from modelpact.datatypes import count_rows
from modelpact.errors import ConfigError, InputsError, LoadError
from modelpact.security.integrity import IntegrityPolicy
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from modelpact.signature import Violation
    from modelpact.types import Signature

__all__ = ["CheckTask"]

_NUMBERS = ("integer", "long", "float", "double")

COLLECTED = 10_000
"""So many failures are collected, to be put in the order of their rows; the rest are counted."""


class CheckTask(Task):
    """Checks data against a model's signature: each row of it, and `data.params`.

    Attributes:
        data: Where the rows come from; none are held out.
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.
        policy: What is converted: what loses nothing, what MLflow converts, or nothing (`strict`).
        extra: Columns that the signature does not know: left out, told, or refused.
        most: So many failures are shown; the rest are counted.
        integrity: What happens if the signature is not the one that was published: it is refused (`strict`), data are checked
            against it with a warning (`warn`), or nobody looks (`off`).
        tracking: The store.
    """

    data: DataSource
    uri: str = Field(min_length=1)
    policy: Literal["mlflow", "lossless", "strict"] = "lossless"
    extra: Literal["ignore", "warn", "forbid"] = "ignore"
    most: int = Field(default=50, ge=1)
    integrity: IntegrityPolicy = "strict"
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        if self.policy == "mlflow" and self.extra == "forbid":
            raise ConfigError(
                "task.policy=mlflow leaves extra columns out, as MLflow does, and cannot refuse them",
                remedy="Choose task.policy=lossless, or task.extra=warn.",
            )
        with Progress() as progress:
            progress.stage("read the signature")
            signature = self._signature()
            progress.stage("read the data")
            # All rows, in their own order: a failure names the row of the file, not of a random part of it.
            sample = self.data.model_copy(update={"test_size": 0.0}).read()
            progress.stage("check")
            kept, total = self._find(signature, sample.inputs, sample.params)
        n_rows = count_rows(sample.inputs)
        if not total:
            echo(f"all {n_rows:,} rows of {self.data.name} conform to the signature of {self.uri}")
            return None
        shown = kept[: self.most]
        places = "1 place" if total == 1 else f"{total:,} places"
        title = f"{self.data.name} breaks the signature in {places}"
        title += f", of which {len(shown):,} are shown" if len(shown) < total else ""
        cells = [
            (
                "-" if one.row is None else str(one.row),
                one.path or "(all)",
                one.expected,
                one.got,
                one.code,
            )
            for one in shown
        ]
        show_table(title, ("row", "path", "expected", "got", "code"), cells)
        raise InputsError(
            f"{self.data.name} ({n_rows:,} rows) breaks the signature of {self.uri} in {places}",
            remedy="Correct the data; or give the model another signature with task=resign.",
            failures=tuple(kept),
            total=total,
            uri=self.uri,
        )

    def _signature(self) -> Signature:
        from modelpact.cli.stored_model import find_model, open_store, read_metadata

        with open_store(self.uri, self.tracking):
            signature: Signature | None = read_metadata(
                find_model(self.uri), self.integrity
            ).signature
        if signature is None or signature.inputs is None:
            what = "has no signature" if signature is None else "has a signature without inputs"
            raise LoadError(
                f"{self.uri!r} {what}: there is nothing to check against",
                remedy=f"Give it one, as a new version: task=resign task.uri={self.uri} signer=infer data=...",
                uri=self.uri,
            )
        return signature

    def _find(
        self, signature: Signature, inputs: Any, params: dict[str, Any] | None
    ) -> tuple[list[Violation], int]:
        """The failures in the order of their rows, and how many there are."""
        from modelpact.signature import compile as compile_signature

        enforcer = compile_signature(signature, self.policy, self.extra)
        most = max(self.most, COLLECTED)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            found = enforcer.find_violations(inputs, params, most)
        for warning in told:
            echo(f"warning: {warning.message}")
        by_cell = _by_cell(
            inputs,
            {
                failure.path
                for failure in found.recorded
                if failure.row is None and failure.expected in _NUMBERS
            },
        )
        if by_cell is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # told already
                found = enforcer.find_violations(by_cell, params, most)
        return sorted(
            found.recorded, key=lambda failure: -1 if failure.row is None else failure.row
        ), found.total


def _by_cell(inputs: Any, columns: set[str]) -> Any:
    """The inputs with cells instead of one text dtype in those of the columns that are text because a few cells are no numbers.

    A file's column is read as text when a single word is in it; the failure shall name that word's row, not the whole column.
    None where there is no such column.
    """
    import pandas as pd

    if not isinstance(inputs, pd.DataFrame) or inputs.columns.has_duplicates:
        return None
    found = {}
    for label in columns & set(inputs.columns):
        texts = inputs[label]
        numbers = (
            pd.to_numeric(texts, errors="coerce") if pd.api.types.is_string_dtype(texts) else texts
        )
        if texts is not numbers and numbers.notna().any():
            cells = [
                _cell(text, number)
                for text, number in zip(texts.tolist(), numbers.tolist(), strict=True)
            ]
            found[label] = pd.Series(cells, index=inputs.index, dtype=object)
    return inputs.assign(**found) if found else None


def _cell(text: Any, number: float) -> Any:
    """A cell as it would have been read alone: a number, a missing value, or the text."""
    if number != number:  # noqa: PLR0124  # NaN, the only one
        return text if isinstance(text, str) else None
    return int(number) if float(number).is_integer() and "." not in text else number
