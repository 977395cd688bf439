"""`task=history`: the history of a registered model's aliases."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from modelpact._internal.counts import format_count
from modelpact._internal.text import did_you_mean, truncate
from modelpact.cli.render.console import plain_table, show_table
from modelpact.cli.render.output_file import check_writable, write_text
from modelpact.cli.stored_model import open_store
from modelpact.cli.tasks.base import Task
from modelpact.errors import AliasError
from modelpact.registry.aliases import AliasEvent, AliasHistory, AliasState, format_version
from modelpact.registry.names import check_alias
from modelpact.tracking import Tracking

__all__ = ["HistoryTask"]

_HEADERS = ("alias", "move", "when (UTC)", "who", "by", "from", "to", "rules", "why")


class HistoryTask(Task):
    """Shows the history of a registered model's aliases, and where the registry differs from it.

    Attributes:
        name: The registered model.
        alias: One of its aliases; None for all.
        format: A table, or JSON with the result of each rule.
        out: The output file; None for standard output.
        tracking: The store.
    """

    name: str = Field(min_length=1)
    alias: str | None = None
    format: Literal["table", "json"] = "table"
    out: str | None = Field(default=None, min_length=1)
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        if self.alias is not None:
            check_alias(self.alias, "task.alias")
        check_writable(self.out, "task.out")
        self._write(self._read_states())
        return None

    def _write(self, states: list[AliasState]) -> None:
        events = [event for state in states for event in state.moves]
        count = format_count(len(events), "move") if events else "no moves"
        title, rows = f"{self.name}: {count}", list(map(_row, events))
        notes = [f"{_describe(state)}\n" for state in states]
        if self.out is None and self.format == "table":
            show_table(title, _HEADERS, rows)
            sys.stdout.writelines(notes)
            return
        table = f"{title}\n{plain_table(_HEADERS, rows)}{''.join(notes)}"
        text = self._json(states) if self.format == "json" else table
        write_text(self.out, text, f"wrote {self.out}: {count}")

    def _read_states(self) -> list[AliasState]:
        from mlflow import MlflowClient

        with open_store(f"models:/{self.name}", self.tracking):
            history = AliasHistory(MlflowClient(), self.name)
            return [
                history.settled_state(state.alias) if state.outside else state
                for state in self._choose(history.states())
            ]

    def _choose(self, states: Iterable[AliasState]) -> list[AliasState]:
        """Return the states to show: all of them, or that of one alias.

        Raises:
            AliasError: The model never had that alias.
        """
        by_alias = {state.alias: state for state in states}
        if self.alias is None:
            return list(by_alias.values())
        if self.alias not in by_alias:
            raise AliasError(
                f"{self.name} never had an alias {self.alias!r}"
                f"{did_you_mean(self.alias, by_alias)}",
                remedy=f"Aliases of {self.name}: {', '.join(by_alias) or 'none'}.",
                alias=self.alias,
            )
        return [by_alias[self.alias]]

    def _json(self, states: list[AliasState]) -> str:
        aliases = [
            {
                "alias": state.alias,
                "version": state.current,
                "registered": state.registered,
                "protected": state.protection is not None,
                "outside": state.outside,
                "unfinished": state.unfinished,
                "moves": [event.to_dict() for event in state.moves],
            }
            for state in states
        ]
        document = {"name": self.name, "aliases": aliases}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _row(event: AliasEvent) -> tuple[str, ...]:
    return (
        event.alias,
        str(event.number),
        event.when,
        _printable(event.who),
        event.by,
        str(event.before or "-"),
        str(event.to or "-"),
        _rules(event),
        _printable(event.why),
    )


def _rules(event: AliasEvent) -> str:
    if not event.rules:
        return "-"
    forced = f", forced: {', '.join(event.forced)}" if event.forced else ""
    return f"{sum(rule.ok for rule in event.rules)} of {len(event.rules)}{forced}"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in truncate(text, 80)) or "-"


def _describe(state: AliasState) -> str:
    """Return what an alias names, and how the registry differs from the history."""
    text = f"{state.alias} names {format_version(state.current)}"
    if state.protection is not None:
        text += ", and is protected"
    if state.unfinished:
        return (
            f"{text}; its last move is unfinished: the registry still has "
            f"{format_version(state.registered)} until task=repair or the next move"
        )
    if state.outside and state.last is None:
        return f"{text}; it was set outside of modelpact, which the next move records"
    if state.outside:
        return (
            f"{text}; it was moved outside of modelpact, from {format_version(state.recorded)}, "
            "which the next move records"
        )
    return text
