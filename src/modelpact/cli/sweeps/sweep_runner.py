"""Runs sweeps: every job is validated before the first one starts, and a summary ends the sweep."""

from __future__ import annotations

import contextlib
import copy
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from modelpact._internal.signals import held_signals, interruptible
from modelpact.cli import gc_tuning
from modelpact.cli.compose import build
from modelpact.cli.error_reporting import translate
from modelpact.cli.render.console import echo, show_table, shown_path
from modelpact.cli.sweeps import JobResult, Sweep
from modelpact.cli.sweeps.job_context import (
    EXCLUDED_FROM_BASE,
    SEARCH_SPACE_KEY,
    clear_tasks,
    store_task,
)
from modelpact.cli.sweeps.results import STATUSES, result_table
from modelpact.errors import ConfigError, PactError, SweepError
from modelpact.registers import check_alias

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn
    from hydra.plugins.launcher import Launcher

    from modelpact.cli.sweeps.optuna_study import Trials

__all__ = [
    "job_overrides",
    "launch_jobs",
    "open_sweep",
    "prepare_launcher",
    "run_grid",
    "run_search",
    "show_results",
    "sweep_session",
    "validate_jobs",
]

Compose = Callable[[DictConfig, list[str]], DictConfig]

MAX_REMEDIES = 5
"""Remedies that an error about several jobs lists at most."""


def open_sweep(
    config: DictConfig, searched: Mapping[str, str] | None = None, *, minimize: bool = False
) -> Sweep:
    """Return the new or resumed sweep of a Hydra configuration.

    Args:
        config: Hydra's configuration of the sweep.
        searched: The overrides of a search by key, which stand for combinations not known yet.
        minimize: Whether the best job has the smallest first metric.

    Raises:
        SweepError: The sweep cannot be resumed, its folder contains another one, or its jobs would
            change the working directory or share a folder.
    """
    from hydra.utils import instantiate

    if config.hydra.job.chdir:
        raise SweepError(
            "hydra.job.chdir=true: every job would use a store in a folder of its own",
            remedy="Remove it: the files of each job are in its folder without it, too.",
        )
    plain = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=False))
    subdir = str(plain["hydra"]["sweep"]["subdir"])
    if "${" not in subdir:
        raise SweepError(
            f"hydra.sweep.subdir={subdir}: the jobs would overwrite each other's files",
            remedy="Remove it, or write a name with the number of the job: "
            "'hydra.sweep.subdir=job-${hydra.job.num}'.",
        )
    base = {key: value for key, value in plain.items() if key not in EXCLUDED_FROM_BASE}
    if searched is not None:
        base[SEARCH_SPACE_KEY] = dict(searched)
    tracking = instantiate(config.tracking, _convert_="all")
    folder = Path(config.hydra.sweep.dir).absolute()
    title = f"sweep {folder.parent.name} {folder.name}"
    sweep = Sweep(folder, base, tracking, title=title, resume=bool(config.get("resume")))
    sweep.record = sweep.record.model_copy(update={"minimize": minimize})
    return sweep


def run_grid(
    config: DictConfig,
    compose: Compose,
    launcher: Launcher,
    combinations: list[list[str]],
    batch_size: int | None = None,
) -> list[JobReturn]:
    """Run a sweep over known combinations: validate and list the jobs, launch them, summarize.

    Args:
        config: Hydra's configuration of the sweep.
        compose: Composes the configuration of a job.
        launcher: Runs jobs.
        combinations: The overrides of each job.
        batch_size: The number of jobs to launch at a time; None for all.

    Returns:
        The result of each job that was run.

    Raises:
        SweepError: A job is invalid (no job was run), or a job failed (all others were run).
    """
    sweep = open_sweep(config)
    pending = sweep.plan(combinations)
    validate_jobs(config, compose, sweep, pending)
    _save_config(config, sweep)
    _list_jobs(sweep, pending)
    size = batch_size or max(1, len(pending))
    batches = [pending[first : first + size] for first in range(0, len(pending), size)]
    with (
        prepare_launcher(launcher, len(pending)),
        held_signals(),
        sweep_session(config, sweep),
        interruptible(),
    ):
        return [result for batch in batches for result in launch_jobs(launcher, sweep, batch)]


