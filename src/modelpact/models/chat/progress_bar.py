"""How far a long call is: a bar on the screen after a while, and nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

__all__ = ["AFTER", "Progress"]

AFTER = 3.0
"""Seconds before a bar appears."""


class Progress:
    """Counts rows; shows a bar on standard error when that is a terminal, rich is installed, and it takes a while.

    Args:
        total: How many rows there are.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._started = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        return self

    def advance(self) -> None:
        """One row more is done."""
        self._done += 1
        if self._bar is None and time.monotonic() - self._started > AFTER and sys.stderr.isatty():
            self._bar = _bar(self._total)
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()


def _bar(total: int) -> Any:
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError:  # a saved model may run without it
        return False
    columns = (
        TextColumn("asking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows, still"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("rows", total=total)
    bar.start()
    return bar
