"""modelpact's Ray launcher, in the namespace package where Hydra discovers plugins.

Ray is imported when jobs are launched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

__all__ = ["RayLauncher"]


class RayLauncher(Launcher):
    """Runs each job of a sweep in a Ray worker.

    Args:
        address: The address of the cluster: `ray://host:10001`, or `auto` on one of its machines;
            None starts a cluster on this machine while the jobs run.
        num_cpus: CPUs reserved for each job.
        init: Additional arguments of `ray.init`.
        remote: Additional options of each job, as for `ray.remote`.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        num_cpus: float = 1,
        init: dict[str, Any] | None = None,
        remote: dict[str, Any] | None = None,
    ) -> None:
        self.address = address
        self.num_cpus = num_cpus
        self.init = init or {}
        self.remote = remote or {}
        self._arguments: tuple[HydraContext, TaskFunction, DictConfig] | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self._arguments = (hydra_context, task_function, config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run jobs in parallel; a job whose worker dies fails, and the others continue."""
        from modelpact.cli.sweeps.workers import WorkerContext, launch_on_ray

        if self._arguments is None:
            raise TypeError("setup was not called")
        return launch_on_ray(
            WorkerContext(*self._arguments),
            job_overrides,
            initial_job_idx,
            address=self.address,
            num_cpus=self.num_cpus,
            init=self.init,
            remote=self.remote,
        )
