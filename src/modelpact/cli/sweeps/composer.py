"""Fast composition of the jobs of a sweep. Hydra's private names are used only here."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from modelpact.cli.sweeps.callback import reject_composed_literals

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

__all__ = ["SweepComposer"]


class SweepComposer:
    """A config loader that returns the same configurations as Hydra's own, faster.

    Composing a job reads and merges about twenty YAML files, and most jobs of a sweep differ in
    one or two values. The composer reads the shared files once and sets the values in a copy. The
    configuration of a job that was composed while the sweep was validated is returned when the job
    starts.

    In another process it is replaced by Hydra's loader, which composes the configuration again.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: list[str]
    ) -> DictConfig:
        """Return the configuration of a job, composed ahead or now."""
        composed = self._composed.pop(tuple(sweep_overrides), None)
        return self._compose(master_config, sweep_overrides) if composed is None else composed

    def compose_ahead(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose the configuration of a job and keep it for `load_sweep_config`."""
        config = self._compose(master_config, sweep_overrides)
        self._composed[tuple(sweep_overrides)] = config
        return config

    def _compose(self, master: DictConfig, lines: list[str]) -> DictConfig:
        overrides = OverridesParser.create().parse_overrides(lines)
        values = [override for override in overrides if _is_value_override(override, master)]
        choices = [str(one.input_line) for one in overrides if one not in values]
        config = copy.deepcopy(self._base(master, choices))
        if values:
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            _record_overrides(config, overrides)
            changed = {override.key_or_group.partition(".")[0] for override in values}
            reject_composed_literals(config, changed)
        OmegaConf.copy_cache(from_config=master, to_config=config)
        return config

    def _base(self, master: DictConfig, choices: list[str]) -> DictConfig:
        """Return the configuration with the chosen options, which jobs share."""
        key = tuple(choices)
        if key not in self._bases:
            base = self._loader.load_sweep_config(master, choices)
            # The chosen options may contain literals that the sweep's configuration does not.
            reject_composed_literals(base)
            self._bases[key] = base
        return self._bases[key]

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def __reduce__(self) -> tuple[object, ...]:
        return _identity, (self._loader,)


def _record_overrides(config: DictConfig, overrides: list[Override]) -> None:
    task = [override for override in overrides if not override.is_hydra_override()]
    config.hydra.overrides.task = [override.input_line for override in task]
    config.hydra.job.override_dirname = get_overrides_dirname(
        task, **config.hydra.job.config.override_dirname
    )


def _is_value_override(override: Override, master: DictConfig) -> bool:
    """Return whether an override sets a value, and so cannot change which files are composed."""
    key = override.key_or_group
    if override.package is not None or override.is_sweep_override() or override.is_hydra_override():
        return False
    if "." in key:
        return True
    return key in master and not OmegaConf.is_config(master._get_node(key))


def _identity(loader: ConfigLoader) -> ConfigLoader:
    return loader
