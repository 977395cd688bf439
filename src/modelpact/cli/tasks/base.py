"""The base class of tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from pydantic import PrivateAttr

from modelpact.types import Job, Step

__all__ = ["Task"]


class Task(Step, ABC):
    """Base class of tasks. Fields are the steps and settings of the task; Hydra composes them."""

    _job: Job = PrivateAttr(default=Job())

    def set_job(self, job: Job) -> None:
        """Set the context of the run: its configuration and its place in a sweep."""
        self._job = job

    def check(self) -> None:
        """Check what can be known before the first job of a sweep runs.

        Raises:
            PactError: The task would fail.
        """

    @abstractmethod
    def run(self, folder: Path) -> float | None:
        """Run the task.

        Args:
            folder: The output folder of this job.

        Returns:
            The objective for a sweeper, or None.

        Raises:
            PactError: The task failed.
        """
