"""`task=history`: who moved a model's aliases, when, from where, to where, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from modelpact._internal.files import write_atomically
from modelpact._internal.text import did_you_mean, truncate
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.output_file import check_writable
from modelpact.cli.stored_model import open_store
from modelpact.cli.tasks.base import Task
from modelpact.errors import AliasError
from modelpact.registry.aliases import AliasEvent, AliasHistory, AliasState
from modelpact.registry.names import check_alias
from modelpact.tracking import Tracking

__all__ = ["HistoryTask"]

_HEADERS = ("alias", "move", "when (UTC)", "who", "by", "from", "to", "rules", "why")


class HistoryTask(Task):
    """Shows the moves of a registered model's aliases, and where the registry says something else.

    Attributes:
        name: The registered model.
        alias: One of its aliases; None for all.
        format: A table to read, or JSON, which has the result of each rule.
        out: The file to write, whole or not at all; None for standard output.
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
        if self.out is not None:
            check_writable(self.out, "task.out")
        states = self._states()
        moves = [move for state in states for move in state.moves]
        count = f"{len(moves) or 'no'} move{'s' * (len(moves) != 1)}"
        if self.format == "json":
            self._write(json.dumps(self._document(states), indent=2, ensure_ascii=False), count)
            return None
        title = f"{self.name}: {count}"
        if self.out is not None:
            from modelpact.cli.render.console import plain_table

            rows = plain_table(_HEADERS, [_row(move) for move in moves]) if moves else ""
            self._write("\n".join([title, *rows.splitlines(), *map(_told, states)]), count)
            return None
        if moves:
            show_table(title, _HEADERS, [_row(move) for move in moves])
        else:
            echo(title)
        for state in states:
            echo(_told(state))
        return None

    def _states(self) -> list[AliasState]:
        from mlflow import MlflowClient

        with open_store(f"models:/{self.name}", self.tracking):
            history = AliasHistory(MlflowClient(), self.name)
            found = {state.alias: state for state in history.states()}
            if self.alias is not None and self.alias not in found:
                raise AliasError(
                    f"{self.name} has no alias {self.alias}, and never had{did_you_mean(self.alias, found)}",
                    remedy=f"Its aliases: {', '.join(found) or 'none'}.",
                    alias=self.alias,
                )
            chosen = [state for state in found.values() if self.alias in (None, state.alias)]
            return [
                history.settled_state(state.alias) if state.outside else state for state in chosen
            ]

    def _write(self, text: str, count: str) -> None:
        if self.out is None:
            echo(text)
        else:
            write_atomically(Path(self.out), f"{text}\n")
            echo(f"wrote {self.out}: {count}")

    def _document(self, states: list[AliasState]) -> dict[str, Any]:
        return {
            "name": self.name,
            "aliases": [
                {
                    "alias": state.alias,
                    "version": state.current,
                    "registered": state.registered,
                    "protected": state.protection is not None,
                    "outside": state.outside,
                    "unfinished": state.unfinished,
                    "moves": [move.to_dict() for move in state.moves],
                }
                for state in states
            ],
        }


def _row(move: AliasEvent) -> list[str]:
    ends = [str(version or "-") for version in (move.before, move.to)]
    return [
        move.alias,
        str(move.number),
        move.when,
        _plain(move.who),
        move.by,
        *ends,
        _rules(move),
        _plain(move.why),
    ]


def _rules(move: AliasEvent) -> str:
    if not move.rules:
        return "-"
    forced = f", forced: {', '.join(move.forced)}" if move.forced else ""
    return f"{sum(rule.ok for rule in move.rules)} of {len(move.rules)}{forced}"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in truncate(text, 80)) or "-"


def _told(state: AliasState) -> str:
    """What an alias names now, and what is odd about it."""
    names = "nothing" if state.current is None else f"version {state.current}"
    told = (
        f"{state.alias} names {names}{', and is protected' if state.protection is not None else ''}"
    )
    if state.unfinished:
        registered = "nothing" if state.registered is None else f"version {state.registered}"
        return f"{told}; the registry still says {registered}: its last move is not finished, which task=repair or the next does"
    if state.outside and state.last is None:
        return f"{told}; that was set outside of modelpact, and the next move records it"
    if state.outside:
        was = "nothing" if state.recorded is None else f"version {state.recorded}"
        return (
            f"{told}; it was moved outside of modelpact, from {was}, and the next move records that"
        )
    return told
