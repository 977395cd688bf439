"""A progress bar for calls with many rows. It appears on terminals only, after a delay."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["DELAY", "RowProgress"]

DELAY = 3.0
"""Seconds before the bar appears."""


class RowProgress:
    """Counts finished rows, and shows a bar on standard error.

    The bar appears if standard error is a terminal, rich is installed, and the call takes long.

    Args:
        total: Number of rows.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._is_enabled = sys.stderr.isatty()

    def __enter__(self) -> RowProgress:
        return self

    def advance(self) -> None:
        """Count one finished row."""
        self._done += 1
        if not self._is_enabled:
            return
        if self._bar is None and time.monotonic() - self._started > DELAY:
            self._bar = _start_bar(self._total)
            self._is_enabled = self._bar is not None
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _start_bar(total: int) -> Progress | None:
    try:
        from rich import progress
        from rich.console import Console
    except ImportError:
        # A saved model does not require rich.
        return None
    columns = (
        progress.TextColumn("asking the server"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("rows, remaining"),
        progress.TimeRemainingColumn(),
    )
    bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("rows", total=total)
    bar.start()
    return bar
