"""What a task shows: progress a stage and a compact table on a terminal, one line elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from modelpact.types import Receipt

__all__ = ["Progress", "show_receipt"]


class Progress:
    """The stage a run is in, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._status: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("starting")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def stage(self, name: str) -> None:
        """Say that a stage has begun."""
        if self._status is not None:
            self._status.update(f"[bold]{name}[/bold]")


def show_receipt(receipt: Receipt, folder: Path) -> None:
    """Print what was done: a table on a terminal, one line elsewhere."""
    if receipt.version is None:
        what = f"saved {receipt.name} as {receipt.model_uri}, not registered"
    else:
        what = f"{'reused' if receipt.reused else 'registered'} {receipt.name} version {receipt.version}"
    scores = ", ".join(f"{name}={value:.4g}" for name, value in receipt.metrics.items())
    checks = _checks(receipt)
    if not sys.stdout.isatty():
        sys.stdout.write(
            "; ".join(
                part for part in (what, scores, checks, f"receipt in {_relative(folder)}") if part
            )
            + "\n"
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=what, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_row("steps", ", ".join(receipt.steps.values()))
    table.add_row("metrics", scores or "none")
    table.add_row("formats", ", ".join(receipt.formats) or "none")
    for check in receipt.checks:
        table.add_row(
            "[green]ok[/green]" if check.ok else "[red]failed[/red]",
            f"{check.code}: {check.detail}",
        )
    table.add_row(
        "seconds",
        ", ".join(
            f"{stage} {spent:.2f}" for stage, spent in receipt.seconds.items() if spent >= 0.005
        ),
    )
    table.add_row("receipt", str(_relative(folder) / "receipt.json"))
    Console().print(table)


def _checks(receipt: Receipt) -> str:
    if any(check.code == "NOT_VERIFIED" for check in receipt.checks):
        return "not verified"
    return (
        f"{sum(check.ok for check in receipt.checks)} of {len(receipt.checks)} checks passed"
        if receipt.checks
        else ""
    )


def _relative(folder: Path) -> Path:
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
