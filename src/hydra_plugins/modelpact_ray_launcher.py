"""modelpact's launcher over Ray, where Hydra looks for plugins; Ray itself is imported when jobs are launched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

__all__ = ["RayLauncher"]


class RayLauncher(Launcher):
    """Runs each job of a sweep in a worker of Ray's.

    Args:
        address: Of a cluster: `ray://host:10001`, or `auto` on one of its machines; None starts one here, and ends it afterwards.
        num_cpus: Reserved for each job.
        init: More arguments of `ray.init`.
        remote: More options of each job, as `ray.remote` has them.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        num_cpus: float = 1,
        init: dict[str, Any] | None = None,
        remote: dict[str, Any] | None = None,
    ) -> None:
        self.address, self.num_cpus, self.init, self.remote = (
            address,
            num_cpus,
            init or {},
            remote or {},
        )
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None
        self.config: DictConfig | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run jobs beside each other; one whose worker dies has failed, and the others go on."""
        from modelpact.cli.sweeps.workers import Work, launch_on_ray

        work = Work(
            cast("HydraContext", self.hydra_context),
            cast("TaskFunction", self.task_function),
            cast("DictConfig", self.config),
        )
        return launch_on_ray(
            work,
            job_overrides,
            initial_job_idx,
            address=self.address,
            num_cpus=self.num_cpus,
            init=self.init,
            remote=self.remote,
        )
