"""modelpact's launcher over processes of this machine, where Hydra looks for plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

__all__ = ["ProcessLauncher"]


class ProcessLauncher(Launcher):
    """Runs the jobs of a sweep in processes beside each other.

    Args:
        n_jobs: How many processes.
    """

    def __init__(self, *, n_jobs: int = 2) -> None:
        from modelpact.errors import ConfigError

        if not isinstance(n_jobs, int) or n_jobs < 1:
            raise ConfigError(f"hydra.launcher.n_jobs={n_jobs} is not a number of processes", remedy="Set it to 1 or more.")
        self.n_jobs = n_jobs
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None
        self.config: DictConfig | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from modelpact.plugins.pool import preload

        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config
        plain = {str(key): value for key, value in config.items_ex(resolve=False) if key != "hydra"}
        preload({key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value for key, value in plain.items()})

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs beside each other; one whose process dies has failed, and the others go on."""
        from modelpact.plugins.pool import launch_on_processes
        from modelpact.plugins.workers import Work

        work = Work(
            cast("HydraContext", self.hydra_context), cast("TaskFunction", self.task_function), cast("DictConfig", self.config)
        )
        return launch_on_processes(work, job_overrides, initial_job_idx, n_jobs=self.n_jobs)
