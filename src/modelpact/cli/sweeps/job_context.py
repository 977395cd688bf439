"""The context of a job that Hydra runs: configuration, prebuilt task, number, and a lock."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from modelpact.cli.sweeps.record import SweepRecord
from modelpact.types import Job

if TYPE_CHECKING:
    from modelpact.cli.tasks import Task

__all__ = [
    "EXCLUDED_FROM_BASE",
    "SEARCH_SPACE_KEY",
    "clear_tasks",
    "find_job",
    "job_lock",
    "store_task",
    "take_task",
]

EXCLUDED_FROM_BASE = ("hydra", "resume", "sweep")
"""Top-level keys that do not identify a sweep."""

SEARCH_SPACE_KEY = "hydra.sweeper.params"
"""The key of a search space in the base configuration of a sweep; it must not change on resume."""

MAX_STORED_TASKS = 1000

_stored: dict[tuple[str, ...], Task] = {}


def find_job(cfg: DictConfig, settings: Any) -> Job:
    """Return the context of the job that Hydra runs in this process.

    Args:
        cfg: The configuration of the job.
        settings: Hydra's configuration of the job.
    """
    config = _resolve(cfg)
    overrides = list(settings.overrides.task)
    if getattr(settings.mode, "name", "") != "MULTIRUN":
        return Job(config, overrides)
    record = SweepRecord.read(Path(settings.sweep.dir))
    if record is None:
        return Job(config, overrides)
    number = record.find_number(overrides, folder_name=str(settings.sweep.subdir))
    if number is None:
        return Job(config, overrides)
    varying = [line for line in overrides if _varies(line, record)]
    return Job(config, varying, record.parent, number, resumed=record.calls > 1)


def store_task(task: Task, folder: Path, overrides: Sequence[str]) -> None:
    """Keep the task that was built to validate a job, in case this process runs the job."""
    if len(_stored) < MAX_STORED_TASKS:
        _stored[str(folder), *overrides] = task


def take_task(folder: Path, overrides: Sequence[str]) -> Task | None:
    """Return the stored task of a job and remove it; None if there is none."""
    return _stored.pop((str(folder), *overrides), None)


def clear_tasks() -> None:
    """Remove all stored tasks; other processes ran their jobs."""
    _stored.clear()


@contextlib.contextmanager
def job_lock(folder: Path) -> Iterator[None]:
    """Wait for another process that runs the same job; it may have outlived its sweep."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield


def _resolve(cfg: DictConfig) -> dict[str, object]:
    """Return the configuration of a job as plain data.

    A part that refers to a missing value, because the job does not use it, stays unresolved.
    """
    config: dict[str, Any] = {}
    for key, value in cfg.items_ex(resolve=False):
        if key in ("task", *EXCLUDED_FROM_BASE):
            continue
        is_config = OmegaConf.is_config(value)
        try:
            config[str(key)] = (
                OmegaConf.to_container(value, resolve=True) if is_config else cfg[key]
            )
        except OmegaConfBaseException:
            config[str(key)] = OmegaConf.to_container(value) if is_config else str(value)
    return config


def _varies(line: str, record: SweepRecord) -> bool:
    """Return whether an override differs between the jobs of a sweep, or may in a search."""
    key, _, value = line.partition("=")
    in_search_space = record.base.get(SEARCH_SPACE_KEY, {}).get(key, value) != value
    return bool(in_search_space) or any(line not in job for job in record.jobs)
