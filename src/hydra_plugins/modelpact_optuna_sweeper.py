"""modelpact's Optuna sweeper, in the namespace package where Hydra discovers plugins.

Optuna is imported when a sweep starts.
"""

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
        n_trials: The number of jobs of the whole sweep; None for all of a grid.
        n_jobs: The number of jobs to suggest and launch at a time.
        direction: Whether to `maximize` or `minimize` the first metric.
        sampler: A key of `modelpact.cli.sweeps.optuna_study.SAMPLERS`, or an Optuna sampler.
        seed: The seed of the sampler.
        storage: The SQLAlchemy URL of the study.
        study_name: The name of the study; None for the name of the sweep's folder.
        params: Overrides to sweep over, in addition to those of the command line.
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
        self.config = config
        self.hydra_context = HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run the trials that are not done."""
        from modelpact.cli.compose import import_model

        config = cast("DictConfig", self.config)
        # Before MLflow, which the next lines import.
        import_model(config)
        from modelpact.cli.sweeps.optuna_study import Trials, require_optuna
        from modelpact.cli.sweeps.search_space import SearchSpace
        from modelpact.cli.sweeps.sweep_runner import job_overrides, open_sweep, run_search

        require_optuna()
        self._check_numbers()
        loader = cast("HydraContext", self.hydra_context).config_loader
        params = [f"{key}={value}" for key, value in self.params.items()]
        parser = OverridesParser.create(config_loader=loader)
        space = SearchSpace.read(parser.parse_overrides(job_overrides([*params, *arguments])))
        minimize = self.study["direction"] == "minimize"
        sweep = open_sweep(config, searched=space.written, minimize=minimize)
        return run_search(
            config,
            loader.load_sweep_config,
            cast("Launcher", self.launcher),
            sweep,
            lambda: Trials(sweep, space, **self.study),
            corners=space.corners(),
            n_trials=self.n_trials,
            n_jobs=self.n_jobs,
        )

    def _check_numbers(self) -> None:
        from modelpact.errors import ConfigError

        if self.n_trials is None and self.study["sampler"] != "grid":
            raise ConfigError(
                "hydra.sweeper.n_trials is required for this sampler",
                remedy="Set the number of jobs: hydra.sweeper.n_trials=20.",
                key="hydra.sweeper.n_trials",
            )
        for key, value in {"n_trials": self.n_trials, "n_jobs": self.n_jobs}.items():
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ConfigError(
                    f"hydra.sweeper.{key}={value} is not a positive integer",
                    remedy="Set it to 1 or more.",
                    key=f"hydra.sweeper.{key}",
                )
