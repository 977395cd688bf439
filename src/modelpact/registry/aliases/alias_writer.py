"""One who moves aliases: writes into the history first, then tells MLflow's registry."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from modelpact._internal import mlflow_compat
from modelpact._internal.text import truncate
from modelpact.errors import AliasError
from modelpact.registry.aliases import append_log
from modelpact.registry.aliases.alias_history import APPLIED, AliasHistory
from modelpact.registry.aliases.events import AliasEvent, AliasState, By, RuleResult, check_reason
from modelpact.registry.names import check_alias
from modelpact.security import secrets
from modelpact.tracking import remote_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ANY", "Aliases", "check_unprotected", "find_unfinished"]

ANY: Final = "any"
"""Whatever an alias names."""

ATTEMPTS = 50
"""How often a move is tried again that expects nothing."""


class Aliases(AliasHistory):
    """The aliases of one registered model, to be read and moved."""

    def move(
        self,
        alias: str,
        to: int | None,
        *,
        by: By = "python",
        expected: int | Literal["any"] | None = ANY,
        why: str = "",
        rules: Sequence[RuleResult] = (),
        forced: Sequence[str] = (),
    ) -> AliasEvent | None:
        """Let an alias name another version.

        Args:
            alias: The alias.
            to: The version; None to take the alias away.
            by: What moves it; one that is protected is moved by `promote` and `rollback` only.
            expected: What it must name before; None for nothing, `ANY` for whatever it is.
            why: For the history.
            rules: The rules that were asked, for the history.
            forced: The rules that were to be passed over, for the history.

        Returns:
            The move; None where the alias named that version already.

        Raises:
            ConfigError: The alias or the reason cannot be one.
            AliasError: It was not moved: it names something else than was expected, it is protected, there is no such version; or
                the history has the move and the registry could not be told (`left`).
        """
        check_alias(alias, "alias")
        check_reason(why, "move.why")
        for attempt in range(ATTEMPTS):
            state = self.settled_state(alias)
            if expected not in (ANY, state.current):
                raise self._lost(state, expected)
            if by not in ("promote", "rollback", "undo"):
                state.check_unprotected(f"{alias} was not moved")
            if state.outside:
                self._append(state, "outside", state.registered, why=f"found by {by}")
                continue
            if state.current == to:
                if state.unfinished and state.last is not None:
                    self._tell(state.last)
                return None
            self._check_version(to)
            move = self._append(state, by, to, why=why, rules=tuple(rules), forced=tuple(forced))
            if move is not None:
                self._tell(move)
                return move
            time.sleep(min(0.01 * attempt, 0.2))
        raise AliasError(
            f"{alias} of {self.name} is moved all the time by others",
            remedy="Do the same again.",
            alias=alias,
        )

    def protect(self, alias: str, on: bool = True, *, why: str = "") -> AliasEvent | None:
        """Let an alias be moved by promotion and rollback only, or lift that.

        Returns:
            The line of the history; None where it was so already.

        Raises:
            ConfigError: The alias or the reason cannot be one.
            AliasError: The store refused.
        """
        check_alias(alias, "alias")
        check_reason(why, "protect.why")
        for _ in range(ATTEMPTS):
            state = self.settled_state(alias)
            if (state.protection is not None) == on:
                return None
            if state.outside:
                self._append(state, "outside", state.registered, why="found by protect")
                continue
            if state.unfinished and state.last is not None:
                self._tell(state.last)
            line = self._append(state, "protect" if on else "lift", state.current, why=why)
            if line is not None:
                return line
        raise AliasError(
            f"{alias} of {self.name} is moved all the time by others",
            remedy="Do the same again.",
            alias=alias,
        )

    def finish(self, alias: str) -> None:
        """Tell the registry of the last move, if it was not told.

        Raises:
            AliasError: It refused.
        """
        state = self.state(alias)
        if state.unfinished and state.last is not None:
            self._tell(state.last)

    def _append(
        self,
        state: AliasState,
        by: By,
        to: int | None,
        *,
        why: str,
        rules: tuple[RuleResult, ...] = (),
        forced: tuple[str, ...] = (),
    ) -> AliasEvent | None:
        """Write the next line of an alias's history; None where somebody else did."""
        before = state.recorded if by == "outside" else state.current
        when = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        move = AliasEvent(
            id=uuid.uuid4().hex, alias=state.alias, number=len(state.moves) + 1, by=by, before=before, to=to, who=_who(),
            when=when, why=why, rules=rules, forced=forced,
        )  # fmt: skip
        line = move.line()
        if len(line) > append_log.LONGEST:
            raise AliasError(
                f"the move of {state.alias} is {len(line):,} characters in the history, which takes {append_log.LONGEST:,}",
                remedy="Say why in fewer words, and point to where the rest is.",
                alias=state.alias,
            )
        return move if self.write(state.alias, str(move.number), line) else None

    def _tell(self, move: AliasEvent) -> None:
        """Tell the registry of a move, and of those that came after it, until it knows the last."""
        from mlflow.exceptions import MlflowException

        try:
            while True:
                if move.to is None:
                    self.client.delete_registered_model_alias(self.name, move.alias)
                else:
                    self.client.set_registered_model_alias(self.name, move.alias, str(move.to))
                latest = self.read(move.alias).last
                if latest is None or latest.number == move.number:
                    break
                move = latest
            self.write(move.alias, f"{move.number}.{APPLIED}", move.when)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                self._withdraw(move)
            raise AliasError(
                f"{move.alias} of {self.name}: its move to {_version(move.to)} is in the history, "
                f"and the registry could not be told: {truncate(remote_store.store_failure(error) or error, 200)}",
                remedy="Whoever moves it next, or task=repair, finishes that.",
                alias=move.alias,
                left=[f"move {move.number}"],
            ) from error

    def _withdraw(self, move: AliasEvent) -> None:
        """Note that a move came to nothing, because its version was deleted in between."""
        state = self.state(move.alias)
        self._append(
            state, "undo", state.registered, why=f"version {move.to} was deleted meanwhile"
        )
        raise AliasError(
            f"{move.alias} of {self.name} was not moved: version {move.to} was deleted meanwhile",
            remedy=f"It names {_version(state.registered)}.",
            alias=move.alias,
        )

    def _check_version(self, number: int | None) -> None:
        version = self.version(number)
        if number is None or (version is not None and version.status == "READY"):
            return
        raise AliasError(
            f"version {number} of {self.name} is {'not there' if version is None else version.status}: no alias can name it",
            remedy=f"Choose another version; task=history task.name={self.name} shows those that were named before.",
            name=self.name,
            version=str(number),
        )

    def _lost(self, state: AliasState, expected: int | Literal["any"] | None) -> AliasError:
        last = state.last
        if state.outside or last is None:
            how = "it was moved outside of modelpact"
        else:
            how = f"{last.who} moved it at {last.when} by {last.by}{f' ({last.why})' if last.why else ''}"
        return AliasError(
            f"{state.alias} of {self.name} was not moved: it names {_version(state.current)}, "
            f"not {_version(expected)} any more; {how}",
            remedy=f"Look at task=history task.name={self.name} task.alias={state.alias}, then decide again.",
            alias=state.alias,
            current=state.current,
            expected=expected,
        )


