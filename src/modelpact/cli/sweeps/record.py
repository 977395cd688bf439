"""`sweep.json`: the record of a sweep, which its jobs read and which it is resumed from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from modelpact._internal.files import write_atomically
from modelpact.errors import SweepError
from modelpact.security.secrets import join_keys

__all__ = ["FILE", "PROTOCOL", "SweepRecord", "list_differences"]

FILE = "sweep.json"
PROTOCOL = 1
"""The version of the file format."""

_MISSING = object()


class SweepRecord(BaseModel):
    """The record of a sweep.

    Attributes:
        protocol: The version of the file format.
        parent: The parent run in MLflow.
        base: The configuration that all jobs share, unresolved: it contains references and no
            values of environment variables.
        calls: How often the sweep was started or resumed.
        jobs: The overrides of each job; the index is the number of the job.
        minimize: Whether the best job has the smallest first metric, not the greatest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: int = PROTOCOL
    parent: str | None = None
    calls: int = 0
    base: dict[str, Any]
    jobs: list[list[str]]
    minimize: bool = False

    def write(self, folder: Path) -> None:
        """Write the record into the folder of the sweep, atomically."""
        write_atomically(folder / FILE, self.model_dump_json(indent=2) + "\n")

    def normalize(self) -> SweepRecord:
        """Return the record as it is after writing and reading it."""
        return type(self).model_validate_json(self.model_dump_json())

    @classmethod
    def read(cls, folder: Path) -> SweepRecord | None:
        """Return the record in a folder; None if there is none.

        Raises:
            SweepError: The file is not a record of this release.
        """
        path = folder / FILE
        try:
            text = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            record = cls.model_validate_json(text)
        except ValidationError as error:
            problem = error.errors(include_input=False)[0]
            raise SweepError(
                f"{path} is not the record of a sweep: {problem['msg']}",
                remedy="Set hydra.sweep.dir to the folder of a sweep.",
            ) from None
        if record.protocol != PROTOCOL:
            raise SweepError(
                f"{path} has protocol {record.protocol}; this release reads {PROTOCOL}",
                remedy="Resume the sweep with the release of modelpact that started it.",
            )
        return record

    def find_number(self, overrides: list[str], folder_name: str = "") -> int | None:
        """Return the number of the job with these overrides; None if there is none.

        Args:
            overrides: The overrides of a job.
            folder_name: The name of the job's folder, which is its number; it decides between jobs
                with the same overrides.
        """
        if folder_name.isdecimal():
            number = int(folder_name)
            if number < len(self.jobs) and self.jobs[number] == overrides:
                return number
        return self.jobs.index(overrides) if overrides in self.jobs else None


def list_differences(before: object, now: object, path: str = "") -> list[str]:
    """Return the differences between two configurations, one line per key.

    Example:
        >>> list_differences({"seed": 0, "name": None}, {"seed": 1, "name": None})
        ['seed: was 0, is 1']
    """
    if before is _MISSING:
        return [f"{path}: is new ({now!r})"]
    if now is _MISSING:
        return [f"{path}: was {before!r}, is missing"]
    if isinstance(before, dict) and isinstance(now, dict):
        lines = []
        for key in {**before, **now}:
            inner = join_keys(path, key)
            lines += list_differences(before.get(key, _MISSING), now.get(key, _MISSING), inner)
        return lines
    return [] if before == now else [f"{path}: was {before!r}, is {now!r}"]