def run_search(
    config: DictConfig,
    compose: Compose,
    launcher: Launcher,
    sweep: Sweep,
    open_trials: Callable[[], Trials],
    *,
    corners: list[list[str]],
    n_trials: int | None,
    n_jobs: int,
) -> list[JobReturn]:
    """Run a sweep whose combinations depend on the results of earlier jobs.

    Args:
        config: Hydra's configuration of the sweep.
        compose: Composes the configuration of a job.
        launcher: Runs jobs.
        sweep: The sweep.
        open_trials: Opens the study; called after the corners were validated.
        corners: Combinations with every choice and both ends of every range; they are validated,
            not run.
        n_trials: The number of jobs of the whole sweep; None for all that the study suggests.
        n_jobs: The number of jobs to launch at a time.

    Returns:
        The result of each job that was run.

    Raises:
        SweepError: A corner is invalid (no job was run), or a job failed (all others were run).
    """
    corner_sweep = copy.copy(sweep)
    corner_sweep.record = sweep.record.model_copy(update={"jobs": corners})
    validate_jobs(config, compose, corner_sweep, range(len(corners)))
    with prepare_launcher(launcher, n_jobs if n_trials is None else min(n_jobs, n_trials)):
        trials = open_trials()
        _save_config(config, sweep)
        with held_signals(), sweep_session(config, sweep), interruptible():
            return _run_trials(launcher, sweep, trials, n_trials, n_jobs)


def _run_trials(
    launcher: Launcher, sweep: Sweep, trials: Trials, n_trials: int | None, n_jobs: int
) -> list[JobReturn]:
    from modelpact.cli.sweeps.optuna_study import job_objective

    unfinished: list[int] = []
    if sweep.resumed:
        unfinished = trials.repeat_unfinished()
        total = len(sweep.record.jobs)
        echo(f"{total} jobs were started, {total - len(unfinished)} are done")
    results: list[JobReturn] = []
    for batch in _batches(sweep, trials, unfinished, n_trials, n_jobs):
        for number, result in zip(batch, launch_jobs(launcher, sweep, batch), strict=True):
            trials.report(number, job_objective(result))
            results.append(result)
    return results


def _batches(
    sweep: Sweep, trials: Trials, unfinished: list[int], n_trials: int | None, n_jobs: int
) -> Iterator[list[int]]:
    """Yield the unfinished jobs, and then those that the study suggests after earlier results."""
    for first in range(0, len(unfinished), n_jobs):
        yield unfinished[first : first + n_jobs]
    limit = math.inf if n_trials is None else n_trials
    while batch := trials.suggest(int(max(0, min(n_jobs, limit - len(sweep.record.jobs))))):
        yield batch


def prepare_launcher(launcher: Launcher, n_jobs: int) -> contextlib.AbstractContextManager[None]:
    """Return a context in which a launcher is ready for `n_jobs` jobs.

    It is entered before the store is opened. Most launchers need no preparation.
    """
    prepare: Callable[[int], contextlib.AbstractContextManager[None]] | None = getattr(
        launcher, "ready", None
    )
    return contextlib.nullcontext() if prepare is None else prepare(n_jobs)


def launch_jobs(launcher: Launcher, sweep: Sweep, numbers: Sequence[int]) -> list[JobReturn]:
    """Launch jobs by their numbers; the folder of a job is named by its number."""
    if not numbers:
        return []
    jobs = [sweep.record.jobs[number] for number in numbers]
    first = numbers[0]
    if list(numbers) != list(range(first, first + len(numbers))):
        jobs = [
            [*job, f"hydra.sweep.subdir={number}"]
            for job, number in zip(jobs, numbers, strict=True)
        ]
    return list(launcher.launch(jobs, initial_job_idx=first))


@contextlib.contextmanager
def sweep_session(config: DictConfig, sweep: Sweep) -> Iterator[None]:
    """Keep the parent run open while the jobs run, then show the results and promote the best job.

    Raises:
        SweepError: A job failed or left no receipt; raised after the results are shown.
        StoreError: The store cannot be opened; no job was run.
    """
    gc_tuning.resume()
    started = False
    try:
        with sweep.running():
            started = True
            yield
    except (KeyboardInterrupt, SystemExit):
        if started:
            sys.stderr.write(f"{_how_to_resume(sweep)}\n")
        raise
    finally:
        clear_tasks()
        if started:
            show_results(sweep)
    _promote(sweep, OmegaConf.select(config, "sweep.promote"))
    failed = [result for result in sweep.results if result.status != "ok"]
    if failed:
        raise _failed_jobs_error(sweep, failed)


