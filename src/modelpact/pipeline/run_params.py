"""The configuration of a run in MLflow: an artifact, and the options of its steps as params."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from modelpact._internal.files import log_text
from modelpact.security import secrets
from modelpact.security.leak_scan import redact
from modelpact.types import Step

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "ARTIFACT",
    "MAX_VALUE_LENGTH",
    "flatten_config",
    "log_config",
    "log_params",
    "redact_config",
    "step_options",
]

ARTIFACT = "config.yaml"
MAX_VALUE_LENGTH, MAX_KEY_LENGTH, MAX_PARAMS_PER_CALL = 6000, 250, 100
"""MLflow's limits."""

KEY_MARGIN = 10
"""Characters of a key that are kept free for a number that makes the key unique."""

TRUNCATED = "... (truncated)"

TARGET = "_target_"
"""The key of the class of a step or an estimator."""

log = logging.getLogger(__name__)


def log_config(client: MlflowClient, run_id: str, config: Mapping[str, object]) -> None:
    """Log a resolved configuration as an artifact of a run, without secrets."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(redact_config(config), Dumper=dumper, sort_keys=False, allow_unicode=True)
    log_text(client, run_id, text, ARTIFACT)


def log_params(
    client: MlflowClient, run_id: str, options: Mapping[str, object], overrides: Sequence[str] = ()
) -> None:
    """Log options as params of a run, without secrets.

    Args:
        client: A client of the store.
        run_id: The run.
        options: The options, by group (see `step_options`).
        overrides: Overrides such as `model.alpha=1` or `signer=infer`; their keys become the first
            params.
    """
    from mlflow.entities import Param

    found = dict(flatten_config(redact_config(options)))
    first = [override.partition("=")[0].lstrip("+~") for override in overrides]
    values = {**{key: found[key] for key in first if key in found}, **found}
    named: dict[str, str] = {}
    for key, value in ((redact(key), redact(value)) for key, value in values.items()):
        named[_make_unique(_to_param_key(key), named)] = _truncate_value(key, value)
    params = [Param(key, value) for key, value in named.items()]
    for start in range(0, len(params), MAX_PARAMS_PER_CALL):
        client.log_batch(run_id, params=params[start : start + MAX_PARAMS_PER_CALL])


def step_options(steps: Mapping[str, Step], unused: Container[str] = ()) -> dict[str, object]:
    """Return the options of steps, by group, as they are recorded.

    A step, or an estimator in an option, is a mapping with its class in `_target_`. Data is
    described by its type and shape.

    Args:
        steps: The steps by group.
        unused: Options that are left out, such as `model.classifier`.
    """
    options = {group: _to_options(step) for group, step in steps.items()}
    return {
        group: {key: value for key, value in found.items() if f"{group}.{key}" not in unused}
        for group, found in options.items()
    }


def _to_options(value: Any, *, deep: bool = True) -> Any:
    if isinstance(value, Step):
        fields = {name: _to_options(getattr(value, name)) for name in value.option_fields()}
        return {TARGET: value.KIND, **fields}
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {str(key): _to_options(item, deep=deep) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_to_options(item, deep=deep) for item in value]
    if isinstance(value, (np.generic, Path)):
        return value.item() if isinstance(value, np.generic) else str(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if not deep or isinstance(value, type) or not hasattr(value, "get_params"):
        return _name(value)
    # Of a pipeline, these include the hyperparameters of its parts, such as `ridge__alpha`.
    options = {
        key.replace("__", "."): _to_options(item, deep=False)
        for key, item in value.get_params().items()
    }
    return {TARGET: _name(value), **options}


def _name(value: Any) -> str:
    name = getattr(value, "__qualname__", type(value).__qualname__)
    shape = getattr(value, "shape", None)
    return name if shape is None else f"{name} {shape}"


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
        >>> dict(flatten_config({"model": {"_target_": "Ridge", "alpha": 1.0}}))
        {'model': 'Ridge', 'model.alpha': '1.0'}
    """
    for name, value in config.items():
        # The class stands for its options: `model.estimator` is `Ridge`.
        key = prefix.removesuffix(".") if name == TARGET else f"{prefix}{name}"
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
    log.info("param %s truncated from %d characters", key, len(value))
    return value[: MAX_VALUE_LENGTH - len(TRUNCATED)] + TRUNCATED
