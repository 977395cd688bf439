"""Builds the task that a composed configuration describes."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from modelpact._internal.guards import convert_errors
from modelpact._internal.text import truncate
from modelpact.cli.config_groups import list_groups, list_options, option_keys, unknown_option
from modelpact.errors import ConfigError
from modelpact.pipeline.option_errors import invalid_options
from modelpact.types import Step

if TYPE_CHECKING:
    from hydra.conf import HydraConf
    from omegaconf import DictConfig

    from modelpact.cli.tasks import Task

__all__ = ["build", "import_model"]

TOP_LEVEL = ("name", "seed")
"""Keys of the configuration that no group has."""

log = logging.getLogger(__name__)


def build(cfg: DictConfig, settings: HydraConf) -> Task:
    """Build each step of a task, then the task.

    Args:
        cfg: The composed configuration.
        settings: Hydra's own part of it, with the chosen options and the run mode.

    Raises:
        ConfigError: An option of a step or of the task is invalid; the message names the key.
    """
    choices = settings.runtime.choices
    _check_contract(cfg, choices.get("contract"), choices.get("data"))
    sweeping = getattr(settings.mode, "name", "") == "MULTIRUN"
    fields = {
        str(key): _build_field(cfg.task[key], str(key), choices.get(key), sweeping)
        for key in cfg.task
        if key != "_target_"
    }
    kind = _import_class(cfg.task, "task", choices.get("task"))
    task: Task = _construct(lambda: kind(**fields), "task", choices.get("task"), _keys(kind))
    return task


def import_model(cfg: DictConfig) -> None:
    """Import the class of a configuration's model, if possible: before MLflow, that is faster."""
    # Importing may raise anything; `build` reports the error.
    with contextlib.suppress(Exception):
        _locate(cfg.model._target_)


def _check_contract(cfg: DictConfig, chosen: str | None, data: str | None) -> None:
    """Reject an unknown contract; a contract with the name of the data set is optional."""
    if chosen is None or chosen == data or cfg.get("contract") is not None:
        return
    raise unknown_option("contract", chosen, list_options("contract"))


def _build_field(value: object, key: str, choice: str | None, sweeping: bool) -> object:
    """Build the step of a task, or return another value as plain data."""
    from omegaconf import DictConfig

    if not isinstance(value, DictConfig):
        return _to_plain(value)
    if "_target_" in value:
        return _build_step(value, key, choice, sweeping)
    if key in list_groups():
        raise ConfigError(
            f"{key}={choice} does not name a class",
            remedy="Add _target_: package.module.Class, or inherit an option of the group, as "
            f"in defaults: [{list_options(key)[0]}].",
            group=key,
        )
    return _to_plain(value)


def _build_step(node: DictConfig, group: str, choice: str | None, sweeping: bool) -> object:
    from hydra.utils import instantiate

    kind = _import_class(node, group, choice)
    keys = _keys(kind)
    is_step = issubclass(kind, Step)
    if is_step and sweeping:
        node = _drop_unused_keys(node, group, choice, keys)
    values = _plain_values(node) if is_step else None
    if values is None:
        return _construct(lambda: instantiate(node, _convert_="all"), group, choice, keys)
    return _construct(lambda: kind(**values), group, choice, keys)


def _drop_unused_keys(
    node: DictConfig, group: str, choice: str | None, keys: Sequence[str]
) -> DictConfig:
    """Drop the keys that only other options have: a sweep sets them for all options of a group."""
    from omegaconf import DictConfig

    known = frozenset[str]().union(*(option_keys(group, one) for one in list_options(group)))
    unused = known.intersection(map(str, node)) - set(keys)
    if not unused:
        return node
    for key in sorted(unused):
        log.info("%s.%s is not used by %s=%s", group, key, group, choice)
    return DictConfig(
        {name: node._get_node(name) for name in node if name not in unused},
        parent=node._get_parent(),
    )


def _plain_values(node: DictConfig) -> dict[str, Any] | None:
    """Return the values of a node without objects and interpolations; None if it has any.

    `hydra.utils.instantiate` is needed only for those, and is slow.
    """
    from omegaconf import OmegaConf

    def is_plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(
                not str(key).startswith("_") and is_plain(item) for key, item in value.items()
            )
        if isinstance(value, list):
            return all(map(is_plain, value))
        return not isinstance(value, str) or ("${" not in value and value != "???")

    values: Any = OmegaConf.to_container(node, resolve=False)
    del values["_target_"]
    return values if is_plain(values) else None


def _import_class(node: DictConfig, group: str, choice: str | None) -> type[object]:
    """Import the class that an option names.

    Raises:
        ConfigError: `_target_` cannot be imported, or is not a class.
    """

    def import_error(error: Exception) -> ConfigError:
        named = isinstance(error, ImportError | AttributeError)
        text = str(error) if named else f"{type(error).__name__}: {error}"
        return ConfigError(
            f"{group}={choice}: cannot import {node._target_}: {truncate(text, 200)}",
            remedy="Correct _target_, or install the package. Modules in the working folder are "
            "found.",
            group=group,
        )

    with convert_errors(import_error):
        found = _locate(node._target_)
    if not isinstance(found, type):
        raise ConfigError(
            f"{group}={choice}: {node._target_} is not a class",
            remedy="Set _target_ to a class.",
            group=group,
        )
    return found


def _locate(path: str) -> Any:
    """Import the object that a dotted path names.

    Hydra's `get_class` would log each failure as well as raise it.
    """
    holder, _, name = path.rpartition(".")
    try:
        found = importlib.import_module(holder or name)
    except ModuleNotFoundError as error:
        # The holder may be a class of a module.
        if error.name != holder or "." not in holder:
            raise
        found = _locate(holder)
    return getattr(found, name) if holder else found


def _keys(kind: type[object]) -> list[str]:
    fields = getattr(kind, "model_fields", {}).items()
    return sorted(field.alias or name for name, field in fields if name != "KIND")


def _to_plain(value: object) -> object:
    from omegaconf import OmegaConf

    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _construct(
    make: Callable[[], object], group: str, choice: str | None, keys: Sequence[str]
) -> Any:
    from omegaconf.errors import OmegaConfBaseException

    # `error_reporting` names the key of a missing value.
    with convert_errors(
        partial(invalid_options, group, choice, keys, TOP_LEVEL), unless=OmegaConfBaseException
    ):
        return make()