def check_unprotected(client: MlflowClient, name: str, aliases: Collection[str], key: str) -> None:
    """Refuse aliases that only a promotion may move; those of a model that does not exist yet are free.

    Args:
        client: MLflow's client for the store.
        name: The registered model.
        aliases: What is to be moved.
        key: Where they were given, such as `register.aliases`.

    Raises:
        AliasError: One of them is protected.
    """
    found = Aliases.of(client, name) if aliases else None
    if found is not None:
        for alias in aliases:
            found.state(alias).check_unprotected(f"{key} cannot move {alias}")


def find_unfinished(client: MlflowClient) -> Iterator[tuple[Aliases, AliasState]]:
    """The aliases of a store whose last move the registry was not told of.

    Raises:
        AliasError: The store refused, or what it has is not to be read.
        StoreError: The history was deleted.
    """
    for subject in append_log.list_subjects(client):
        name, _, created = subject.rpartition("\n")
        found = Aliases.of(client, name) if name and created else None
        if found is not None and found.subject == subject:
            yield from ((found, state) for state in found.states() if state.unfinished)


def _who() -> str:
    """The user, as MLflow knows him: by the name that a server is told, or by that of the account."""
    from mlflow.utils.credentials import read_mlflow_creds

    name = read_mlflow_creds().username
    if not name:
        try:
            name = mlflow_compat.user()
        except (KeyError, OSError):  # an account without a name, as containers have them
            name = f"uid {os.getuid()}"
    return truncate(secrets.redact_text(name), 100)


def _version(version: object) -> str:
    return "no version" if version is None else f"version {version}"
