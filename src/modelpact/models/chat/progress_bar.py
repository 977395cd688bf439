"""A progress bar for calls with many rows. It appears on terminals only, after a delay."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["DELAY", "row_progress"]

DELAY = 3.0
"""Seconds before the bar appears."""


@contextlib.contextmanager
def row_progress(total: int) -> Iterator[Callable[[], None]]:
    """Yield a function that counts one finished row, and show a bar on standard error.

    The bar appears if standard error is a terminal, rich is installed, and the call takes long.
    """
    # A saved model does not require rich.
    is_enabled = sys.stderr.isatty() and find_spec("rich") is not None
    started, n_done, bar = time.monotonic(), 0, None
    with contextlib.ExitStack() as stack:

        def advance() -> None:
            nonlocal n_done, bar
            n_done += 1
            if is_enabled and bar is None and time.monotonic() - started > DELAY:
                bar = stack.enter_context(_create_bar(total))
            if bar is not None:
                bar.update(bar.task_ids[0], completed=n_done)

        yield advance


def _create_bar(total: int) -> Progress:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("asking the server"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("rows, remaining"),
        progress.TimeRemainingColumn(),
    )
    bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("rows", total=total)
    return bar
