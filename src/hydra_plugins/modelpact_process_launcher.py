"""modelpact's process launcher, in the namespace package where Hydra discovers plugins."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from modelpact.cli.sweeps.process_pool import ProcessPool

__all__ = ["ProcessLauncher"]


class ProcessLauncher(Launcher):
    """Runs the jobs of a sweep in parallel processes of this machine.

    Args:
        n_jobs: The number of processes.
    """

    def __init__(self, *, n_jobs: int = 2) -> None:
        from modelpact.errors import ConfigError

        if not isinstance(n_jobs, int) or n_jobs < 1:
            raise ConfigError(
                f"hydra.launcher.n_jobs={n_jobs} is not a positive integer",
                remedy="Set it to 1 or more.",
                key="hydra.launcher.n_jobs",
            )
        self.n_jobs = n_jobs
        self._pool: ProcessPool | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from modelpact.cli.sweeps.process_pool import ProcessPool
        from modelpact.cli.sweeps.workers import WorkerContext

        self._pool = ProcessPool(WorkerContext(hydra_context, task_function, config), self.n_jobs)

    def ready(self, n_jobs: int) -> contextlib.AbstractContextManager[None]:
        """Return a context with warm processes; it is entered before the store is opened."""
        return self._require_pool().ready(n_jobs)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run jobs in parallel; a job whose process dies fails, and the others continue."""
        return self._require_pool().run(job_overrides, initial_job_idx)

    def _require_pool(self) -> ProcessPool:
        if self._pool is None:
            raise TypeError("setup was not called")
        return self._pool
