"""From Hydra's sweeps to ours: every combination is composed and built before the first job, and the end is one account."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from modelpact._internal.signals import sigterm_raises
from modelpact.cli import gc_tuning
from modelpact.cli.compose import build
from modelpact.cli.error_reporting import translate
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.sweeps import Result, Sweep
from modelpact.cli.sweeps.job_context import NOT_BASE, SEARCHED, forget, keep
from modelpact.cli.sweeps.results import columns
from modelpact.errors import ConfigError, PactError, SweepError
from modelpact.registers import check_alias

if TYPE_CHECKING:
    from hydra.plugins.launcher import Launcher

    from modelpact.cli.sweeps.optuna_study import Trials

__all__ = [
    "check",
    "concluded",
    "conduct",
    "explore",
    "launch",
    "opened",
    "ready",
    "show",
    "without_own",
]

Compose = Callable[[DictConfig, list[str]], DictConfig]


def opened(
    config: DictConfig, searched: Mapping[str, str] | None = None, *, minimize: bool = False
) -> Sweep:
    """The sweep that Hydra's configuration of it asks for, new or resumed.

    Args:
        config: Hydra's configuration of the sweep.
        searched: What it varies and fixes, by key, where its combinations are not all known when it begins.
        minimize: Whether its best job is the one whose first metric is the smallest.

    Raises:
        SweepError: It cannot be resumed, or its folder is taken.
    """
    from hydra.utils import instantiate

    plain = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=False))
    base = {key: value for key, value in plain.items() if key not in NOT_BASE}
    if searched is not None:
        base[SEARCHED] = dict(searched)
    tracking = instantiate(config.tracking, _convert_="all")
    folder = Path(config.hydra.sweep.dir).absolute()
    title = f"sweep {folder.parent.name} {folder.name}"
    sweep = Sweep(folder, base, tracking, title=title, resume=bool(config.get("resume")))
    sweep.record = sweep.record.model_copy(update={"minimize": minimize})
    return sweep


def conduct(
    config: DictConfig,
    compose: Compose,
    launcher: Launcher,
    combinations: list[list[str]],
    size: int | None = None,
) -> list[Any]:
    """Run a sweep whose combinations are all known: check and show them, launch what is to be done, give the account.

    Args:
        config: Hydra's configuration of the sweep.
        compose: Composes a job.
        launcher: Runs jobs.
        combinations: The overrides of each job.
        size: How many are launched at a time; None for all.

    Returns:
        What the launcher returned, one a job that was run.

    Raises:
        SweepError: A combination is not valid (nothing was run), or a job failed (all others were run).
    """
    sweep = opened(config)
    pending = sweep.plan(combinations)
    check(config, compose, sweep, pending)
    sweep.folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, sweep.folder / "multirun.yaml")
    _announce(sweep, pending)
    size = size or max(1, len(pending))
    with ready(launcher, len(pending)), concluded(config, sweep):
        batches = [pending[first : first + size] for first in range(0, len(pending), size)]
        return [returned for batch in batches for returned in launch(launcher, sweep, batch)]


def explore(
    config: DictConfig,
    compose: Compose,
    launcher: Launcher,
    sweep: Sweep,
    trials: Callable[[], Trials],
    *,
    corners: list[list[str]],
    n_trials: int | None,
    n_jobs: int,
) -> list[Any]:
    """Run a sweep whose combinations are found on the way: check its corners, then ask, launch and tell until it is complete.

    Args:
        config: Hydra's configuration of the sweep.
        compose: Composes a job.
        launcher: Runs jobs.
        sweep: The sweep.
        trials: Opens the study that finds combinations; called when the corners are known to be valid.
        corners: Combinations that between them have every choice and the ends of every range; they are not run.
        n_trials: How many jobs the sweep has in the end; None for as many as are found.
        n_jobs: How many are launched at a time.

    Returns:
        What the launcher returned, one a job that was run.

    Raises:
        SweepError: A corner is not valid (nothing was run), or a job failed (all others were run).
    """
    from modelpact.cli.sweeps.optuna_study import objective

    probe = copy.copy(sweep)
    probe.record = sweep.record.model_copy(update={"jobs": corners})
    check(config, compose, probe, range(len(corners)))
    most = n_jobs if n_trials is None else min(n_jobs, n_trials)
    with ready(launcher, most):
        found = trials()
        sweep.folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(config, sweep.folder / "multirun.yaml")
        returned: list[Any] = []
        with concluded(config, sweep):
            waiting = found.again() if sweep.resumed else []
            if sweep.resumed:
                echo(
                    f"{len(sweep.record.jobs)} jobs were begun, of which {len(sweep.record.jobs) - len(waiting)} are done"
                )
            while True:
                room = (
                    n_jobs if n_trials is None else min(n_jobs, n_trials - len(sweep.record.jobs))
                )
                batch, waiting = (
                    (waiting[:n_jobs], waiting[n_jobs:])
                    if waiting
                    else (found.ask(max(0, room)), [])
                )
                if not batch:
                    return returned
                ended = launch(launcher, sweep, batch)
                for number, one in zip(batch, ended, strict=True):
                    found.tell(number, objective(one))
                returned += ended


def ready(launcher: Launcher, jobs: int) -> contextlib.AbstractContextManager[None]:
    """What a launcher wants to have at hand for so many jobs, before the store is opened; most want nothing."""
    prepare: Callable[[int], contextlib.AbstractContextManager[None]] | None = getattr(
        launcher, "ready", None
    )
    return contextlib.nullcontext() if prepare is None else prepare(jobs)


def launch(launcher: Launcher, sweep: Sweep, numbers: Sequence[int]) -> list[Any]:
    """Launch jobs of a sweep by their numbers; each gets the folder of its number, whatever else is run beside it."""
    if not numbers:
        return []
    jobs = [sweep.record.jobs[number] for number in numbers]
    if list(numbers) == list(range(numbers[0], numbers[0] + len(numbers))):
        return list(launcher.launch(jobs, initial_job_idx=numbers[0]))
    placed = [
        [*job, f"hydra.sweep.subdir={number}"] for job, number in zip(jobs, numbers, strict=True)
    ]
    return list(launcher.launch(placed, initial_job_idx=numbers[0]))


@contextlib.contextmanager
def concluded(config: DictConfig, sweep: Sweep) -> Iterator[None]:
    """Keep the parent run open around the jobs, then show the account, and promote the best if that is wanted.

    Raises:
        SweepError: A job failed or is missing; after the account.
        StoreError: The store cannot be opened; nothing was run.
    """
    gc_tuning.resume()
    begun = False
    try:
        with sigterm_raises(), sweep.running():
            begun = True
            yield
    except (KeyboardInterrupt, SystemExit):
        if begun:
            sys.stderr.write(f"{_again(sweep)}\n")
        raise
    finally:
        forget()
        if begun:
            show(sweep)
    alias = OmegaConf.select(config, "sweep.promote")
    if alias:
        _promote(sweep, str(alias))
    lost = [result for result in sweep.results if result.status != "ok"]
    if lost:
        raise _lost(sweep, lost)


def check(config: DictConfig, compose: Compose, sweep: Sweep, numbers: Sequence[int]) -> None:
    """Compose and build each job, let it look whether its steps fit together, and run none.

    Raises:
        ConfigError: `sweep.promote` cannot be an alias.
        SweepError: Some jobs cannot be run; every one with its reason.
    """
    alias = OmegaConf.select(config, "sweep.promote")
    if alias:
        check_alias(str(alias), "sweep.promote")
    faults: dict[int, PactError] = {}
    for number in numbers:
        composed = compose(config, list(sweep.record.jobs[number]))
        with open_dict(composed):
            composed.hydra.job.id, composed.hydra.job.num = str(number), number
            composed.hydra.runtime.output_dir = str(sweep.folder / str(number))
        before = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(composed)
        try:
            task = build(composed, composed.hydra)
            task.check()
            keep(task, sweep.folder / str(number), sweep.record.jobs[number])
        except Exception as error:
            known = translate(error)  # OmegaConf's as well: a value that is missing
            if known is None:
                raise
            faults[number] = known
        finally:
            HydraConfig.instance().cfg = before
            OmegaConf.set_readonly(
                composed.hydra, False
            )  # the launcher still has to write the job's number into it
    if faults:
        lines = "\n".join(
            f"  job {number} ({' '.join(sweep.record.jobs[number])}): {fault.message}"
            for number, fault in faults.items()
        )
        remedies = list(dict.fromkeys(fault.remedy for fault in faults.values() if fault.remedy))
        wrong = SweepError(
            f"{len(faults)} of {len(sweep.record.jobs)} combinations cannot be run, so none was:\n{lines}",
            remedy="\n".join(remedies[:5]),
            jobs=sorted(faults),
        )
        wrong.exit_status = ConfigError.exit_status  # type: ignore[misc]
        raise wrong


def show(sweep: Sweep) -> None:
    """Print what came of a sweep's jobs."""
    results = sweep.results
    shown = columns(results)
    show_table(
        f"{len(results)} jobs, {_counted(results)}; account in {_relative(sweep.folder)}/sweep.html",
        [name for name, _ in shown],
        [list(cells) for cells in zip(*(cells for _, cells in shown), strict=True)],
    )


