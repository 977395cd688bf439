"""modelpact's basic sweeper, in the namespace package where Hydra discovers plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from modelpact.cli.sweeps.composer import SweepComposer

__all__ = ["ModelpactSweeper"]


class ModelpactSweeper(BasicSweeper):
    """Hydra's basic sweeper, with validation before the first job, a summary and resumption."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        from modelpact.cli.sweeps.composer import SweepComposer

        loader = cast("ConfigLoader", SweepComposer(hydra_context.config_loader))
        context = HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
        super().setup(hydra_context=context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> Any:
        """Run all combinations of the overrides."""
        from modelpact.cli.compose import import_model

        config, launcher = cast("DictConfig", self.config), cast("Launcher", self.launcher)
        # Before MLflow, which the next line imports.
        import_model(config)
        from modelpact.cli.sweeps.search_space import check_grid
        from modelpact.cli.sweeps.sweep_runner import job_overrides, run_grid

        loader = cast("SweepComposer", cast("HydraContext", self.hydra_context).config_loader)
        overrides = job_overrides([*self._parse_config(), *arguments])
        parser = OverridesParser.create(config_loader=cast("ConfigLoader", loader))
        parsed = parser.parse_overrides(overrides)
        check_grid(parsed, self.max_batch_size)
        batches = self.split_arguments(parsed, self.max_batch_size)
        combinations = [list(job) for batch in batches for job in batch]
        return [run_grid(config, loader.compose_ahead, launcher, combinations, self.max_batch_size)]
