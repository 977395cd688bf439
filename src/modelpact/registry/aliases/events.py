"""What became of an alias, move by move, as it is written in the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelpact.errors import AliasError, ConfigError
from modelpact.security import secrets

__all__ = ["AliasEvent", "AliasState", "By", "RuleResult", "check_reason"]

By = Literal[
    "promote", "rollback", "register", "sweep", "python", "undo", "outside", "protect", "lift"
]
"""What moved an alias: a task, the registration of a version, a sweep, a call from Python, the undoing of a registration that
failed, something outside of modelpact; or protected it, or lifted that."""

VERSION = 1
"""Of the form that moves are written in."""

LONGEST_WHY = 1000
"""Characters of a reason; the rest of a move needs its room too."""


class RuleResult(BaseModel):
    """One rule of a promotion: its name, whether it held, and the figures."""

    model_config = ConfigDict(frozen=True)

    name: str
    ok: bool
    detail: str = ""


class AliasEvent(BaseModel):
    """One line of an alias's history.

    Attributes:
        form: Of what is written; a greater number comes from a newer modelpact.
        id: Makes the line unique.
        alias: What was moved.
        number: Its place in the alias's history, from 1.
        by: What moved it.
        before: The version that it named; None for none.
        to: The version that it names from then on; None for none.
        who: The user, as he called himself.
        when: UTC, ISO 8601, by the clock of the machine that moved it; the order is that of the numbers.
        why: In his own words.
        rules: The result of each rule that was asked.
        forced: The rules that were to be passed over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    form: int = VERSION
    id: str
    alias: str
    number: int
    by: By
    before: int | None = Field(alias="from")
    to: int | None
    who: str
    when: str
    why: str = ""
    rules: tuple[RuleResult, ...] = ()
    forced: tuple[str, ...] = ()

    def line(self) -> str:
        """What is written."""
        return self.model_dump_json(by_alias=True, exclude_defaults=False)

    def to_dict(self) -> dict[str, Any]:
        """What a program gets to read."""
        return self.model_dump(mode="json", by_alias=True, exclude={"form"})

    @classmethod
    def of(cls, line: str, place: str) -> AliasEvent:
        """Read what was written.

        Raises:
            AliasError: It was not written by this modelpact or an older one.
        """
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            raise AliasError(
                f"{place} is no move that this modelpact can read",
                remedy="It comes from a newer modelpact: upgrade; or somebody wrote a param into that run by hand.",
            ) from error


@dataclass(frozen=True)
class AliasState:
    """An alias as the history and the registry have it.

    Attributes:
        name: The registered model.
        alias: The alias.
        moves: Its history, the oldest first.
        registered: The version that the registry has; None for none.
        told: The numbers of the moves that the registry is known to have been told of.
    """

    name: str
    alias: str
    moves: Sequence[AliasEvent]
    registered: int | None
    told: frozenset[int]

    @property
    def last(self) -> AliasEvent | None:
        """The last move proper."""
        return next(
            (move for move in reversed(self.moves) if move.by not in ("protect", "lift")), None
        )

    @property
    def recorded(self) -> int | None:
        """The version that the history ends with."""
        return None if self.last is None else self.last.to

    @property
    def unfinished(self) -> bool:
        """Whether the last move is in the history and not in the registry yet: its mover is at it, or was killed."""
        last = self.last
        if last is None or last.by == "outside" or last.number in self.told:
            return False
        return self.registered == last.before != last.to

    @property
    def outside(self) -> bool:
        """Whether the alias was moved by something that writes no history, such as MLflow's own page."""
        return self.registered != self.recorded and not self.unfinished

    @property
    def current(self) -> int | None:
        """The version that it names, or will as soon as the last move is finished."""
        return self.registered if self.outside else self.recorded

    @cached_property
    def protection(self) -> AliasEvent | None:
        """What protects it; None where nothing does."""
        last = next((move for move in reversed(self.moves) if move.by in ("protect", "lift")), None)
        return last if last is not None and last.by == "protect" else None

    def check_unprotected(self, what: str) -> None:
        """Refuse a move that is no promotion, where it is protected.

        Args:
            what: What is refused, in words.

        Raises:
            AliasError: It is protected.
        """
        by = self.protection
        if by is not None:
            raise AliasError(
                f"{what}: {self.alias} of {self.name} is protected, by {by.who} on {by.when}{f' ({by.why})' if by.why else ''}",
                remedy=f"Register without it, then: task=promote task.uri=models:/{self.name}/<version> task.alias={self.alias}. "
                f"To lift it: task=protect task.name={self.name} task.alias={self.alias} task.lift=true.",
                alias=self.alias,
            )

    def earlier(self) -> list[int]:
        """The versions that a rollback goes back to, one after the other: what was rolled back from is none of them.

        Example:
            >>> def move(by, before, to):
            ...     return AliasEvent(id="", alias="a", number=1, by=by, before=before, to=to, who="", when="")
            >>> moves = [move("promote", None, 1), move("promote", 1, 2), move("promote", 2, 3), move("rollback", 3, 2)]
            >>> AliasState("sums", "a", moves, 2, frozenset()).earlier()
            [1]
        """
        named: list[int | None] = []
        for move in self.moves:
            if move.by in ("protect", "lift"):
                continue
            if move.by in ("rollback", "undo") and move.to in named:
                del named[len(named) - named[::-1].index(move.to) :]
            else:
                named.append(move.to)
        if self.outside:
            named.append(self.registered)
        found = [version for version in reversed(named) if version is not None]
        return [version for version in dict.fromkeys(found) if version != self.current]


def check_reason(why: str, key: str) -> None:
    """Refuse what the history does not take as a reason.

    Args:
        why: The reason.
        key: Where it was given.

    Raises:
        ConfigError: It is too long, or no text.
        SecretError: It holds a key.
    """
    secrets.reject_literals({"why": why}, key.rpartition(".")[0])
    whole = all(not "\ud800" <= letter <= "\udfff" for letter in why)
    if len(why) > LONGEST_WHY or not whole:
        raise ConfigError(
            f"{key} {'has half characters' if not whole else f'is {len(why):,} characters long'}",
            remedy=f"Say why in at most {LONGEST_WHY:,} characters, and point to where the rest is.",
        )
