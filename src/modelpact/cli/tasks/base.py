"""`Task`: one thing the command line can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from pydantic import PrivateAttr

from modelpact.types import Job, Step

__all__ = ["Task"]


class Task(Step, ABC):
    """One thing the command line can do. Its fields are the steps and settings it needs, composed by Hydra."""

    _job: Job = PrivateAttr(default=Job())

    def surround(self, job: Job) -> None:
        """Tell it what it is run within: the configuration that it was composed from, its place in a sweep."""
        self._job = job

    def check(self) -> None:
        """Refuse now, before any job of a sweep is run, what can be known to fail.

        Raises:
            PactError: It would fail.
        """

    @abstractmethod
    def run(self, folder: Path) -> float | None:
        """Do it.

        Args:
            folder: Where this job's files go (Hydra's output folder).

        Returns:
            The objective of a sweep, or None where there is none.

        Raises:
            PactError: It could not be done.
        """
