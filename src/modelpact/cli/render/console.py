"""Output on the console: lines and tables, styled on a terminal and plain elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["echo", "hide_start", "plain_table", "show_start", "show_table", "shown_path"]


def echo(text: str = "") -> None:
    """Write a line without markup and colours."""
    sys.stdout.write(f"{text}\n")


def show_start() -> None:
    """Show on a terminal that the program has started, while it imports libraries."""
    if sys.stderr.isatty():
        sys.stderr.write("starting\r")
        sys.stderr.flush()


def hide_start() -> None:
    """Remove what `show_start` has written: the rest of the line, from the cursor on."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[K")
        sys.stderr.flush()


def shown_path(path: Path) -> Path:
    """Return a path relative to the working folder if it is in there, and otherwise unchanged."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def show_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table: with Rich on a terminal, as aligned plain text elsewhere.

    Args:
        title: The line above the table.
        headers: The name of each column.
        rows: The cells of each row.
    """
    if not rows or not sys.stdout.isatty():
        sys.stdout.write(f"{title}\n{plain_table(headers, rows)}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title), title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        # Rich would parse brackets in plain strings as markup.
        table.add_row(*map(Text, row))
    Console().print(table)


def plain_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Return a table as aligned lines, indented by two spaces; an empty string without rows.

    Example:
        >>> plain_table(["path", "row"], [["age", "3"]])
        '  path  row\n  age   3\n'
    """
    lines = [headers, *rows] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    cells = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "".join(f"  {text}\n" for text in cells)
