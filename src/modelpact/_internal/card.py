"""`Card`: how a result is shown in a notebook, as HTML, and by Rich on a terminal."""

from __future__ import annotations

import functools
import reprlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template
    from rich.console import Group

__all__ = ["Card", "CardTable", "Displayed"]

MAX_ROWS = 500
"""Rows of a table that are shown."""


@dataclass(frozen=True, slots=True)
class CardTable:
    """A table; the first cell of each row is its header."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Card:
    """The parts of what is shown.

    Attributes:
        kind: The name of the class that is shown.
        title: The result in one line.
        status: A word for the result, such as `ok` or `failed`; empty if there is none.
        ok: Whether the result is good, which determines the color of the status.
        facts: Values by name; empty ones are left out.
        tables: Tables, each with its caption; those without rows are left out.
        value: A value with a representation of its own, such as a DataFrame.
    """

    kind: str
    title: str
    status: str = ""
    ok: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)
    tables: Sequence[CardTable] = ()
    value: object = None

    def to_html(self) -> str:
        """Return the card as HTML, which needs no network and follows the theme of the page."""
        html = getattr(self.value, "_repr_html_", lambda: None)()
        text = "" if self.value is None else _text(self.value)
        return _load_template().render(card=self, html=html, text=text, max_rows=MAX_ROWS)

    def to_rich(self) -> Group:
        """Return the card for Rich."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        style = "green" if self.ok else "bold red"
        parts: list[Text | Table] = [
            Text.assemble((self.status, style), " " if self.status else "", (self.title, "bold"))
        ]
        facts = CardTable("", ("", ""), [fact for fact in self.facts.items() if fact[1]])
        for table in (facts, *self.tables):
            shown = Table(title=table.caption, title_justify="left", box=None, pad_edge=False)
            shown.show_header = table is not facts
            for header in table.headers:
                shown.add_column(header, overflow="fold")
            for row in table.rows[:MAX_ROWS]:
                # Rich would parse brackets in plain strings as markup.
                shown.add_row(*map(Text, row))
            parts += [shown] if table.rows else []
        return Group(*parts, *([] if self.value is None else [Text(_text(self.value))]))


class Displayed:
    """Base class of results that are shown as a card."""

    __slots__ = ()

    @abstractmethod
    def _card(self) -> Card:
        """Return the card of this result."""

    def _repr_html_(self) -> str:
        return self._card().to_html()

    def __rich__(self) -> Group:
        return self._card().to_rich()


def _text(value: object) -> str:
    """Return the `repr` of a value, with at most 20 items of a list or a dict."""
    short = reprlib.Repr()
    short.maxlist = short.maxdict = short.maxtuple = 20
    short.maxstring = short.maxother = 5000
    return short.repr(value)


@functools.cache
def _load_template() -> Template:
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    path = Path(__file__).with_name("card.html.jinja")
    return environment.from_string(path.read_text(encoding="utf-8"))
