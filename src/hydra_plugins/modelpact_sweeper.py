"""modelpact's sweeper, where Hydra looks for plugins: in the namespace package `hydra_plugins`."""

from __future__ import annotations

from typing import Any, cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

__all__ = ["ModelpactSweeper"]


class ModelpactSweeper(BasicSweeper):
    """Hydra's basic sweeper, which composes every combination before the first job runs; here that is not done a second time."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        loader = cast("ConfigLoader", ComposedOnce(hydra_context.config_loader))
        once = HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
        super().setup(hydra_context=once, task_function=task_function, config=config)


class ComposedOnce:
    """A config loader that hands a job the configuration it was checked with.

    In another process it is the plain loader again: there the configuration has to be composed anew.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose a job's configuration, or hand out the one that is waiting for it."""
        key = tuple(sweep_overrides)
        waiting = self._composed.pop(key, None)
        if waiting is not None:
            return waiting
        self._composed[key] = self._loader.load_sweep_config(master_config, sweep_overrides)
        return self._composed[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self._loader,)


def _itself(loader: ConfigLoader) -> ConfigLoader:
    return loader
