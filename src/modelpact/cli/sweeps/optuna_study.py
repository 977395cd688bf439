"""The Optuna study of a sweep: each job is a trial, also after the sweep was interrupted."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import did_you_mean, truncate
from modelpact.cli.sweeps.results import read_results
from modelpact.errors import ConfigError, SweepError

if TYPE_CHECKING:
    import optuna
    from hydra.core.utils import JobReturn

    from modelpact.cli.sweeps import Sweep
    from modelpact.cli.sweeps.search_space import SearchSpace

__all__ = ["JOB", "SAMPLERS", "Trials", "job_objective", "require_optuna"]

JOB = "modelpact.job"
"""The attribute of a trial with the number of its job."""

SAMPLERS = {
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "qmc": "QMCSampler",
    "nsgaii": "NSGAIISampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    # The values of a grid are enqueued, so the sampler draws nothing.
    "grid": "RandomSampler",
}
"""Short names of Optuna's samplers; `_target_` selects any other one."""


def require_optuna() -> None:
    """Raise an error if Optuna is not installed.

    Raises:
        ConfigError: Optuna is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"hydra/sweeper=optuna requires Optuna: {error}",
            remedy='Install it: pip install "modelpact[optuna]".',
            group="hydra/sweeper",
            option="optuna",
        ) from error


class Trials:
    """The trials of one sweep.

    Args:
        sweep: The sweep; if it is resumed, its study is loaded.
        space: The search space.
        storage: The SQLAlchemy URL of the study; None for a study in memory, which cannot be
            resumed.
        name: The name of the study; None for the title of the sweep.
        direction: `maximize` or `minimize`.
        sampler: A key of `SAMPLERS`, or an Optuna sampler.
        seed: The seed of the sampler; a resumed sweep continues with other numbers.

    Raises:
        ConfigError: The sampler is unknown or needs a package that is not installed.
        SweepError: The study cannot be opened, or a study of that name exists already.
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
        self.is_grid = sampler == "grid"
        if self.is_grid:
            # Raises an error for a grid that is not finite.
            space.grid()
        offset = len(sweep.record.jobs)
        chosen = _create_sampler(sampler, None if seed is None else int(seed) + offset)
        self.study = _open_study(sweep, storage, name or sweep.title, direction)
        self.study.sampler = chosen
        self.trials: dict[int, optuna.Trial] = {}

    def repeat_unfinished(self) -> list[int]:
        """Finish the trials of an interrupted sweep, and start new ones for unfinished jobs.

        Returns:
            The numbers of those jobs.
        """
        from optuna.trial import TrialState

        # Trials that were enqueued but not started.
        for _ in self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self.study.ask()
        results = read_results(self.sweep.record, self.sweep.folder)
        params = self._finish_trials(
            {result.number: result.objective for result in results if result.status == "ok"}
        )
        numbers = [result.number for result in results if result.status != "ok"]
        for number in numbers:
            self.study.enqueue_trial(params[number], user_attrs={JOB: number})
            self.trials[number] = self.study.ask(self.distributions)
        return numbers

    def _finish_trials(
        self, objectives: Mapping[int, float | None]
    ) -> dict[int | None, dict[str, object]]:
        """Finish the trials of an interrupted sweep; return the complete params by job."""
        params = {}
        for trial in self.study.get_trials():
            number = trial.user_attrs.get(JOB)
            if self.distributions.keys() <= trial.params.keys():
                params[number] = trial.params
            if not trial.state.is_finished():
                self._tell(trial.number, objectives.get(number))
        return params

    def suggest(self, count: int) -> list[int]:
        """Add new jobs to the sweep and return their numbers; fewer than `count` if a grid ends."""
        first = len(self.sweep.record.jobs)
        if self.is_grid:
            points = list(itertools.islice(self.space.grid(), first, first + count))
            for point in points:
                self.study.enqueue_trial(point)
            count = len(points)
        jobs = []
        for number in range(first, first + count):
            trial = self.study.ask(self.distributions)
            # Before the sweep records the job, so that each of its jobs has a trial.
            trial.set_user_attr(JOB, number)
            self.trials[number] = trial
            jobs.append(self.space.overrides(trial.params))
        return self.sweep.extend(jobs)

    def report(self, number: int, value: float | None) -> None:
        """Report the objective of a job to the study; None for a failed job."""
        self._tell(self.trials.pop(number).number, value)

    def _tell(self, trial: int, value: float | None) -> None:
        from optuna.trial import TrialState

        if value is None or not math.isfinite(value):
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, value)


def job_objective(result: JobReturn) -> float | None:
    """Return the objective of a job; None if the job failed or has no metric."""
    from hydra.core.utils import JobStatus

    value = result.return_value if result.status == JobStatus.COMPLETED else None
    return float(value) if isinstance(value, int | float) else None


def _open_study(sweep: Sweep, storage: str | None, name: str, direction: object) -> optuna.Study:
    if direction not in ("maximize", "minimize"):
        raise ConfigError(
            f"unknown hydra.sweeper.direction {direction!r}",
            remedy="Options: maximize, minimize.",
            key="hydra.sweeper.direction",
        )
    if sweep.resumed and storage is None:
        raise SweepError(
            "cannot resume a study that was in memory",
            remedy="Start a new sweep with hydra.sweeper.storage=sqlite:///optuna.db.",
        )
    study = _create_or_load_study(sweep.resumed, storage, name, direction)
    found = study.direction.name.lower()
    if found != direction:
        raise SweepError(
            f"the study was started with hydra.sweeper.direction={found}",
            remedy="Resume it with the same direction.",
        )
    return study


def _create_or_load_study(
    resumed: bool, storage: str | None, name: str, direction: str
) -> optuna.Study:
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with _quiet_optuna():
            if resumed:
                return optuna.load_study(storage=storage, study_name=name)
            return optuna.create_study(storage=storage, study_name=name, direction=direction)
    except optuna.exceptions.DuplicatedStudyError:
        raise SweepError(
            f"the study {name!r} exists already",
            remedy="Set another hydra.sweeper.study_name, or resume the sweep of the study.",
        ) from None
    except KeyError:
        raise SweepError(
            f"no study {name!r} to resume",
            remedy="Set the storage and study_name that the sweep was started with.",
        ) from None
    except (SQLAlchemyError, ImportError, optuna.exceptions.OptunaError) as error:
        raise SweepError(
            f"cannot open hydra.sweeper.storage: {truncate(type(error).__name__, 100)}",
            remedy="Use a SQLAlchemy URL such as sqlite:///optuna.db.",
        ) from error


def _create_sampler(sampler: object, seed: int | None) -> optuna.samplers.BaseSampler:
    import optuna

    if isinstance(sampler, optuna.samplers.BaseSampler):
        return sampler
    if sampler not in SAMPLERS:
        raise ConfigError(
            f"unknown sampler {sampler!r}{did_you_mean(sampler, SAMPLERS)}",
            remedy=f"Options of hydra.sweeper.sampler: {', '.join(SAMPLERS)},"
            " or any Optuna sampler with _target_.",
            key="hydra.sweeper.sampler",
        )
    try:
        kind = getattr(optuna.samplers, SAMPLERS[sampler])
        created: optuna.samplers.BaseSampler = kind(seed=seed)
    except ImportError as error:
        raise ConfigError(
            f"hydra.sweeper.sampler={sampler} requires another package: {truncate(error, 200)}",
            remedy="Install it, or set hydra.sweeper.sampler=tpe.",
            key="hydra.sweeper.sampler",
        ) from error
    return created


@contextlib.contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Suppress Optuna's messages about the study; the sweep prints its own."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
