"""`task=parity`: compare a stored model in Python, in plain MLflow and over HTTP."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from modelpact._internal.files import write_atomically
from modelpact._internal.mlmodel_file import load_pyfunc
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.output_file import check_writable
from modelpact.cli.render.progress import Progress
from modelpact.cli.stored_model import find_model, open_store
from modelpact.cli.tasks.base import Task
from modelpact.errors import VerifyError
from modelpact.loaders import Loader
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from modelpact.loaders import Adapter
    from modelpact.serving import Parity
    from modelpact.serving.parity_rules import Difference

__all__ = ["ParityTask"]

_HEADERS = (
    "client",
    "accepted",
    "rejected",
    "failed",
    "not sent",
    "cells compared",
    "differences",
    "explained",
)


class ParityTask(Task):
    """Sends the same payloads to a stored model in four ways, and reports different results.

    Attributes:
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`,
            `runs:/<run_id>/model`, or a folder.
        payloads: The number of payloads: the stored example, then in equal parts rows drawn from
            it, generated valid inputs, and invalid ones.
        seed: The seed of the generated payloads.
        max_shown: How many differences are shown; the rest are counted.
        report: A JSON file for the whole comparison; None for none.
        loader: How the model is loaded.
        tracking: The store.
    """

    uri: str = Field(min_length=1)
    payloads: int = Field(default=200, ge=1)
    seed: int = Field(default=0, ge=0)
    max_shown: int = Field(default=20, ge=1)
    report: str | None = Field(default=None, min_length=1)
    loader: Loader
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        check_writable(self.report, "task.report")
        with Progress() as progress:
            progress.stage("load the model")
            with open_store(self.uri, self.tracking):
                adapter = self.loader.load(find_model(self.uri).uri)
            progress.stage("compare")
            parity = self._compare(adapter)
        if self.report is not None:
            write_atomically(Path(self.report), parity.to_json())
        self._show(adapter, parity)
        return None

    def _compare(self, adapter: Adapter) -> Parity:
        from modelpact.serving import compare
        from modelpact.serving.parity import generate_payloads

        # Not the adapter's own PyFuncModel: the comparison is with plain MLflow.
        pyfunc = load_pyfunc(adapter.folder)
        return compare(adapter, generate_payloads(adapter, self.payloads, self.seed), pyfunc)

    def _show(self, adapter: Adapter, parity: Parity) -> None:
        from modelpact.serving.clients import CLIENTS
        from modelpact.serving.parity_rules import RULES

        title = f"{adapter.uri}: {len(parity.results)} payloads: {_count_kinds(parity)}"
        show_table(title, _HEADERS, [_row(parity, client) for client in CLIENTS])
        if parity.explained:
            rows = [
                (rule, f"{count:,}", RULES[rule])
                for rule, count in sorted(parity.explained.items())
            ]
            show_table("explained", ("rule", "differences", "why"), rows)
        unexplained = parity.unexplained
        if unexplained:
            self._show_unexplained(parity, unexplained)
            raise VerifyError(
                f"{self.uri} gives different results: {len(unexplained):,} unexplained differences",
                remedy="Send the table and the file of task.report=parity.json to the maintainer "
                "of the model, or of modelpact.",
                parity=parity,
            )
        echo("0 unexplained differences" if parity.differences else "0 differences")

    def _show_unexplained(self, parity: Parity, unexplained: list[Difference]) -> None:
        title = f"{len(unexplained):,} unexplained"
        if len(unexplained) > self.max_shown:
            title += f", {self.max_shown} of them shown"
        rows = [
            (
                str(difference.payload),
                _kind(parity, difference.payload),
                difference.client,
                difference.path or "(verdict)",
                difference.python,
                difference.other,
            )
            for difference in unexplained[: self.max_shown]
        ]
        show_table(title, ("payload", "kind", "client", "cell", "python", "other"), rows)


def _count_kinds(parity: Parity) -> str:
    kinds = Counter(result.kind for result in parity.results)
    n_example, n_sampled = kinds.pop("example", 0), kinds.pop("sampled", 0)
    n_valid = kinds.pop("generated", 0)
    stored = f"the stored example, {n_sampled} of its rows" if n_example else "no stored example"
    return f"{stored}, {n_valid} valid, {kinds.total()} invalid in {len(kinds)} ways"


def _row(parity: Parity, client: str) -> tuple[str, ...]:
    """Return the table row of a client; all others are compared with Python."""
    verdicts = parity.count_verdicts(client)
    counts = (str(verdicts[verdict]) for verdict in ("accepted", "rejected", "failed", "not sent"))
    if client == "python":
        return (client, *counts, "-", "-", "-")
    differences = [difference for difference in parity.differences if difference.client == client]
    explained = sum(1 for difference in differences if difference.rule)
    return (
        client,
        *counts,
        f"{parity.count_cells(client):,}",
        f"{len(differences):,}",
        f"{explained:,}",
    )


def _kind(parity: Parity, number: int) -> str:
    result = parity.results[number]
    return f"{result.kind} at {result.path}" if result.path else result.kind
