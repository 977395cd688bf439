"""From a composed configuration to a task that can run."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import re
from collections.abc import Iterable
from importlib import resources
from typing import TYPE_CHECKING, Any

from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import ConfigError
from modelpact.types import Step

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from modelpact.cli.tasks import Task

__all__ = ["build", "groups", "import_model", "option_keys", "options", "sweep_arguments"]

log = logging.getLogger(__name__)


def groups() -> list[str]:
    """The config groups that modelpact brings."""
    folders = (
        entry.name for entry in resources.files("modelpact.conf").iterdir() if entry.is_dir()
    )
    return sorted(name for name in folders if name != "hydra" and not name.startswith(("_", ".")))


def options(group: str) -> list[str]:
    """The options of a group that modelpact brings."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in resources.files("modelpact.conf").joinpath(group).iterdir()
        if entry.name.endswith(".yaml")
    )


@functools.cache
def option_keys(group: str, option: str) -> frozenset[str]:
    """The keys of an option, those it takes over from another option of its group included; empty for a user's own option."""
    import yaml

    file = resources.files("modelpact.conf").joinpath(group, f"{option}.yaml")
    if not file.is_file():
        return frozenset()
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    inherited = [
        option_keys(group, name)
        for name in content.pop("defaults", [])
        if isinstance(name, str) and name != "_self_"
    ]
    return frozenset(content).union(*inherited) - {"_target_"}


def sweep_arguments(arguments: list[str]) -> list[str]:
    """The arguments of the command line as Hydra takes them for a sweep; as they are where there is no `-m` among them.

    A sweep over a group may set a key that only some of its options have. To Hydra `-m signer=infer,explicit signer.on_any=warn`
    is an error, because `explicit` has no such key; such an override is turned into one that every option takes (`++`), and
    `build` drops it where it is not used. The flag itself comes first: after an override Hydra understands no more of them.
    """
    overrides = [argument for argument in arguments if argument not in {"-m", "--multirun"}]
    if len(overrides) == len(arguments):
        return arguments
    swept = {}
    for argument in overrides:
        group, _, value = argument.partition("=")
        if "," in value and group in groups():
            swept[group] = re.findall(r"[\w/-]+", value)
    return ["-m", *(_softened(argument, swept) for argument in overrides)]


def _softened(argument: str, swept: dict[str, list[str]]) -> str:
    match = re.match(r"(\w+)\.(\w+)[\w.]*=", argument)
    if match is None or match[1] not in swept:
        return argument
    group, key = match[1], match[2]
    users = [option for option in swept[group] if key in option_keys(group, option)]
    others = [option for option in swept[group] if option not in users]
    if not users or not others:
        return argument
    log.warning(
        "%s.%s is used by %s and not by %s",
        group,
        key,
        _listed(group, users),
        _listed(group, others),
    )
    return f"++{argument}"


def _listed(group: str, names: Iterable[str]) -> str:
    return ", ".join(f"{group}={name}" for name in names)


def build(cfg: DictConfig, settings: Any) -> Task:
    """Build the task that a configuration describes, each of its steps first.

    Args:
        cfg: The composed configuration.
        settings: Hydra's own part of it: the choice of each group, and whether this is a sweep.

    Raises:
        ConfigError: A step or the task refuses its options; the text names the key.
    """
    from omegaconf import DictConfig

    choices = settings.runtime.choices
    _check_contract(cfg, choices)
    sweeping = settings.mode is not None and settings.mode.name == "MULTIRUN"
    fields = {}
    for key in cfg.task:
        if key == "_target_":
            continue
        value = cfg.task[key]
        if isinstance(value, DictConfig) and "_target_" in value:
            fields[key] = _step(value, str(key), choices.get(key), sweeping)
        else:
            fields[key] = _plain(value)
    kind = _class(cfg.task, "task", choices.get("task"))
    task: Task = _construct(lambda: kind(**fields), "task", choices.get("task"), _keys(kind))
    return task


def import_model(cfg: DictConfig) -> None:
    """Import what a configuration's model is made of, if it can be: before MLflow that costs less than after it."""
    with contextlib.suppress(Exception):  # building it says what is wrong
        _located(cfg.model._target_)


def _check_contract(cfg: DictConfig, choices: Any) -> None:
    """Refuse a contract that was asked for and is not there; one of the data's own name is taken where there is one."""
    asked = choices.get("contract")
    if asked is None or asked == choices.get("data") or cfg.get("contract") is not None:
        return
    known = options("contract")
    raise ConfigError(
        f"contract={asked}: there is no such option{did_you_mean(asked, known)}",
        remedy=f"The options of contract: {', '.join(known)}.",
        group="contract",
        option=asked,
    )


