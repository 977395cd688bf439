"""Findings of the leak scan, and the allowlist for false positives."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from modelpact.errors import SecretError

__all__ = ["RUN_PREFIX", "AllowlistEntry", "Kind", "Leak", "ScanReport"]

Kind = Literal["environment", "pattern", "url", "entropy"]
"""How a secret was recognized: as the value of an environment variable, by the format of a
well-known key, as a URL with credentials, or as a random text under the name of a secret."""

RUN_PREFIX = "run:"
"""The prefix of places in the records of a run: `run:config.model.prompt`."""

MAX_LISTED = 20
"""How many leaks an error message lists."""

log = logging.getLogger(__name__)

_DESCRIPTIONS: dict[Kind, str] = {
    "environment": "the value of the environment variable {name}",
    "pattern": "a key in a well-known format",
    "url": "a URL with credentials",
    "entropy": "what looks like a key, under the name {name}",
}


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A secret that was found.

    Attributes:
        place: The file or the key: `code/helper.py`, `tags.note`.
        where: The position within: `line 3`, `byte 120`; may be empty.
        kind: How it was recognized.
        name: The environment variable, or the name it is under; may be empty.
    """

    place: str
    where: str
    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        where = f", {self.where}" if self.where else ""
        description = _DESCRIPTIONS[self.kind].replace("{name}", self.name)
        return f"{self.place}{where}: {description} (kind: {self.kind})"


class AllowlistEntry(BaseModel):
    """A false positive: findings of this kind at this place are not secrets.

    Attributes:
        place: The file or the key, with `*` as a wildcard: `code/x.py`, `artifacts/state/*.json`,
            `tags.note`.
        kind: `environment`, `pattern`, `url` or `entropy`.
        reason: Why it is not a secret; recorded with the model.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    place: str
    kind: Kind
    reason: str = Field(max_length=300)

    @field_validator("reason")
    @classmethod
    def _check_reason(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("explain why it is not a secret")
        return value

    @field_validator("place")
    @classmethod
    def _check_place(cls, value: str) -> str:
        if not value.strip("*?/. "):
            raise ValueError("name a file or a key; a pattern for every place allows every leak")
        return value

    def covers(self, leak: Leak) -> bool:
        """Check whether the entry allows a leak."""
        return leak.kind == self.kind and fnmatch.fnmatchcase(leak.place, self.place)


@dataclass(slots=True)
class ScanReport:
    """The findings of a scan.

    Attributes:
        leaks: The secrets.
        files: The number of files that were read.
        unread: What could not be read, with the reason.
        is_run: Whether the records of a run were scanned. Allowlist entries for other places are
            then not reported as unused.
    """

    leaks: list[Leak] = field(default_factory=list)
    files: int = 0
    unread: list[str] = field(default_factory=list)
    is_run: bool = False

    def enforce(
        self, allowlist: Sequence[AllowlistEntry], key: str, what: str
    ) -> list[AllowlistEntry]:
        """Reject leaks that the allowlist does not cover.

        Args:
            allowlist: The allowlist.
            key: The configuration key of the allowlist: `saver.leak_allowlist`.
            what: What was scanned, for messages: `the model to be uploaded`.

        Returns:
            The entries that were needed.

        Raises:
            SecretError: There are leaks. It names their places and no values.
        """
        for note in self.unread:
            log.warning("the leak scan did not read %s", note)
        self.reject(allowlist, key, what)
        return self._used_entries(allowlist, key)

    def reject(self, allowlist: Sequence[AllowlistEntry], key: str, what: str) -> None:
        """Reject leaks like `enforce`, without any logging."""
        leaks = {leak for leak in self.leaks if not _is_allowed(leak, allowlist)}
        if leaks:
            raise _leak_error(sorted(leaks), key, what)

    def _used_entries(self, allowlist: Sequence[AllowlistEntry], key: str) -> list[AllowlistEntry]:
        """Return the entries that allow a leak; log each, and warn about the unused ones."""
        used = []
        for entry in allowlist:
            kind, place = entry.kind, entry.place
            if any(map(entry.covers, self.leaks)):
                used.append(entry)
                log.info("%s: %s at %s is allowed: %s", key, kind, place, entry.reason)
            elif place.startswith(RUN_PREFIX) == self.is_run:
                log.warning("%s: no finding of kind %s at %s; remove the entry", key, kind, place)
        return used


def _is_allowed(leak: Leak, allowlist: Sequence[AllowlistEntry]) -> bool:
    return any(entry.covers(leak) for entry in allowlist)


def _leak_error(leaks: Sequence[Leak], key: str, what: str) -> SecretError:
    count = "a secret" if len(leaks) == 1 else f"{len(leaks)} secrets"
    lines = [f"{what} contains {count}:", *(f"  {leak}" for leak in leaks[:MAX_LISTED])]
    if len(leaks) > MAX_LISTED:
        lines.append(f"  and {len(leaks) - MAX_LISTED} more")
    entry = f"{{place: '{leaks[0].place}', kind: {leaks[0].kind}, reason: '...'}}"
    return SecretError(
        "\n".join(lines),
        remedy="Remove it, and revoke the key if anyone may have seen it. Use a reference instead: "
        f"env:NAME, or os.environ in code.\nFor a false positive: {key}=[{entry}]",
        places=list(dict.fromkeys(leak.place for leak in leaks)),
        leaks=[str(leak) for leak in leaks],
    )
