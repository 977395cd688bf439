"""What was found, what is allowed, and how it is told: the place, the kind and the remedy, never a value."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from modelpact.errors import SecretError

__all__ = ["RUN_PREFIX", "AllowlistEntry", "Kind", "Leak", "ScanReport"]

Kind = Literal["environment", "form", "address", "entropy"]

RUN_PREFIX = "run:"
"""How the places begin of what a run records: `run:config.model.prompt`."""

TOLD = 20
"""How many leaks a message names; the rest is counted."""

log = logging.getLogger(__name__)

_SAID: dict[Kind, Callable[[str], str]] = {
    "environment": lambda name: f"the value of the variable {name}",
    "form": lambda name: "a key of a well-known form",
    "address": lambda name: "an address with a password or a key in it",
    "entropy": lambda name: f"what looks like a key, under the name {name}",
}


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """One secret that was found.

    Attributes:
        place: The file, or the key: `code/helper.py`, `tags.note`.
        where: Where in it: `line 3`, `byte 120`; empty where the place says it all.
        kind: What gave it away: `environment`, `form`, `address` or `entropy`.
        name: The variable, or the name it stands under; empty where there is none.
    """

    place: str
    where: str
    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        where = f", {self.where}" if self.where else ""
        return f"{self.place}{where}: {_SAID[self.kind](self.name)} (kind: {self.kind})"


class AllowlistEntry(BaseModel):
    """An exception: what is found at this place, of this kind, is no secret.

    Attributes:
        place: The file or the key, with `*` for any part of it: `code/x.py`, `artifacts/state/*.json`, `tags.note`.
        kind: `environment`, `form`, `address` or `entropy`.
        reason: Why it is none; recorded with the model.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    place: str
    kind: Kind
    reason: str = Field(max_length=300)

    @field_validator("reason")
    @classmethod
    def _said(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("say why it is no secret")
        return value

    @field_validator("place")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if not value.strip("*?/. "):
            raise ValueError("name a file or a key; what allows every place allows every leak")
        return value

    def covers(self, leak: Leak) -> bool:
        """Whether a leak is what this allows."""
        return leak.kind == self.kind and fnmatch.fnmatchcase(leak.place, self.place)


@dataclass(slots=True)
class ScanReport:
    """What a scan found.

    Attributes:
        leaks: The secrets.
        files: How many files were read.
        unread: What could not be read, each with why.
        is_run: Whether it is what a run records; exceptions for other places are not missed there.
    """

    leaks: list[Leak] = field(default_factory=list)
    files: int = 0
    unread: list[str] = field(default_factory=list)
    is_run: bool = False

    def enforce(
        self, allowed: Sequence[AllowlistEntry], key: str, what: str
    ) -> list[AllowlistEntry]:
        """Refuse the leaks, unless they are allowed.

        Args:
            allowed: The exceptions.
            key: Where exceptions are given: `saver.leak_allowlist`.
            what: What was scanned, for messages: `the model to be uploaded`.

        Returns:
            The exceptions that were needed.

        Raises:
            SecretError: It names every place, in `places` too, and no value.
        """
        for note in self.unread:
            log.warning("the leak scan did not read %s", note)
        left = sorted(
            {leak for leak in self.leaks if not any(item.covers(leak) for item in allowed)}
        )
        if left:
            raise _refusal(left, key, what)
        used = [item for item in allowed if any(item.covers(leak) for leak in self.leaks)]
        for item in allowed:
            if item not in used and item.place.startswith(RUN_PREFIX) == self.is_run:
                log.warning(
                    "%s: nothing of the kind %s is at %s; take the exception out",
                    key,
                    item.kind,
                    item.place,
                )
        for item in used:
            log.info("%s: %s at %s is allowed: %s", key, item.kind, item.place, item.reason)
        return used


def _refusal(left: list[Leak], key: str, what: str) -> SecretError:
    count = "a secret" if len(left) == 1 else f"{len(left)} secrets"
    lines = [f"{what} holds {count}:", *(f"  {leak}" for leak in left[:TOLD])]
    if len(left) > TOLD:
        lines.append(f"  and {len(left) - TOLD} more")
    first = left[0]
    remedy = (
        "Take it out, and change the key if anybody has seen it; name a key instead: env:NAME, or os.environ in code.\n"
        f"What is no secret is allowed with a reason: {key}=[{{place: '{first.place}', kind: {first.kind}, reason: '...'}}]"
    )
    places = list(dict.fromkeys(leak.place for leak in left))
    return SecretError(
        "\n".join(lines), remedy=remedy, places=places, leaks=[str(leak) for leak in left]
    )
