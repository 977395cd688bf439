"""The base class of tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from pydantic import PrivateAttr

from modelpact.errors import ConfigError
from modelpact.types import Job, Step

__all__ = ["Task", "check_policy"]


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


def check_policy(policy: str, extra: str) -> None:
    """Check that `task.policy` and `task.extra` can be combined.

    Raises:
        ConfigError: `mlflow` cannot reject extra columns.
    """
    if policy == "mlflow" and extra == "forbid":
        raise ConfigError(
            "task.extra=forbid cannot be combined with task.policy=mlflow, "
            "which ignores extra columns",
            remedy="Choose task.policy=lossless, or task.extra=warn.",
        )
