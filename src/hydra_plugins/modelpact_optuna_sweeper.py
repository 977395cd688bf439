"""modelpact's sweeper over Optuna, where Hydra looks for plugins; Optuna itself is imported when a sweep begins."""

from __future__ import annotations

from typing import Any, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

__all__ = ["OptunaSweeper"]


class OptunaSweeper(Sweeper):
    """A sweep whose jobs are the trials of an Optuna study; both can be resumed.

    Args:
        n_trials: How many jobs the sweep has in the end; None for all of a grid.
        n_jobs: How many are asked for, and launched, at a time.
        direction: Whether the first metric is to be as great as can be (`maximize`) or as small (`minimize`).
        sampler: How values are chosen: a key of `modelpact.cli.sweeps.optuna_study.SAMPLERS`, or a sampler of Optuna's.
        seed: Makes the sampler repeatable.
        storage: Where the study is kept, as SQLAlchemy has it.
        study_name: None for the name of the sweep's folder.
        params: What to sweep over, beside what the command line says.
    """

    def __init__(
        self,
        *,
        n_trials: int | None,
        n_jobs: int,
        direction: str,
        sampler: Any,
        seed: int | None,
        storage: str | None,
        study_name: str | None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.n_trials, self.n_jobs = n_trials, n_jobs
        self.study = {
            "direction": direction,
            "sampler": sampler,
            "seed": seed,
            "storage": storage,
            "name": study_name,
        }
        self.params = params or {}
        self.hydra_context: HydraContext | None = None
        self.launcher: Launcher | None = None
        self.config: DictConfig | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from hydra.core.plugins import Plugins

        from modelpact.cli.sweeps.composer import SweepComposer

        loader = cast("ConfigLoader", SweepComposer(hydra_context.config_loader))
        self.hydra_context, self.config = (
            HydraContext(config_loader=loader, callbacks=hydra_context.callbacks),
            config,
        )
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run the trials that are still to be run."""
        from modelpact.cli.compose import import_model

        import_model(cast("DictConfig", self.config))  # first: the next lines import MLflow
        from modelpact.cli.sweeps.optuna_study import Trials, need_optuna
        from modelpact.cli.sweeps.search_space import SearchSpace
        from modelpact.cli.sweeps.sweep_runner import explore, opened, without_own

        need_optuna()
        self._check()
        config, loader = (
            cast("DictConfig", self.config),
            cast("HydraContext", self.hydra_context).config_loader,
        )
        given = without_own([*(f"{key}={value}" for key, value in self.params.items()), *arguments])
        space = SearchSpace.read(
            OverridesParser.create(config_loader=loader).parse_overrides(given)
        )
        sweep = opened(
            config, searched=space.written, minimize=self.study["direction"] == "minimize"
        )
        return explore(
            config,
            loader.load_sweep_config,
            cast("Launcher", self.launcher),
            sweep,
            corners=space.corners(),
            trials=lambda: Trials(sweep, space, **self.study),
            n_trials=self.n_trials,
            n_jobs=self.n_jobs,
        )

    def _check(self) -> None:
        from modelpact.errors import ConfigError

        if self.n_trials is None and self.study["sampler"] != "grid":
            raise ConfigError(
                "hydra.sweeper.n_trials has no value",
                remedy="Set how many jobs to run: hydra.sweeper.n_trials=20.",
            )
        for key, value in {"n_trials": self.n_trials, "n_jobs": self.n_jobs}.items():
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ConfigError(
                    f"hydra.sweeper.{key}={value} is not a number of jobs",
                    remedy="Give a whole number from 1 on.",
                )
