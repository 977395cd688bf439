"""The configuration of a run in MLflow: an artifact, and params that can be searched."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelpact._internal.files import log_text
from modelpact.security import secrets
from modelpact.security.text_redaction import redact_text

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ARTIFACT", "MAX_VALUE_LENGTH", "flatten_config", "log_config", "redact_config"]

ARTIFACT = "config.yaml"
MAX_VALUE_LENGTH, MAX_KEY_LENGTH, MAX_PARAMS_PER_CALL = 6000, 250, 100
"""MLflow's limits."""

KEY_MARGIN = 10
"""Characters of a key that are kept free for a number that makes the key unique."""

TRUNCATED = f"... (truncated; the artifact {ARTIFACT} has the full value)"

log = logging.getLogger(__name__)


def log_config(
    client: MlflowClient, run_id: str, config: Mapping[str, object], overrides: Sequence[str] = ()
) -> None:
    """Log a configuration as an artifact and as params of a run, without secrets.

    Args:
        client: A client of the store.
        run_id: The run.
        config: The resolved configuration.
        overrides: Overrides such as `model.alpha=1` or `signer=infer`; their keys become the first
            params.
    """
    import yaml
    from mlflow.entities import Param

    config = redact_config(config)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(config, Dumper=dumper, sort_keys=False, allow_unicode=True)
    log_text(client, run_id, text, ARTIFACT)
    values = {**_override_values(config, overrides), **dict(flatten_config(config))}
    named: dict[str, str] = {}
    for key, value in values.items():
        named[_make_unique(_to_param_key(key), named)] = _truncate_value(key, value)
    params = [Param(key, value) for key, value in named.items()]
    for start in range(0, len(params), MAX_PARAMS_PER_CALL):
        client.log_batch(run_id, params=params[start : start + MAX_PARAMS_PER_CALL])


def _override_values(config: Mapping[str, object], overrides: Sequence[str]) -> dict[str, str]:
    """Return the values of overridden keys, in the order of the overrides."""
    found = dict(flatten_config(config))
    values: dict[str, str] = {}
    for override in overrides:
        key, _, value = override.partition("=")
        key = key.lstrip("+~")
        if key in found:
            values[key] = found[key]
        # The choice of an option of a group, such as signer=infer.
        elif value and "." not in key:
            values[key] = redact_text(value, key)
    return values


def redact_config(config: Mapping[str, object]) -> dict[str, object]:
    """Return a configuration with every literal secret replaced by `[redacted]`.

    Example:
        >>> redact_config({"model": {"api_key": "env:KEY", "base_url": "https://ann:pw@host"}})
        {'model': {'api_key': 'env:KEY', 'base_url': '[redacted]'}}
    """
    secret_paths = set(secrets.find_literals(config))
    return {str(key): _redact(value, str(key), secret_paths) for key, value in config.items()}


def flatten_config(config: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of a configuration by dotted key; null and empty lists are left out.

    Args:
        config: The configuration.
        prefix: What each key starts with, such as `model.`.

    Example:
        >>> dict(flatten_config({"model": {"alpha": 1.0, "stop": ["a"], "seed": None}}))
        {'model.alpha': '1.0', 'model.stop': '["a"]'}
    """
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from flatten_config(value, f"{key}.")
        elif isinstance(value, (list, tuple)):
            if value:
                yield key, json.dumps(value, default=str, ensure_ascii=False)
        elif value is not None:
            yield key, str(value)


def _redact(value: object, path: str, secret_paths: set[str]) -> Any:
    if path in secret_paths:
        return secrets.REDACTED
    if isinstance(value, Mapping):
        return {
            str(key): _redact(item, f"{path}.{key}", secret_paths) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_redact(item, f"{path}.{index}", secret_paths) for index, item in enumerate(value)]
    return value


def _to_param_key(key: str) -> str:
    """Return a key that MLflow accepts: allowed characters, and no path segments such as `..`.

    The end of a long key is kept, because it is more specific than its start.
    """
    clean = re.sub(r"[^\w\-. /:]", "_", key)
    clean = "/".join(part for part in clean.split("/") if part not in {"", ".", ".."})
    longest = MAX_KEY_LENGTH - KEY_MARGIN
    if len(clean) > longest:
        clean = f"_{clean[1 - longest :]}"
    return f"_{clean}" if not clean or clean.startswith("..") else clean


def _make_unique(key: str, used: Container[str]) -> str:
    """Return the key, with a number appended if it is used already."""
    names = itertools.chain([key], (f"{key}_{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in used)


def _truncate_value(key: str, value: str) -> str:
    if len(value) <= MAX_VALUE_LENGTH:
        return value
    log.info("param %s truncated from %d characters; see %s", key, len(value), ARTIFACT)
    return value[: MAX_VALUE_LENGTH - len(TRUNCATED)] + TRUNCATED
