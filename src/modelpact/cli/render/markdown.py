"""Tables and code in Markdown, whatever is in them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["code", "table"]


def table(headers: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [headers, ["---"] * len(headers), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """A text as code: a table of Markdown ends a cell at each bar that is not escaped."""
    if not text:
        return ""
    clean = "".join(letter if letter.isprintable() else " " for letter in text).replace("|", "\\|")
    fence = "`"
    while fence in clean:
        fence += "`"
    pad = " " if clean.startswith("`") or clean.endswith("`") else ""
    return f"{fence}{pad}{clean}{pad}{fence}"
