"""`Task`: one thing the command line can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from modelpact.steps import Step

__all__ = ["Task"]


class Task(Step, ABC):
    """One thing the command line can do. Its fields are the steps and settings it needs, composed by Hydra."""

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
