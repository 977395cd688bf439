"""A job that Hydra runs, in whatever process: its configuration, its task, its place in a sweep, and that it is run once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from modelpact.cli.sweeps.record import SweepRecord
from modelpact.types import Job

if TYPE_CHECKING:
    from modelpact.cli.tasks import Task

__all__ = ["NOT_BASE", "SEARCHED", "alone", "forget", "job_of", "keep", "kept"]

NOT_BASE = ("hydra", "resume", "sweep")
"""What is no part of the configuration that makes a sweep the one it is."""

SEARCHED = "hydra.sweeper.params"
"""The key in a sweep's base under which a sweeper that learns keeps what it searches: it can't change on resumption either."""

MOST_KEPT = 1000
"""How many tasks are kept at once."""

_kept: dict[tuple[str, ...], Task] = {}


def job_of(cfg: DictConfig, settings: Any) -> Job:
    """What surrounds a job that Hydra runs, in whatever process: its configuration, and its place in a sweep."""
    from omegaconf.errors import OmegaConfBaseException

    shown = {
        str(key): value
        for key, value in cfg.items_ex(resolve=False)
        if key not in ("task", *NOT_BASE)
    }
    plain = {}
    for key, value in shown.items():
        try:
            plain[key] = (
                OmegaConf.to_container(value, resolve=True)
                if OmegaConf.is_config(value)
                else cfg[key]
            )
        except (
            OmegaConfBaseException
        ):  # what this job does not use may refer to what it does not have
            plain[key] = (
                OmegaConf.to_container(value, resolve=False)
                if OmegaConf.is_config(value)
                else str(value)
            )
    overrides = list(settings.overrides.task)
    if settings.mode is None or settings.mode.name != "MULTIRUN":
        return Job(plain, overrides)
    record = SweepRecord.read(Path(settings.sweep.dir))
    number = None if record is None else record.number(overrides, place=str(settings.sweep.subdir))
    if record is None or number is None:
        return Job(plain, overrides)
    varied = [line for line in overrides if _varies(line, record)]
    return Job(plain, varied, record.parent, number, resumed=record.calls > 1)


def keep(task: Task, folder: Path, overrides: Sequence[str]) -> None:
    """Keep a job's task, built when the sweep was checked, for the job itself, should it be run in this process."""
    if len(_kept) < MOST_KEPT:
        _kept[str(folder), *overrides] = task


def kept(folder: Path, overrides: Sequence[str]) -> Task | None:
    """The task that was kept for a job, once; None where there is none."""
    return _kept.pop((str(folder), *overrides), None)


def forget() -> None:
    """Drop what was kept and not asked for: a launcher ran the jobs elsewhere."""
    _kept.clear()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait while another process runs the same job of a sweep: one that outlived its sweep may still be at it."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield


def _varies(line: str, record: SweepRecord) -> bool:
    """Whether an override of one job differs in another, or may: the first job of a sweep that learns has no others yet."""
    key, _, value = line.partition("=")
    return bool(record.base.get(SEARCHED, {}).get(key, value) != value) or any(
        line not in job for job in record.jobs
    )
