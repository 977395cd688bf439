"""Progress of a task, and the summary of a run."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from modelpact.cli.render.console import shown_path
from modelpact.types import Receipt

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.status import Status

__all__ = ["Progress", "ProgressBar", "show_receipt"]

D = TypeVar("D", "Status", "Bar")


class _Display(ABC, Generic[D]):
    """Shows a display of Rich on a terminal, and nothing elsewhere."""

    _display: D | None = None

    @abstractmethod
    def _create(self, console: Console) -> D: ...

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console

            self._display = self._create(Console(stderr=True))
            self._display.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._display is not None:
            self._display.stop()


class Progress(_Display["Status"]):
    """Shows the stages of a task on a terminal.

    Args:
        keep_finished: Whether finished stages stay visible, with their seconds.
    """

    def __init__(self, keep_finished: bool = True) -> None:
        self._keep_finished = keep_finished
        self._stage: tuple[str, float] | None = None

    def _create(self, console: Console) -> Status:
        return console.status("starting")

    def __exit__(self, *exception: object) -> None:
        self._finish_stage("failed" if exception[0] else "")
        super().__exit__(*exception)

    def stage(self, name: str) -> None:
        """Show the name of a stage that begins."""
        self._finish_stage()
        self._stage = name, time.perf_counter()
        self.show(name)

    def show(self, text: str) -> None:
        """Show a part of the current stage in place of the stage."""
        if self._display is not None:
            self._display.update(f"[bold]{text}[/bold]")

    def _finish_stage(self, result: str = "") -> None:
        if self._display is not None and self._stage is not None and self._keep_finished:
            name, started = self._stage
            line = f"{name:<18} {time.perf_counter() - started:7.2f} s  {result}".rstrip()
            self._display.console.print(line, markup=False, highlight=False)


class ProgressBar(_Display["Bar"]):
    """Shows the completed share of a task on a terminal, and nothing elsewhere."""

    def _create(self, console: Console) -> Bar:
        from rich import progress

        bar = progress.Progress(
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[rows]:,} rows"),
            progress.TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        bar.add_task("", total=1.0, rows=0)
        return bar

    def update(self, share: float, n_rows: int) -> None:
        """Show the completed share, from 0.0 to 1.0, and the number of rows."""
        if self._display is not None:
            self._display.update(self._display.task_ids[0], completed=share, rows=n_rows)


def show_receipt(receipt: Receipt, folder: Path) -> None:
    """Print the summary of a run: a table on a terminal, one line elsewhere."""
    scores = ", ".join(f"{name}={value:.4g}" for name, value in receipt.metrics.items())
    folder = shown_path(folder)
    if sys.stdout.isatty():
        _show_receipt_table(receipt, scores, folder)
    else:
        parts = (receipt.summary, scores, _count_checks(receipt), f"receipt in {folder}")
        sys.stdout.write("; ".join(filter(None, parts)) + "\n")


def _show_receipt_table(receipt: Receipt, scores: str, folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=receipt.summary, title_justify="left", show_header=False, box=None, pad_edge=False
    )
    table.add_row("steps", ", ".join(receipt.steps.values()))
    table.add_row("metrics", scores or "none")
    table.add_row("formats", ", ".join(receipt.formats) or "none")
    for check in receipt.checks:
        result = "[green]ok[/green]" if check.ok else "[red]failed[/red]"
        table.add_row(result, f"{check.code}: {check.detail}")
    table.add_row("receipt", str(folder / "receipt.json"))
    Console().print(table)


def _count_checks(receipt: Receipt) -> str:
    if not receipt.checks:
        return ""
    if any(check.code == "NOT_VERIFIED" for check in receipt.checks):
        return "not verified"
    passed = sum(check.ok for check in receipt.checks)
    return f"{passed} of {len(receipt.checks)} checks passed"
