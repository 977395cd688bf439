"""Moves of aliases: an event is appended to the history, then applied to MLflow's registry."""

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
from modelpact.registry.aliases.events import (
    AliasEvent,
    AliasState,
    EventKind,
    RuleResult,
    check_reason,
)
from modelpact.registry.names import check_alias
from modelpact.security.text_redaction import redact_text
from modelpact.tracking import remote_store

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "ANY",
    "Aliases",
    "check_unprotected",
    "current_user",
    "find_unfinished",
    "format_version",
]

ANY: Final = "any"
"""The expectation that every version meets."""

MAX_ATTEMPTS = 50
"""How often a move without an expectation is tried."""


class Aliases(AliasHistory):
    """The aliases of one registered model, to read and to move."""

    def move(
        self,
        alias: str,
        to: int | None,
        *,
        by: EventKind = "python",
        expected: int | Literal["any"] | None = ANY,
        why: str = "",
        rules: Sequence[RuleResult] = (),
        forced: Sequence[str] = (),
    ) -> AliasEvent | None:
        """Move an alias to another version.

        Args:
            alias: The alias.
            to: The version; None deletes the alias.
            by: The origin of the move. Only `promote` and `rollback` move a protected alias.
            expected: The version that the alias must name before; None if it must not exist, `ANY`
                for any version.
            why: The reason, for the history.
            rules: The results of the rules of a promotion, for the history.
            forced: The rules that were overridden, for the history.

        Returns:
            The event; None if the alias named that version already.

        Raises:
            ConfigError: The alias or the reason is invalid.
            AliasError: The alias was not moved, because it names another version than expected, is
                protected, or the version does not exist. Or the history has the move but the
                registry could not be updated (`not_undone`).
        """
        check_alias(alias, "alias")
        check_reason(why, "move.why")
        for attempt in range(MAX_ATTEMPTS):
            state = self.settled_state(alias)
            if expected not in (ANY, state.current):
                raise self._conflict(state, expected)
            if by not in ("promote", "rollback", "undo"):
                state.check_unprotected(f"{alias} was not moved")
            if self._record_outside_move(state, by):
                continue
            if state.current == to:
                self._apply_unfinished(state)
                return None
            self._check_version(to)
            event = self._append(state, by, to, why=why, rules=tuple(rules), forced=tuple(forced))
            if event is not None:
                self._apply(event)
                return event
            time.sleep(min(0.01 * attempt, 0.2))
        raise self._contention(alias)

    def protect(self, alias: str, on: bool = True, *, why: str = "") -> AliasEvent | None:
        """Protect an alias, so that only promotions and rollbacks move it, or lift that.

        Args:
            alias: The alias.
            on: Whether to protect the alias, or to lift the protection.
            why: The reason, for the history.

        Returns:
            The event; None if nothing changed.

        Raises:
            ConfigError: The alias or the reason is invalid.
            AliasError: The store rejected the request.
        """
        check_alias(alias, "alias")
        check_reason(why, "protect.why")
        for _ in range(MAX_ATTEMPTS):
            state = self.settled_state(alias)
            if (state.protection is not None) == on:
                return None
            if self._record_outside_move(state, "protect"):
                continue
            self._apply_unfinished(state)
            event = self._append(state, "protect" if on else "lift", state.current, why=why)
            if event is not None:
                return event
        raise self._contention(alias)

    def finish(self, alias: str) -> None:
        """Apply the last move to the registry, if that was not done.

        Raises:
            AliasError: The store rejected the request.
        """
        self._apply_unfinished(self.state(alias))

    def _record_outside_move(self, state: AliasState, by: EventKind) -> bool:
        if state.outside:
            self._append(state, "outside", state.registered, why=f"found by {by}")
        return state.outside

    def _append(
        self,
        state: AliasState,
        by: EventKind,
        to: int | None,
        *,
        why: str,
        rules: tuple[RuleResult, ...] = (),
        forced: tuple[str, ...] = (),
    ) -> AliasEvent | None:
        """Append the next event of an alias; return None if another process appended one."""
        event = AliasEvent(
            id=uuid.uuid4().hex,
            alias=state.alias,
            number=len(state.moves) + 1,
            by=by,
            before=state.recorded if by == "outside" else state.current,
            to=to,
            who=current_user(),
            when=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            why=why,
            rules=rules,
            forced=forced,
        )
        line = event.to_line()
        if len(line) > append_log.MAX_LINE_LENGTH:
            raise AliasError(
                f"the event of {state.alias} takes {len(line):,} characters in the history; "
                f"the maximum is {append_log.MAX_LINE_LENGTH:,}",
                remedy="Give a shorter reason, and refer to the details.",
                alias=state.alias,
            )
        return event if self._write_line(state.alias, str(event.number), line) else None

    def _apply_unfinished(self, state: AliasState) -> None:
        if state.unfinished and state.last is not None:
            self._apply(state.last)

    def _apply(self, event: AliasEvent) -> None:
        """Apply a move to the registry, and later ones, until the registry has the last one."""
        from mlflow.exceptions import MlflowException

        try:
            while True:
                self._set_registered(event.alias, event.to)
                last = self._last_move(event.alias)
                if last is None or last.number == event.number:
                    break
                event = last
            self._write_line(event.alias, f"{event.number}.{APPLIED}", event.when)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                self._withdraw(event)
            raise AliasError(
                f"{event.alias} of {self.name}: the move to {format_version(event.to)} is in the "
                "history, but the registry could not be updated: "
                f"{truncate(remote_store.store_failure(error) or error, 200)}",
                remedy="The next move of the alias, or task=repair, applies it.",
                alias=event.alias,
                not_undone=[f"move {event.number}"],
            ) from error

    def _set_registered(self, alias: str, version: int | None) -> None:
        if version is None:
            self.client.delete_registered_model_alias(self.name, alias)
        else:
            self.client.set_registered_model_alias(self.name, alias, str(version))

    def _withdraw(self, event: AliasEvent) -> None:
        """Record that a move was not applied, because its version was deleted meanwhile."""
        state = self.state(event.alias)
        reason = f"version {event.to} was deleted meanwhile"
        self._append(state, "undo", state.registered, why=reason)
        raise AliasError(
            f"{event.alias} of {self.name} was not moved: {reason}",
            remedy=f"It names {format_version(state.registered)}.",
            alias=event.alias,
        )

    def _check_version(self, number: int | None) -> None:
        status = getattr(self.version(number), "status", None)
        if number is None or status == "READY":
            return
        fault = f"is {status}, not READY" if status else "does not exist"
        raise AliasError(
            f"version {number} of {self.name} {fault}",
            remedy="Choose another version; "
            f"task=history task.name={self.name} shows the versions that were used before.",
            name=self.name,
            version=str(number),
        )

    def _conflict(self, state: AliasState, expected: int | Literal["any"] | None) -> AliasError:
        last = state.last
        cause = "it was moved outside of modelpact"
        if last is not None and not state.outside:
            reason = f" ({last.why})" if last.why else ""
            cause = f"{last.who} moved it at {last.when} by {last.by}{reason}"
        return AliasError(
            f"{state.alias} of {self.name} was not moved: it names "
            f"{format_version(state.current)}, not {format_version(expected)}; {cause}",
            remedy=f"See task=history task.name={self.name} task.alias={state.alias}, "
            "then decide again.",
            alias=state.alias,
            current=state.current,
            expected=expected,
        )

    def _contention(self, alias: str) -> AliasError:
        return AliasError(
            f"{alias} of {self.name} was not changed: other processes kept moving it "
            f"in {MAX_ATTEMPTS} attempts",
            remedy="Try again.",
            alias=alias,
        )


