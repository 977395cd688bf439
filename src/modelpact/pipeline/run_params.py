"""A run's configuration in MLflow: whole as an artifact, and flattened into params that can be searched and compared."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelpact._internal.files import log_text
from modelpact.security import secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ARTIFACT", "LONGEST", "flattened", "record", "redacted"]

ARTIFACT = "config.yaml"
LONGEST, LONGEST_KEY, AT_ONCE = 6000, 250, 100
"""MLflow's limits: characters of a param's value and of its key, and params in one call."""

MARGIN = 10
"""What is left free of a key, for a number and a sign."""

CUT = f"... (cut: the whole is in the artifact {ARTIFACT})"

log = logging.getLogger(__name__)


def record(
    client: MlflowClient, run_id: str, config: Mapping[str, Any], first: Sequence[str] = ()
) -> None:
    """Put a configuration into its run, without secrets.

    Args:
        client: The store's.
        run_id: The run.
        config: The configuration, resolved.
        first: The overrides whose keys become params before all others, choices of options (`signer=infer`) as well.
    """
    import yaml
    from mlflow.entities import Param

    shown = redacted(config)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    log_text(
        client,
        run_id,
        yaml.dump(shown, Dumper=dumper, sort_keys=False, allow_unicode=True),
        ARTIFACT,
    )
    found = dict(flattened(shown))
    given = {line.partition("=")[0].lstrip("+~"): line.partition("=")[2] for line in first}
    choices = {
        key: secrets.redact_text(value, key)
        for key, value in given.items()
        if value and "." not in key
    }
    named: dict[str, str] = {}
    for key, value in {**{key: found.get(key, choices.get(key)) for key in given}, **found}.items():
        if value is not None:
            named[_unused(_short(key), named)] = _cut(key, value)
    params = [Param(key, value) for key, value in named.items()]
    for start in range(0, len(params), AT_ONCE):
        client.log_batch(run_id, params=params[start : start + AT_ONCE])


def redacted(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with every secret in it replaced by `[redacted]`.

    Example:
        >>> redacted({"model": {"api_key": "env:KEY", "base_url": "https://ann:pw@host"}})
        {'model': {'api_key': 'env:KEY', 'base_url': '[redacted]'}}
    """
    hidden = set(secrets.find_literals(config))
    return {str(key): _redacted(value, str(key), hidden) for key, value in config.items()}


def flattened(config: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a configuration by their dotted keys; lists as JSON; nothing for what is null or empty.

    Example:
        >>> dict(flattened({"model": {"alpha": 1.0, "stop": ["a"], "seed": None}}))
        {'model.alpha': '1.0', 'model.stop': '["a"]'}
    """
    for key, value in config.items():
        where = f"{place}.{key}" if place else str(key)
        if isinstance(value, Mapping):
            yield from flattened(value, where)
        elif isinstance(value, (list, tuple)):
            if value:
                yield where, json.dumps(value, default=str, ensure_ascii=False)
        elif value is not None:
            yield where, str(value)


def _redacted(value: Any, place: str, hidden: set[str]) -> Any:
    if place in hidden:
        return "[redacted]"
    if isinstance(value, Mapping):
        return {str(key): _redacted(item, f"{place}.{key}", hidden) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(item, f"{place}.{number}", hidden) for number, item in enumerate(value)]
    return value


def _short(key: str) -> str:
    """A key that MLflow takes: its letters, the path of no other, and not too long; the end tells more than the beginning."""
    clean = "".join(letter if letter.isalnum() or letter in "_-. /:" else "_" for letter in key)
    clean = "/".join(part for part in clean.split("/") if part not in {"", ".", ".."})
    if len(clean) > LONGEST_KEY - MARGIN:
        clean = f"_{clean[-(LONGEST_KEY - MARGIN - 1) :]}"
    return (
        f"_{clean}"
        if not clean or clean.startswith("..") or "/" in (clean[0], clean[-1])
        else clean
    )


def _unused(key: str, used: Container[str]) -> str:
    """The key, with a number where two keys have become one."""
    names = itertools.chain([key], (f"{key}_{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in used)


def _cut(key: str, value: str) -> str:
    if len(value) <= LONGEST:
        return value
    log.info(
        "the param %s has %d characters and was cut; the artifact %s holds the whole",
        key,
        len(value),
        ARTIFACT,
    )
    return value[: LONGEST - len(CUT)] + CUT
