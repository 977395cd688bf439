"""A sweep and its Optuna study: each job of the one is a trial of the other, also after both were cut off."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import did_you_mean, truncate
from modelpact.cli.sweeps.results import read_results
from modelpact.errors import ConfigError, SweepError

if TYPE_CHECKING:
    import optuna
    from hydra.core.utils import JobReturn

    from modelpact.cli.sweeps import Sweep
    from modelpact.cli.sweeps.search_space import SearchSpace

__all__ = ["JOB", "SAMPLERS", "Trials", "need_optuna", "objective"]

JOB = "modelpact.job"
"""The attribute of a trial that says which job of its sweep it is."""

SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "qmc": "QMCSampler",
    "nsgaii": "NSGAIISampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "grid": "RandomSampler",  # the values are all given: nothing is left to be drawn
}
"""Optuna's samplers by short names; any other one is given with `_target_`."""


def need_optuna() -> None:
    """Refuse to go on without Optuna.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"hydra/sweeper=optuna needs Optuna: {error}",
            remedy='Install it: pip install "modelpact[optuna]".',
        ) from error


class Trials:
    """The trials of one sweep.

    Args:
        sweep: The sweep; where it is resumed, so is its study.
        space: What is searched.
        storage: Where the study is kept, as SQLAlchemy has it; None for in this process only, so that it cannot be resumed.
        name: The study's; None for the sweep's own title.
        direction: `maximize` or `minimize`.
        sampler: A key of `SAMPLERS`, or a sampler of Optuna's.
        seed: Makes the sampler repeatable; another stretch of its numbers is used after a resumption.

    Raises:
        ConfigError: The sampler cannot be had.
        SweepError: The study cannot be opened, or there is one of that name already.
    """

    def __init__(
        self,
        sweep: Sweep,
        space: SearchSpace,
        *,
        storage: str | None,
        name: str | None,
        direction: str,
        sampler: Any,
        seed: Any,
    ) -> None:
        self.sweep, self.space = sweep, space
        self.distributions = {key: axis.distribution() for key, axis in space.axes.items()}
        self.grid = sampler == "grid"
        if self.grid:
            space.grid()  # refuses what has no end
        chosen = _sampler(sampler, None if seed is None else int(seed) + len(sweep.record.jobs))
        self.study = _study(sweep, storage=storage, name=name or sweep.title, direction=direction)
        self.study.sampler = chosen
        self.trials: dict[int, optuna.Trial] = {}

    def again(self) -> list[int]:
        """Settle what a call that was cut off left behind, and ask anew for the jobs that are not done; returns their numbers."""
        from optuna.trial import TrialState

        for _ in self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self.study.ask()  # queued and not begun
        results, values = read_results(self.sweep.record, self.sweep.folder), {}
        for trial in self.study.get_trials():
            number = trial.user_attrs.get(JOB)
            done = results[number] if number is not None and number < len(results) else None
            if done is not None and self.distributions.keys() <= trial.params.keys():
                values[done.number] = trial.params
            if not trial.state.is_finished():
                self._tell(
                    trial.number,
                    done.objective if done is not None and done.status == "ok" else None,
                )
        numbers = [result.number for result in results if result.status != "ok"]
        for number in numbers:
            self.study.enqueue_trial(values[number], user_attrs={JOB: number})
            self.trials[number] = self.study.ask(self.distributions)
        return numbers

    def ask(self, count: int) -> list[int]:
        """Ask for new jobs and add them to the sweep; returns their numbers, fewer than asked for where a grid ends."""
        first = len(self.sweep.record.jobs)
        jobs = []
        if self.grid:
            points = list(itertools.islice(self.space.grid(), first, first + count))
            for point in points:
                self.study.enqueue_trial(point)
            count = len(points)
        for number in range(first, first + count):
            trial = self.study.ask(self.distributions)
            trial.set_user_attr(
                JOB, number
            )  # before the sweep knows of it: each of its jobs then has a trial
            self.trials[number] = trial
            jobs.append(self.space.job(trial.params))
        return self.sweep.extend(jobs)

    def tell(self, number: int, value: float | None) -> None:
        """Say what came of a job; None for nothing."""
        self._tell(self.trials.pop(number).number, value)

    def _tell(self, trial: int, value: float | None) -> None:
        from optuna.trial import TrialState

        if value is None or not math.isfinite(value):
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, value)


def objective(returned: JobReturn) -> float | None:
    """What a job achieved; None where it failed, or has no figure."""
    from hydra.core.utils import JobStatus

    value = returned.return_value if returned.status == JobStatus.COMPLETED else None
    return float(value) if isinstance(value, int | float) else None


def _study(sweep: Sweep, *, storage: Any, name: str, direction: Any) -> optuna.Study:
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    if direction not in ("maximize", "minimize"):
        raise ConfigError(
            f"hydra.sweeper.direction={direction}: there is no such direction",
            remedy="Choose maximize or minimize.",
        )
    if sweep.resumed and storage is None:
        raise SweepError(
            "the sweep's study was kept in memory: it cannot be resumed",
            remedy="Set hydra.sweeper.storage.",
        )
    try:
        with _quiet():
            if not sweep.resumed:
                return optuna.create_study(storage=storage, study_name=name, direction=direction)
            study = optuna.load_study(storage=storage, study_name=name)
    except optuna.exceptions.DuplicatedStudyError:
        raise SweepError(
            f"there is a study {name!r} already",
            remedy="Choose another hydra.sweeper.study_name, or resume its sweep.",
        ) from None
    except KeyError:
        raise SweepError(
            f"there is no study {name!r} to resume",
            remedy="Give the storage and study_name that it was begun with.",
        ) from None
    except (SQLAlchemyError, ImportError, optuna.exceptions.OptunaError) as error:
        raise SweepError(
            f"hydra.sweeper.storage cannot be opened: {truncate(type(error).__name__, 100)}",
            remedy="Give it as SQLAlchemy has it: sqlite:///optuna.db.",
        ) from error
    if study.direction.name.lower() != direction:
        raise SweepError(
            f"the study was begun with hydra.sweeper.direction={study.direction.name.lower()}",
            remedy="Resume it with that.",
        )
    return study


def _sampler(sampler: Any, seed: int | None) -> optuna.samplers.BaseSampler:
    import optuna

    if isinstance(sampler, optuna.samplers.BaseSampler):
        return sampler
    if sampler not in SAMPLERS:
        raise ConfigError(
            f"hydra.sweeper.sampler={sampler}: there is no such sampler{did_you_mean(str(sampler), list(SAMPLERS))}",
            remedy=f"Choose one of {', '.join(SAMPLERS)}, or give any of Optuna's with _target_.",
        )
    try:
        made: optuna.samplers.BaseSampler = getattr(optuna.samplers, SAMPLERS[sampler])(seed=seed)
    except ImportError as error:
        raise ConfigError(
            f"hydra.sweeper.sampler={sampler} needs another package: {truncate(error, 200)}",
            remedy="Install it, or choose tpe.",
        ) from error
    return made


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing what it opens: the sweep does that."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