def check_unprotected(client: MlflowClient, name: str, aliases: Collection[str], key: str) -> None:
    """Reject protected aliases; the model need not exist.

    Args:
        client: A client for the store.
        name: The registered model.
        aliases: The aliases to move.
        key: The configuration key that they come from, such as `register.aliases`.

    Raises:
        AliasError: An alias is protected.
    """
    history = Aliases.find(client, name) if aliases else None
    if history is not None:
        for alias in aliases:
            history.state(alias).check_unprotected(f"{key} cannot move {alias}")


def find_unfinished(client: MlflowClient) -> Iterator[tuple[Aliases, AliasState]]:
    """Yield the aliases of a store whose last move is not applied to the registry.

    Raises:
        AliasError: The store rejected the request, or an event cannot be read.
        StoreError: The history was deleted.
    """
    for subject in append_log.list_subjects(client):
        aliases = _find_aliases(client, subject)
        if aliases is not None:
            yield from ((aliases, state) for state in aliases.states() if state.unfinished)


def _find_aliases(client: MlflowClient, subject: str) -> Aliases | None:
    """Return the aliases that a history belongs to; None if the model was deleted."""
    name, _, created = subject.rpartition("\n")
    aliases = Aliases.find(client, name) if name and created else None
    return aliases if aliases is not None and aliases.subject == subject else None


def current_user() -> str:
    """Return the user name for the server, or that of the account, as MLflow does."""
    from mlflow.utils.credentials import read_mlflow_creds

    name = read_mlflow_creds().username
    if not name:
        try:
            name = mlflow_compat.current_user()
        # containers have accounts without a name
        except (KeyError, OSError):
            name = f"uid {os.getuid()}"
    return truncate(redact_text(name), 100)


def format_version(version: object) -> str:
    """Return the text for the version that an alias names, or for none."""
    return "no version" if version is None else f"version {version}"
