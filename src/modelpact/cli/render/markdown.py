"""Tables and code in Markdown, with arbitrary text in them."""

from __future__ import annotations

from collections.abc import Sequence

from modelpact._internal.characters import blank_unprintable

__all__ = ["code", "table"]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Return a text as inline code that is valid in a table cell."""
    if not text:
        return ""
    clean = blank_unprintable(text).replace("|", "\\|")
    fence = "`"
    while fence in clean:
        fence += "`"
    pad = " " if clean.startswith("`") or clean.endswith("`") else ""
    return f"{fence}{pad}{clean}{pad}{fence}"
