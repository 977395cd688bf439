"""Running jobs in other processes: what they need to know, and a Ray cluster that runs them."""

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

__all__ = ["WorkerContext", "failed_job", "launch_on_ray"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What the jobs of a sweep share, in a form that can be sent to another process.

    Attributes:
        context: Hydra's context.
        function: The task function of each job.
        config: Hydra's configuration of the sweep.
        folder: The working folder, to which the paths in a job are relative.
        state: Hydra's global state.
    """

    context: HydraContext
    function: TaskFunction
    config: DictConfig
    folder: str = field(default_factory=os.getcwd)
    state: Any = field(default_factory=Singleton.get_state)

    def prepare_launch(self) -> None:
        """Configure Hydra's logging in the process that launches the jobs."""
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)

    def run_job(self, overrides: Sequence[str], number: int) -> JobReturn:
        """Run one job in this process, which is a worker.

        Raises:
            SweepError: The folder of the sweep does not exist on this machine.
        """
        self._enter()
        config = self.context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = f"{config.hydra.job.name}_{number}"
            config.hydra.job.num = number
        return run_job(
            hydra_context=self.context,
            config=config,
            task_function=self.function,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    def _enter(self) -> None:
        """Set the working folder and Hydra's state of this process."""
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise SweepError(
                f"{self.folder} does not exist on the machine of the worker: {error.strerror}",
                remedy="Start the sweep in a folder that all machines of the cluster share.",
            ) from error
        # Modules of the user in the working folder.
        if self.folder not in sys.path:
            sys.path.append(self.folder)
        setup_globals()
        Singleton.set_state(self.state)


def failed_job(overrides: Sequence[str], number: int, error: Exception) -> JobReturn:
    """Log the failure of a job whose process could not run it, and return its result."""
    log.error("job %d (%s) failed: %s", number, " ".join(filter_overrides(overrides)), error)
    result = JobReturn(overrides=list(overrides), status=JobStatus.FAILED)
    result.return_value = error
    return result


def launch_on_ray(
    worker: WorkerContext,
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
        worker: What the jobs share.
        jobs: The overrides of each job.
        first: The number of the first job.
        address: The address of the cluster; None starts a cluster on this machine while the jobs
            run.
        num_cpus: CPUs reserved for each job.
        init: Additional arguments of `ray.init`.
        remote: Additional options of each job.

    Returns:
        The result of each job, in order; a job whose worker died has failed.

    Raises:
        ConfigError: Ray is not installed.
        SweepError: There is no cluster at the address.
    """
    worker.prepare_launch()
    Path(str(worker.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
    with _ray_cluster(address, init) as ray:
        # Stored once, not per job.
        shared = ray.put(worker)
        run = ray.remote(num_cpus=num_cpus, max_retries=0, **remote)(_run_job)
        log.info("Ray runs %d jobs", len(jobs))
        handles = []
        for number, overrides in enumerate(jobs, start=first):
            log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
            handles.append(run.remote(shared, list(overrides), number))
        return [
            _get_result(ray, handle, overrides, number)
            for number, (handle, overrides) in enumerate(zip(handles, jobs, strict=True), first)
        ]


def _run_job(worker: WorkerContext, overrides: list[str], number: int) -> JobReturn:
    return worker.run_job(overrides, number)


def _get_result(ray: Any, handle: Any, overrides: Sequence[str], number: int) -> JobReturn:
    try:
        result: JobReturn = ray.get(handle)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
    except ray.exceptions.RayError as error:
        cause = SweepError(
            f"Ray lost the job: {type(error).__name__}: {truncate(error, 300)}",
            remedy="Its worker or its machine died; resume the sweep.",
        )
    else:
        return result
    return failed_job(overrides, number, cause)


@contextlib.contextmanager
def _ray_cluster(address: str | None, init: Mapping[str, object]) -> Iterator[Any]:
    """Connect to Ray, or start it; an existing connection is used and kept."""
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            f"hydra/launcher=ray requires Ray: {error}",
            remedy='Install it: pip install "modelpact[ray]".',
            group="hydra/launcher",
            option="ray",
        ) from error
    if ray.is_initialized():
        yield ray
        return
    try:
        _check_connection(address)
        options = {"include_dashboard": False, "log_to_driver": True, **init}
        ray.init(address=address or "local", **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise SweepError(
            f"cannot connect to Ray at hydra.launcher.address={address}: {truncate(error, 300)}",
            remedy="Start a cluster (ray start --head), or set hydra.launcher.address=null to start"
            " one on this machine.",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_connection(address: str | None) -> None:
    """Connect to the address once; Ray itself retries for minutes.

    Raises:
        OSError: The connection failed.
    """
    address = address or ""
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname and parts.port:
        socket.create_connection((str(parts.hostname), parts.port), timeout=10).close()
