"""modelpact's launcher over processes of this machine, where Hydra looks for plugins."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from modelpact.cli.sweeps.process_pool import Pool

__all__ = ["ProcessLauncher"]


class ProcessLauncher(Launcher):
    """Runs the jobs of a sweep in processes beside each other.

    Args:
        n_jobs: How many processes.
    """

    def __init__(self, *, n_jobs: int = 2) -> None:
        from modelpact.errors import ConfigError

        if not isinstance(n_jobs, int) or n_jobs < 1:
            raise ConfigError(
                f"hydra.launcher.n_jobs={n_jobs} is not a number of processes",
                remedy="Set it to 1 or more.",
            )
        self.n_jobs = n_jobs
        self._pool: Pool | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from modelpact.cli.sweeps.process_pool import Pool
        from modelpact.cli.sweeps.workers import Work

        self._pool = Pool(Work(hydra_context, task_function, config), self.n_jobs)

    def ready(self, jobs: int) -> contextlib.AbstractContextManager[None]:
        """Have the processes for so many jobs, from before the store is opened until all is done."""
        return self._prepared().ready(jobs)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run jobs beside each other; one whose process dies has failed, and the others go on."""
        return self._prepared().run(job_overrides, initial_job_idx)

    def _prepared(self) -> Pool:
        if self._pool is None:
            raise TypeError("setup comes first")
        return self._pool
