"""Composing the jobs of a sweep: what they have in common is composed once. Hydra's private names of composing live here."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from modelpact.cli.sweeps.callback import refuse_composed

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

__all__ = ["SweepComposer"]


class SweepComposer:
    """A config loader for a sweep, which gives what Hydra's own gives, faster.

    Composing a job means reading some twenty YAML files and merging them, and most jobs of a sweep differ in a value or two: the
    files they have in common are read once, and the values are set in a copy. A job's configuration, composed when the sweep was
    checked, is handed out when the job starts.

    In another process it is the plain loader again: there the configuration has to be composed anew.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        self._waiting: dict[tuple[str, ...], DictConfig] = {}

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: list[str]
    ) -> DictConfig:
        """Compose a job's configuration, or hand out the one that is waiting for it."""
        waiting = self._waiting.pop(tuple(sweep_overrides), None)
        return self._compose(master_config, sweep_overrides) if waiting is None else waiting

    def compose_ahead(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose a job's configuration, to look at it and to hand it out when the job starts."""
        config = self._compose(master_config, sweep_overrides)
        self._waiting[tuple(sweep_overrides)] = config
        return config

    def _compose(self, master: DictConfig, lines: list[str]) -> DictConfig:
        overrides = OverridesParser.create().parse_overrides(lines)
        values = [override for override in overrides if _sets_a_value(override, master)]
        choices = tuple(
            line for line, override in zip(lines, overrides, strict=True) if override not in values
        )
        if choices not in self._bases:
            base = self._loader.load_sweep_config(master, list(choices))
            refuse_composed(
                base
            )  # what is chosen may bring what the sweep's own configuration has not
            self._bases[choices] = base
        config = copy.deepcopy(self._bases[choices])
        if values:
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            task = [override for override in overrides if not override.is_hydra_override()]
            config.hydra.overrides.task = [override.input_line for override in task]
            config.hydra.job.override_dirname = get_overrides_dirname(
                task, **config.hydra.job.config.override_dirname
            )
            refuse_composed(
                config, {override.key_or_group.partition(".")[0] for override in values}
            )
        OmegaConf.copy_cache(from_config=master, to_config=config)
        return config

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self._loader,)


def _sets_a_value(override: Override, master: DictConfig) -> bool:
    """Whether an override only sets a value: it then has no say in which files are composed, as the choice of an option has."""
    key = override.key_or_group
    if override.package is not None or override.is_sweep_override() or override.is_hydra_override():
        return False
    if "." in key:
        return True
    return key in master and not OmegaConf.is_config(master._get_node(key))


def _itself(loader: ConfigLoader) -> ConfigLoader:
    return loader
