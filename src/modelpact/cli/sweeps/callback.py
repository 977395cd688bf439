"""What modelpact does before a run or a sweep of Hydra's begins, when everything is composed and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from modelpact.cli.argument_secrets import refuse_literals
from modelpact.errors import ConfigError
from modelpact.security.secrets import reject_literals

__all__ = ["ModelpactCallback", "Stop", "refuse_composed"]


class Stop(BaseException):
    """Carries an error out of a callback: Hydra turns an `Exception` there into a warning, and goes on.

    Args:
        error: What the command line is to end with.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class ModelpactCallback(Callback):
    """Refuses a configuration that holds a secret itself, before it is written into `.hydra` or `multirun.yaml`."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        def check() -> None:
            refuse_composed(config)
            if config.get("resume"):
                raise ConfigError(
                    "resume=true is for sweeps, and this is a single run",
                    remedy="Add -m, and hydra.sweep.dir=<the sweep's folder>.",
                )

        _stopping(check)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        def check() -> None:
            refuse_composed(config)
            swept = OmegaConf.select(config, "hydra.sweeper.params")
            if isinstance(swept, DictConfig):  # each is an override, read when the sweep begins
                lines = [
                    f"{key!s}={value}"
                    for key, value in swept.items_ex(resolve=False)
                    if isinstance(value, str)
                ]
                refuse_literals(lines, "hydra.sweeper.params")

        _stopping(check)


def refuse_composed(config: DictConfig, keys: Collection[str] | None = None) -> None:
    """Refuse a composed configuration that holds a secret itself; interpolations are looked at, not resolved.

    Args:
        config: The configuration.
        keys: What to look at, where the rest was looked at before; None for everything.

    Raises:
        SecretError: It names each place and no value.
    """
    nodes = {
        str(key): value
        for key, value in config.items_ex(resolve=False)
        if keys is None or key in keys
    }
    plain = {
        key: OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
        for key, node in nodes.items()
    }
    reject_literals(plain, source="the composed configuration")


def _stopping(check: Callable[[], None]) -> None:
    try:
        check()
    except Exception as error:
        raise Stop(error) from error
