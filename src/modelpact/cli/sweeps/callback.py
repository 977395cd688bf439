"""The Hydra callback that checks a configuration before Hydra writes anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

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
    plain = {
        str(key): OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
        for key, node in config.items_ex(resolve=False)
        if keys is None or key in keys
    }
    reject_literals(plain, source="the composed configuration")
    _reject_known_secrets(plain)


def _reject_known_secrets(config: Mapping[str, Any]) -> None:
    """Reject the values of secret environment variables, but for those on the allowlist."""
    own = {key: value for key, value in config.items() if key != "hydra"}
    overrides = (config.get("hydra") or {}).get("overrides") or {}
    report = leak_scan.scan_values({"run:config": own, "run:overrides": overrides.get("task")})
    allowlist = _read_allowlist((config.get("saver") or {}).get("leak_allowlist"))
    leaks = [
        leak
        for leak in report.leaks
        if leak.kind == "environment" and not any(entry.covers(leak) for entry in allowlist)
    ]
    leak_scan.ScanReport(leaks, is_run=True).enforce(
        (), "saver.leak_allowlist", "the composed configuration"
    )


def _read_allowlist(entries: Any) -> list[leak_scan.AllowlistEntry]:
    """Return an allowlist; an empty one if it is invalid, which the saver reports."""
    from pydantic import ValidationError

    try:
        return [leak_scan.AllowlistEntry.model_validate(entry) for entry in entries or ()]
    except (TypeError, ValidationError):
        return []
