"""`task=parity`: whether a stored model gives one verdict and one answer in Python, by plain MLflow and over HTTP."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from modelpact._internal.files import no_bytecode, write_atomically
from modelpact._internal.text import truncate
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.output_file import check_writable
from modelpact.cli.render.progress import Progress
from modelpact.cli.stored_model import find_model, open_store
from modelpact.cli.tasks.base import Task
from modelpact.errors import LoadError, VerifyError
from modelpact.loaders import Loader
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from modelpact.loaders import Adapter
    from modelpact.serving import Parity

__all__ = ["ParityTask"]


class ParityTask(Task):
    """Asks a stored model the same in four ways, and reports every cell in which the answers differ.

    Attributes:
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.
        payloads: How many: the stored example, and in equal parts rows drawn from it, made ones that conform, and broken ones.
        seed: The same seed makes the same payloads.
        most: So many differences are shown; the rest are counted.
        report: A JSON file for all of it; None for none.
        loader: How the model is loaded.
        tracking: The store.
    """

    uri: str = Field(min_length=1)
    payloads: int = Field(default=200, ge=1)
    seed: int = Field(default=0, ge=0)
    most: int = Field(default=20, ge=1)
    report: str | None = Field(default=None, min_length=1)
    loader: Loader
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        if self.report is not None:
            check_writable(self.report, "task.report")
        with Progress() as progress:
            progress.stage("load the model")
            with open_store(self.uri, self.tracking):
                adapter = self.loader.load(find_model(self.uri).uri)
            progress.stage("ask")
            found = self._compared(adapter)
        if self.report is not None:
            write_atomically(Path(self.report), found.to_json())
        self._show(adapter, found)
        return None

    def _compared(self, adapter: Adapter) -> Parity:
        import mlflow.pyfunc
        from mlflow.exceptions import MlflowException

        from modelpact.serving import compare
        from modelpact.serving.parity import payloads

        try:  # the adapter's own is of the same kind, but a plain one of plain MLflow proves more
            with no_bytecode():
                pyfunc = mlflow.pyfunc.load_model(str(adapter.folder), suppress_warnings=True)
        except (MlflowException, OSError) as error:
            raise LoadError(
                f"{self.uri!r} cannot be loaded: {truncate(error, 300)}", uri=self.uri
            ) from error
        return compare(adapter, payloads(adapter, self.payloads, self.seed), pyfunc)

    def _show(self, adapter: Adapter, found: Parity) -> None:
        from modelpact.serving.clients import CLIENTS
        from modelpact.serving.parity import RULES

        kinds = Counter(each.kind for each in found.asked)
        breaking = {
            kind: count
            for kind, count in kinds.items()
            if kind not in {"example", "drawn", "conforming"}
        }
        stored = (
            f"the stored example, {kinds['drawn']} of its rows"
            if kinds["example"]
            else "no stored example"
        )
        parts = f"{stored}, {kinds['conforming']} made to conform, {sum(breaking.values())} broken in {len(breaking)} ways"
        headers = (
            "way",
            "accepted",
            "refused",
            "failed",
            "not asked",
            "cells compared",
            "differences",
            "explained",
        )
        title = f"{adapter.uri}: {len(found.asked)} payloads: {parts}"
        show_table(title, headers, [_line(found, way) for way in CLIENTS])
        if found.explained:
            lines = [
                (rule, f"{count:,}", RULES[rule]) for rule, count in sorted(found.explained.items())
            ]
            show_table("explained", ("rule", "differences", "why"), lines)
        left = found.unexplained
        if not left:
            echo(
                "0 differences" if not found.differences else "0 differences that are not explained"
            )
            return
        title = f"{len(left):,} not explained" + (
            f", of which {self.most} are shown" if len(left) > self.most else ""
        )
        told = [
            (
                str(one.payload),
                _kind(found, one.payload),
                one.way,
                one.path or "(verdict)",
                one.python,
                one.other,
            )
            for one in left[: self.most]
        ]
        show_table(title, ("payload", "kind", "way", "cell", "python", "other"), told)
        raise VerifyError(
            f"{self.uri} does not say the same in all ways: {len(left):,} differences are not explained",
            remedy="Show the table, and the file of task.report=parity.json, to who maintains the model, or modelpact.",
            parity=found,
        )


def _line(found: Parity, way: str) -> tuple[str, ...]:
    """A way's line of the table; all others are compared with Python's."""
    verdicts = found.verdicts(way)
    counts = (str(verdicts[verdict]) for verdict in ("accepted", "refused", "failed", "not asked"))
    if way == "python":
        return (way, *counts, "-", "-", "-")
    differences = [difference for difference in found.differences if difference.way == way]
    explained = sum(1 for difference in differences if difference.rule)
    compared = sum(each.cells.get(way, 0) for each in found.asked)
    return (way, *counts, f"{compared:,}", f"{len(differences):,}", f"{explained:,}")


def _kind(found: Parity, number: int) -> str:
    asked = found.asked[number]
    return f"{asked.kind} at {asked.place}" if asked.place else asked.kind
