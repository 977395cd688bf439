"""Jobs in other processes: what they need travels to them. And a cluster of Ray's that runs them."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hydra.core.singleton import Singleton
from hydra.core.utils import (
    JobReturn,
    JobStatus,
    configure_log,
    filter_overrides,
    run_job,
    setup_globals,
)
from omegaconf import open_dict

from modelpact._internal.text import truncate
from modelpact.errors import ConfigError, SweepError

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig

__all__ = ["Work", "launch_on_ray"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What the jobs of a sweep have in common, in a form that another process can take.

    Attributes:
        context: Hydra's.
        function: What each job runs.
        config: Hydra's configuration of the sweep.
        folder: The working folder; what is written relative to it, by a job, is written there.
        state: Hydra's own global state.
    """

    context: HydraContext
    function: TaskFunction
    config: DictConfig
    folder: str = field(default_factory=os.getcwd)
    state: Any = field(default_factory=Singleton.get_state)

    def composed(self, overrides: Sequence[str], number: int) -> DictConfig:
        """The configuration of one job."""
        composed = self.context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(composed):
            composed.hydra.job.id = f"{composed.hydra.job.name}_{number}"
            composed.hydra.job.num = number
        return composed

    def run(self, composed: DictConfig) -> JobReturn:
        """Run one job in this process, which is a worker.

        Raises:
            SweepError: The sweep's folder is not on this machine.
        """
        self.enter()
        return run_job(
            hydra_context=self.context,
            config=composed,
            task_function=self.function,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    def enter(self) -> None:
        """Make this process one that can compose and run jobs: their folder, and Hydra's state.

        Raises:
            SweepError: The sweep's folder is not on this machine.
        """
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise SweepError(
                f"{self.folder} is not on the worker's machine: {error.strerror}",
                remedy="Begin the sweep in a folder that all machines of the cluster have in common.",
            ) from error
        if self.folder not in sys.path:
            sys.path.append(self.folder)  # a class of one's own, in a module beside one's data
        setup_globals()
        Singleton.set_state(self.state)


def launch_on_ray(
    work: Work,
    jobs: Sequence[Sequence[str]],
    first: int,
    *,
    address: str | None,
    num_cpus: float,
    init: Mapping[str, Any],
    remote: Mapping[str, Any],
) -> list[JobReturn]:
    """Run jobs on a Ray cluster.

    Args:
        work: What the jobs have in common.
        jobs: The overrides of each.
        first: The number of the first.
        address: The cluster's; None starts one on this machine for as long as the jobs run.
        num_cpus: Reserved for each job.
        init: More arguments of `ray.init`.
        remote: More options of each job.

    Returns:
        What each job returned, in their order; one whose worker died has failed.

    Raises:
        ConfigError: Ray is not installed.
        SweepError: There is no cluster at the address.
    """
    setup_globals()
    configure_log(work.config.hydra.hydra_logging, work.config.hydra.verbose)
    Path(str(work.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
    with _cluster(address, init) as ray:
        shared = ray.put(work)  # once, and not for each job
        options = {"num_cpus": num_cpus, "max_retries": 0, **remote}
        run = ray.remote(**options)(_run)
        log.info("Ray runs %d jobs", len(jobs))
        handles = []
        for number, overrides in enumerate(jobs, start=first):
            log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
            handles.append(run.remote(shared, list(overrides), number))
        return [
            _result(ray, handle, list(overrides), number)
            for number, (handle, overrides) in enumerate(
                zip(handles, jobs, strict=True), start=first
            )
        ]


def _run(work: Work, overrides: list[str], number: int) -> JobReturn:
    work.enter()
    return work.run(work.composed(overrides, number))


def _result(ray: Any, handle: Any, overrides: list[str], number: int) -> JobReturn:
    """What a job returned; what it could not return is why it failed."""
    try:
        returned: JobReturn = ray.get(handle)
    except ray.exceptions.RayTaskError as error:
        cause: Exception = error.cause if isinstance(error.cause, Exception) else error
    except ray.exceptions.RayError as error:
        lost = f"Ray lost it: {type(error).__name__}: {truncate(error, 300)}"
        cause = SweepError(lost, remedy="Its worker died, or its machine did; resume the sweep.")
    else:
        return returned
    log.error("job %d (%s) failed: %s", number, " ".join(filter_overrides(overrides)), cause)
    failed = JobReturn(overrides=overrides, status=JobStatus.FAILED)
    failed.return_value = cause
    return failed


@contextlib.contextmanager
def _cluster(address: str | None, init: Mapping[str, Any]) -> Iterator[Any]:
    """Ray, connected; a connection or a cluster that was not there before is not there afterwards."""
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            f"hydra/launcher=ray needs Ray: {error}",
            remedy='Install it: pip install "modelpact[ray]".',
        ) from error
    if ray.is_initialized():
        yield ray
        return
    try:
        _knock(address)
        ray.init(
            address=address or "local",
            **{"include_dashboard": False, "log_to_driver": True, **init},
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise SweepError(
            f"hydra.launcher.address={address}: Ray cannot be had there: {truncate(error, 300)}",
            remedy="Start a cluster (ray start --head), or set hydra.launcher.address=null for one on this machine.",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """See whether anything listens there: Ray itself would try for minutes.

    Raises:
        OSError: Nothing does.
    """
    parts = urlsplit(address or "") if "://" in (address or "") else urlsplit(f"//{address or ''}")
    if parts.hostname and parts.port:
        socket.create_connection((str(parts.hostname), parts.port), timeout=10).close()
