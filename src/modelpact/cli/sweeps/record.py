"""`sweep.json`: what a sweep is, kept in its folder, so that its jobs know it and a later call can go on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from modelpact._internal.files import write_atomically
from modelpact.errors import SweepError

__all__ = ["FILE", "PROTOCOL", "SweepRecord", "differences"]

FILE = "sweep.json"
PROTOCOL = 1
"""The version of the file's layout."""


class SweepRecord(BaseModel):
    """What a sweep is.

    Attributes:
        protocol: The version of this layout.
        parent: MLflow's run that its jobs' runs are children of.
        base: The configuration that its jobs have in common, unresolved: references and no values of the environment.
        calls: How many times it was begun or resumed.
        jobs: What each job overrides, in their order; the place in this list is the job's number.
        minimize: Whether the best job is the one whose first metric is the smallest, and not the greatest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: int = PROTOCOL
    parent: str | None = None
    calls: int = 0
    base: dict[str, Any]
    jobs: list[list[str]]
    minimize: bool = False

    def write(self, folder: Path) -> None:
        """Write it into a sweep's folder, whole or not at all."""
        write_atomically(folder / FILE, self.model_dump_json(indent=2) + "\n")

    def as_written(self) -> SweepRecord:
        """What is read when it is read back."""
        return type(self).model_validate_json(self.model_dump_json())

    @classmethod
    def read(cls, folder: Path) -> SweepRecord | None:
        """The record in a folder; None where there is none.

        Raises:
            SweepError: The file is no record of this release.
        """
        try:
            text = (folder / FILE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            found = cls.model_validate_json(text)
        except ValidationError as error:
            fault = error.errors(include_input=False)[0]
            raise SweepError(
                f"{folder / FILE} is not the record of a sweep: {fault['msg']}",
                remedy="Resume with the folder of a sweep.",
            ) from None
        if found.protocol != PROTOCOL:
            raise SweepError(
                f"{folder / FILE} is of protocol {found.protocol}; this release reads {PROTOCOL}",
                remedy="Resume it with the release of modelpact that began it.",
            )
        return found

    def number(self, overrides: list[str], place: str = "") -> int | None:
        """Which of its jobs overrides just that; None for none of them.

        Args:
            overrides: The overrides of a job.
            place: The name of its folder, which is its number, where several jobs override the same.
        """
        if place.isdecimal() and int(place) < len(self.jobs) and self.jobs[int(place)] == overrides:
            return int(place)
        return self.jobs.index(overrides) if overrides in self.jobs else None


def differences(before: Any, now: Any, place: str = "") -> list[str]:
    """What differs between two configurations, a line each: `model.estimator.alpha: 1.0 then, 2.0 now`.

    Example:
        >>> differences({"seed": 0, "name": None}, {"seed": 1, "name": None})
        ['seed: 0 then, 1 now']
    """
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        missing = object()
        return [
            line
            for key in keys
            for line in _pair(
                before.get(key, missing),
                now.get(key, missing),
                f"{place}.{key}" if place else str(key),
                missing,
            )
        ]
    return [] if before == now else [f"{place}: {before!r} then, {now!r} now"]


def _pair(before: Any, now: Any, place: str, missing: object) -> list[str]:
    if before is missing:
        return [f"{place}: not there then, {now!r} now"]
    if now is missing:
        return [f"{place}: {before!r} then, not there now"]
    return differences(before, now, place)
