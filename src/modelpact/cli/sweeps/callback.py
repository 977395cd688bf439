"""The Hydra callback that checks a configuration before Hydra writes anything."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from modelpact._internal.guards import convert_errors
from modelpact.cli.argument_secrets import refuse_literals
from modelpact.errors import ConfigError
from modelpact.security import leak_scan
from modelpact.security.secrets import reject_literals

__all__ = ["CallbackError", "ModelpactCallback", "reject_composed_literals"]


class CallbackError(BaseException):
    """Carries an error out of a callback.

    Hydra turns an `Exception` that a callback raises into a warning and continues.

    Args:
        error: The error for the command line.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class ModelpactCallback(Callback):
    """Rejects literal secrets before Hydra writes them into `.hydra` or `multirun.yaml`."""

    def on_run_start(self, config: DictConfig, **kwargs: object) -> None:
        with convert_errors(CallbackError):
            reject_composed_literals(config)
            if config.get("resume"):
                raise ConfigError(
                    "resume=true requires a sweep, but this is a single run",
                    remedy="Add -m and hydra.sweep.dir=<the folder of the sweep>.",
                    key="resume",
                )

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        with convert_errors(CallbackError):
            reject_composed_literals(config)
            params = OmegaConf.select(config, "hydra.sweeper.params")
            # Each param is an override that is parsed when the sweep starts.
            if isinstance(params, DictConfig):
                items = params.items_ex(resolve=False)
                overrides = [f"{key!s}={value}" for key, value in items if isinstance(value, str)]
                refuse_literals(overrides, "hydra.sweeper.params")


def reject_composed_literals(config: DictConfig, keys: Collection[str] | None = None) -> None:
    """Reject literal secrets in a composed configuration; interpolations are not resolved.

    Args:
        config: The configuration.
        keys: The top-level keys to check; None for all keys.

    Raises:
        SecretError: There are literal secrets; the error names the keys, never the values.
    """
    plain: dict[str, Any] = {
        str(key): OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
        for key, node in config.items_ex(resolve=False)
        if keys is None or key in keys
    }
    reject_literals(plain, source="the composed configuration")
    hydra = plain.get("hydra") or {}
    values = {
        "run:config": {key: value for key, value in plain.items() if key != "hydra"},
        "run:overrides": (hydra.get("overrides") or {}).get("task"),
        "run:hydra": _hydra_values(config, hydra),
    }
    report = leak_scan.scan_values(values)
    allowlist = _read_allowlist((plain.get("saver") or {}).get("leak_allowlist"))
    report.reject(allowlist, "saver.leak_allowlist", "the composed configuration")


def _hydra_values(config: DictConfig, hydra: Mapping[str, Any]) -> dict[str, object]:
    """Return the settings of Hydra that name files, or are given to launchers and sweepers."""
    values = {key: hydra.get(key) for key in ("run", "sweep", "launcher", "sweeper")}
    for key in ("run.dir", "sweep.dir", "sweep.subdir", "job.name"):
        # Hydra reports values that cannot be resolved, and resolves others later.
        with contextlib.suppress(OmegaConfBaseException):
            values[key] = OmegaConf.select(config, f"hydra.{key}")
    return values


def _read_allowlist(entries: Any) -> list[leak_scan.AllowlistEntry]:
    """Return an allowlist; an empty one if it is invalid, which the saver reports."""
    from pydantic import ValidationError

    try:
        return [leak_scan.AllowlistEntry.model_validate(entry) for entry in entries or ()]
    except (TypeError, ValidationError):
        return []