def _announce(sweep: Sweep, pending: Sequence[int]) -> None:
    jobs = sweep.record.jobs
    if len(pending) < len(jobs):
        echo(f"{len(jobs)} jobs, of which {len(jobs) - len(pending)} are done; still to do:")
    else:
        echo(f"{len(jobs)} jobs:")
    for number in pending:
        echo(f"  {number}  {' '.join(jobs[number])}")


def _lost(sweep: Sweep, lost: Sequence[Result]) -> SweepError:
    lines = []
    for result in lost:
        why = (
            "left no receipt"
            if result.receipt is None
            else (result.receipt.error or "").partition("\n")[0]
        )
        where = "" if result.receipt is None else f" in {result.receipt.stage}"
        lines.append(f"  job {result.number}{where}: {why}")
    return SweepError(
        f"{len(lost)} of {len(sweep.record.jobs)} jobs did not succeed:\n" + "\n".join(lines),
        remedy=f"Each job's folder has its log. {_again(sweep)}",
        jobs=[result.number for result in lost],
    )


def _again(sweep: Sweep) -> str:
    return f"Go on with the same command and: resume=true hydra.sweep.dir={_relative(sweep.folder)}"


def _promote(sweep: Sweep, alias: str) -> None:
    winner = sweep.promote(alias)
    if winner is None or winner.receipt is None:
        echo(f"{alias}: not moved, no job has both a version and a metric")
    else:
        echo(
            f"{alias}: version {winner.receipt.version} of {winner.receipt.name}, of job {winner.number}"
        )


def _counted(results: Sequence[Result]) -> str:
    counts = {
        state: sum(result.status == state for result in results)
        for state in ("ok", "failed", "missing")
    }
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def _relative(folder: Path) -> Path:
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def without_own(arguments: Sequence[str]) -> list[str]:
    """The overrides of a sweep's jobs: what is said about the sweep itself is none of theirs."""
    return [
        line
        for line in arguments
        if line.lstrip("+~").partition("=")[0].partition(".")[0] not in ("resume", "sweep")
    ]
