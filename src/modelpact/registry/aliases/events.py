"""Events in the history of an alias, and the state that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelpact._internal.characters import has_surrogates
from modelpact.errors import AliasError, ConfigError
from modelpact.security import leak_scan, secrets

__all__ = ["AliasEvent", "AliasState", "EventKind", "RuleResult", "check_reason"]

EventKind = Literal[
    "promote", "rollback", "register", "sweep", "python", "undo", "outside", "protect", "lift"
]
"""The origin of an event.

`promote` and `rollback` are tasks, `register` is the registration of a version, `sweep` a sweep,
`python` a call from Python, `undo` a registration that was undone, and `outside` a move by another
tool. `protect` and `lift` change the protection and move nothing.
"""

FORMAT = 2
"""The version of the stored format."""

MAX_REASON_LENGTH = 1000
"""Characters of a reason; the other fields of an event need room too."""

_PROTECTION = ("protect", "lift")


class RuleResult(BaseModel):
    """The result of one rule of a promotion.

    Attributes:
        name: The rule.
        ok: Whether the version meets it.
        detail: The figures.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    ok: bool
    detail: str = ""


class AliasEvent(BaseModel):
    """One event in the history of an alias.

    Attributes:
        format: The version of the stored format.
        id: Makes the stored line unique.
        alias: The alias.
        number: The position in the history of the alias, from 1.
        by: The origin of the event.
        before: The version that the alias named before; None if it did not exist.
        to: The version that the alias names after it; None if it was deleted.
        who: The user, as configured on the machine.
        when: UTC in ISO 8601, by the clock of that machine. The order of events is that of their
            numbers.
        why: The reason that the user gave.
        rules: The result of each rule of the promotion.
        forced: The rules that the user overrode.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    format: int = FORMAT
    id: str
    alias: str
    number: int
    by: EventKind
    before: int | None = Field(alias="from")
    to: int | None
    who: str
    when: str
    why: str = ""
    rules: tuple[RuleResult, ...] = ()
    forced: tuple[str, ...] = ()

    def to_line(self) -> str:
        """Return the event as it is stored."""
        return self.model_dump_json(by_alias=True)

    def to_dict(self) -> dict[str, object]:
        """Return the event as plain data."""
        return self.model_dump(mode="json", by_alias=True, exclude={"format"})

    @property
    def is_move(self) -> bool:
        """Whether the event moves the alias; `protect` and `lift` do not."""
        return self.by not in _PROTECTION

    @classmethod
    def parse(cls, line: str, place: str) -> AliasEvent:
        """Parse a stored event.

        Args:
            line: The stored line.
            place: Where the line is stored, for the message.

        Raises:
            AliasError: The line is not an event, or is of a newer format.
        """
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            raise AliasError(
                f"{place} is not an event that this version of modelpact can read",
                remedy="A newer modelpact may have written it: upgrade. "
                "Otherwise the param was written by hand.",
            ) from error


@dataclass(frozen=True)
class AliasState:
    """An alias according to the history and to MLflow's registry.

    Attributes:
        name: The registered model.
        alias: The alias.
        moves: The history, oldest event first.
        registered: The version in the registry; None if the alias does not exist there.
        applied: The numbers of the events that were applied to the registry.
    """

    name: str
    alias: str
    moves: Sequence[AliasEvent]
    registered: int | None
    applied: frozenset[int]

    @property
    def last(self) -> AliasEvent | None:
        """The last move."""
        return next((event for event in reversed(self.moves) if event.is_move), None)

    @property
    def recorded(self) -> int | None:
        """The version according to the history."""
        return None if self.last is None else self.last.to

    @property
    def unfinished(self) -> bool:
        """Whether the last move is not applied to the registry.

        Its writer is about to do that, or was killed.
        """
        last = self.last
        if last is None or last.by == "outside" or last.number in self.applied:
            return False
        return self.registered == last.before != last.to

    @property
    def outside(self) -> bool:
        """Whether a tool that writes no history moved the alias, such as MLflow's UI."""
        return self.registered != self.recorded and not self.unfinished

    @property
    def current(self) -> int | None:
        """The version that the alias names, or will name once the last move is applied."""
        return self.registered if self.outside else self.recorded

    @cached_property
    def protection(self) -> AliasEvent | None:
        """The event that protects the alias; None if it is not protected."""
        last = next((event for event in reversed(self.moves) if not event.is_move), None)
        return last if last is not None and last.by == "protect" else None

    def check_unprotected(self, what: str) -> None:
        """Reject a move of a protected alias.

        Args:
            what: The rejected action, for the message.

        Raises:
            AliasError: The alias is protected.
        """
        event = self.protection
        if event is None:
            return
        reason = f" ({event.why})" if event.why else ""
        where = f"task.alias={self.alias}"
        raise AliasError(
            f"{what}: {self.alias} of {self.name} is protected, "
            f"by {event.who} on {event.when}{reason}",
            remedy="Register without the alias, then promote the version: task=promote "
            f"task.uri=models:/{self.name}/<version> {where}. "
            f"To lift the protection: task=protect task.name={self.name} {where} task.lift=true.",
            alias=self.alias,
        )

    def earlier(self) -> list[int]:
        """Return the versions that rollbacks return to, most recent first.

        Versions that were rolled back are not among them.

        Example:
            >>> def move(by, before, to):
            ...     fields = {"alias": "a", "number": 1, "who": "", "when": ""}
            ...     return AliasEvent(id="", by=by, before=before, to=to, **fields)
            >>> moves = [move("promote", None, 1), move("promote", 1, 2), move("promote", 2, 3)]
            >>> moves.append(move("rollback", 3, 2))
            >>> AliasState("sums", "a", moves, 2, frozenset()).earlier()
            [1]
        """
        named = dict.fromkeys(reversed(self._named_versions()))
        return [one for one in named if one is not None and one != self.current]

    def _named_versions(self) -> list[int | None]:
        """Return the versions that the alias named, without those that were rolled back."""
        named: list[int | None] = []
        for event in self.moves:
            if not event.is_move:
                continue
            if event.by in ("rollback", "undo") and event.to in named:
                last = len(named) - 1 - named[::-1].index(event.to)
                del named[last + 1 :]
            else:
                named.append(event.to)
        return named


def check_reason(why: str, key: str) -> None:
    """Reject a reason that the history cannot store.

    Args:
        why: The reason.
        key: The configuration key that it comes from.

    Raises:
        ConfigError: The reason is too long, or is not valid Unicode.
        SecretError: The reason contains a secret.
    """
    secrets.reject_literals({"why": why}, key.rpartition(".")[0])
    if leak_scan.redact(why) != why:
        raise secrets.literal_error([key])
    if has_surrogates(why):
        raise ConfigError(f"{key} has unpaired surrogates", remedy="Use valid Unicode text.")
    if len(why) > MAX_REASON_LENGTH:
        raise ConfigError(
            f"{key} is {len(why):,} characters long",
            remedy=f"Use at most {MAX_REASON_LENGTH:,} characters, and refer to the details.",
        )