def _step(node: DictConfig, group: str, choice: str | None, sweeping: bool) -> Any:
    from hydra.utils import instantiate

    kind = _class(node, group, choice)
    known = _keys(kind)
    if sweeping and issubclass(kind, Step):
        unused = [key for key in node if key != "_target_" and key not in known]
        for key in [
            key
            for key in unused
            if any(key in option_keys(group, option) for option in options(group))
        ]:
            log.info("%s.%s is not used by %s=%s", group, key, group, choice)
            node = _without(node, str(key))
    values = _values(node) if issubclass(kind, Step) else None
    if values is not None:
        return _construct(lambda: kind(**values), group, choice, known)
    return _construct(lambda: instantiate(node, _convert_="all"), group, choice, known)


def _values(node: DictConfig) -> dict[str, Any] | None:
    """The plain values that a node consists of; None where Hydra has to make something of them first."""
    from omegaconf import OmegaConf

    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(not str(key).startswith("_") and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return not isinstance(value, str) or ("${" not in value and value != "???")

    values: Any = OmegaConf.to_container(node, resolve=False)
    del values["_target_"]
    return values if plain(values) else None


def _class(node: DictConfig, group: str, choice: str | None) -> type[Any]:
    """The class that an option names.

    Raises:
        ConfigError: It cannot be imported, or is no class.
    """
    try:
        found = _located(node._target_)
    except Exception as error:  # whatever importing a module of the user's raises
        text = (
            str(error)
            if isinstance(error, ImportError | AttributeError)
            else f"{type(error).__name__}: {error}"
        )
        raise ConfigError(
            f"{group}={choice}: {node._target_} cannot be imported: {truncate(text, 200)}",
            remedy="Correct _target_, or install the package; a module of your own is found in the working folder.",
            group=group,
        ) from error
    if not isinstance(found, type):
        raise ConfigError(
            f"{group}={choice}: {node._target_} is no class",
            remedy="Name a class with _target_.",
            group=group,
        )
    return found


def _located(path: str) -> Any:
    """What a dotted path names, in a module or in a class of one; Hydra's own lookup would log each failure as well."""
    holder, _, name = path.rpartition(".")
    try:
        found = importlib.import_module(holder or name)
    except ModuleNotFoundError as error:
        if error.name != holder or "." not in holder:
            raise
        found = _located(holder)
    return getattr(found, name) if holder else found


def _keys(kind: type[Any]) -> list[str]:
    fields = getattr(kind, "model_fields", {}).items()
    return sorted(field.alias or name for name, field in fields if name != "KIND")


def _without(node: DictConfig, key: str) -> DictConfig:
    from omegaconf import DictConfig

    return DictConfig(
        {name: node._get_node(name) for name in node if name != key}, parent=node._get_parent()
    )


def _plain(value: Any) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _construct(make: Any, group: str, choice: str | None, known: list[str]) -> Any:
    from omegaconf.errors import OmegaConfBaseException
    from pydantic import ValidationError

    try:
        return make()
    except OmegaConfBaseException:  # a value that is missing, which says so itself
        raise
    except (
        Exception
    ) as error:  # Pydantic's, Hydra's around another, or what a class of the user's raises
        cause: BaseException = error
        while cause.__cause__ is not None and not isinstance(cause, ValidationError):
            cause = cause.__cause__
        where = f"{group}={choice}" if choice else group
        if isinstance(cause, ValidationError):
            faults = "\n".join(
                f"  {'.'.join(filter(None, (group, _place(fault))))}: {_fault(fault, known)}"
                for fault in cause.errors()
            )
            raise ConfigError(
                f"{where} cannot be built:\n{faults}",
                remedy=f"Its keys: {', '.join(known)}." if known else "It has no keys.",
                group=group,
            ) from error
        text = truncate(cause, 300)
        raise ConfigError(
            f"{where} cannot be built: {type(cause).__name__}: {text}",
            remedy="Check its values.",
            group=group,
        ) from error


def _place(fault: Any) -> str:
    return ".".join(str(part) for part in fault["loc"])


def _fault(fault: Any, known: list[str]) -> str:
    if fault["type"] == "extra_forbidden":
        return f"no such key{did_you_mean(str(fault['loc'][-1]), known)}"
    if fault["type"] == "missing":
        return "is required"
    if not fault["loc"]:  # the options do not go together: its text says which
        return str(fault["msg"]).removeprefix("Value error, ")
    from modelpact.security.secrets import is_sensitive, redact_values

    text = f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
    if is_sensitive([str(part) for part in fault["loc"]], fault["input"]):
        return f"{redact_values(text, [str(fault['input'])])} (its value is not shown)"
    return f"{text}, got {truncate(repr(fault['input']))}"
