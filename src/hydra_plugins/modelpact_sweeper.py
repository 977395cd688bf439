"""modelpact's sweeper, where Hydra looks for plugins: in the namespace package `hydra_plugins`."""

from __future__ import annotations

from typing import cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from modelpact.plugins.composer import SweepComposer

__all__ = ["ModelpactSweeper"]


class ModelpactSweeper(BasicSweeper):
    """Hydra's basic sweeper, which composes every combination before the first job runs; here that is done once, and fast."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        loader = cast("ConfigLoader", SweepComposer(hydra_context.config_loader))
        once = HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
        super().setup(hydra_context=once, task_function=task_function, config=config)