def validate_jobs(
    config: DictConfig, compose: Compose, sweep: Sweep, numbers: Sequence[int]
) -> None:
    """Compose, build and check each job without running it.

    Raises:
        ConfigError: `sweep.promote` is not a valid alias.
        SweepError: Some jobs are invalid; the error gives the reason of each.
    """
    alias = OmegaConf.select(config, "sweep.promote")
    if alias:
        check_alias(str(alias), "sweep.promote")
    problems: dict[int, PactError] = {}
    for number in numbers:
        composed = compose(config, list(sweep.record.jobs[number]))
        with open_dict(composed):
            composed.hydra.job.id, composed.hydra.job.num = str(number), number
            composed.hydra.runtime.output_dir = str(sweep.folder / str(number))
        previous = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(composed)
        try:
            task = build(composed, composed.hydra)
            task.check()
            store_task(task, sweep.folder / str(number), sweep.record.jobs[number])
        # Of OmegaConf's errors, a missing value for example.
        except (PactError, OmegaConfBaseException, OSError) as error:
            problem = translate(error)
            if problem is None:
                raise
            problems[number] = problem
        finally:
            HydraConfig.instance().cfg = previous
            # The launcher sets the number of the job later.
            OmegaConf.set_readonly(composed.hydra, False)
    if problems:
        raise _invalid_jobs_error(sweep, problems)


def show_results(sweep: Sweep) -> None:
    """Print the results of all jobs as a table."""
    totals = Counter(result.status for result in sweep.results)
    counts = ", ".join(f"{totals[status]} {status}" for status in STATUSES if totals[status])
    report = f"{shown_path(sweep.folder)}/sweep.html"
    show_table(
        f"{len(sweep.results)} jobs, {counts}; report in {report}", *result_table(sweep.results)
    )


def job_overrides(arguments: Sequence[str]) -> list[str]:
    """Return the overrides of the jobs, without those of the sweep itself (`resume`, `sweep.*`)."""
    return [
        line
        for line in arguments
        if line.lstrip("+~").partition("=")[0].partition(".")[0] not in ("resume", "sweep")
    ]


def _save_config(config: DictConfig, sweep: Sweep) -> None:
    sweep.folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, sweep.folder / "multirun.yaml")


def _list_jobs(sweep: Sweep, pending: Sequence[int]) -> None:
    jobs = sweep.record.jobs
    if len(pending) < len(jobs):
        echo(f"{len(jobs)} jobs, {len(jobs) - len(pending)} are done; to run:")
    else:
        echo(f"{len(jobs)} jobs:")
    for number in pending:
        echo(f"  {number}  {' '.join(jobs[number])}")


def _invalid_jobs_error(sweep: Sweep, problems: Mapping[int, PactError]) -> SweepError:
    lines = "\n".join(
        f"  job {number} ({' '.join(sweep.record.jobs[number])}): {problem.message}"
        for number, problem in problems.items()
    )
    remedies = dict.fromkeys(problem.remedy for problem in problems.values() if problem.remedy)
    error = SweepError(
        f"{len(problems)} of {len(sweep.record.jobs)} jobs are invalid; no job was run:\n{lines}",
        remedy="\n".join(list(remedies)[:MAX_REMEDIES]),
        jobs=sorted(problems),
    )
    error.exit_status = ConfigError.exit_status  # type: ignore[misc]
    return error


def _failed_jobs_error(sweep: Sweep, failed: Sequence[JobResult]) -> SweepError:
    lines = []
    for result in failed:
        if result.receipt is None:
            lines.append(f"  job {result.number}: left no receipt")
        else:
            reason = (result.receipt.error or "").partition("\n")[0]
            lines.append(f"  job {result.number} in {result.receipt.stage}: {reason}")
    return SweepError(
        f"{len(failed)} of {len(sweep.record.jobs)} jobs failed:\n" + "\n".join(lines),
        remedy=f"The log of each job is in its folder. {_how_to_resume(sweep)}",
        jobs=[result.number for result in failed],
    )


def _how_to_resume(sweep: Sweep) -> str:
    folder = shown_path(sweep.folder)
    return f"To resume, add to the same command: resume=true hydra.sweep.dir={folder}"


def _promote(sweep: Sweep, alias: str | None) -> None:
    if not alias:
        return
    best = sweep.promote(alias)
    if best is None or best.receipt is None:
        echo(f"{alias}: not moved, no job has both a version and a metric")
    else:
        receipt = best.receipt
        echo(f"{alias}: version {receipt.version} of {receipt.name}, of job {best.number}")
