"""The command-line arguments of a sweep, in the form that Hydra accepts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from modelpact.cli.config_groups import list_groups, option_keys

__all__ = ["multirun_arguments"]

log = logging.getLogger(__name__)


def multirun_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments as Hydra accepts them for a sweep; without `-m` they are unchanged.

    A sweep over a group may set a key that only some of the swept options have. Hydra rejects
    `-m signer=infer,explicit signer.on_any=warn`, because `explicit` has no such key. Such an
    override becomes one that every option accepts (`++`), and `build` drops it where it is unused.
    The flag comes first, because Hydra does not recognise flags after an override.
    """
    overrides = [argument for argument in arguments if argument not in {"-m", "--multirun"}]
    if len(overrides) == len(arguments):
        return arguments
    swept = _find_swept(overrides)
    return ["-m", *(_relax(argument, swept) for argument in overrides)]


def _find_swept(overrides: list[str]) -> dict[str, list[str]]:
    """Return the options of each group that a sweep varies."""
    swept = {}
    for override in overrides:
        group, _, value = override.partition("=")
        if "," in value and group in list_groups():
            swept[group] = re.findall(r"[\w/-]+", value)
    return swept


def _relax(argument: str, swept: dict[str, list[str]]) -> str:
    match = re.match(r"(\w+)\.(\w+)[\w.]*=", argument)
    if match is None:
        return argument
    group, key = match.groups()
    options = swept.get(group, [])
    users = [option for option in options if key in option_keys(group, option)]
    others = [option for option in options if option not in users]
    if not users or not others:
        return argument
    log.warning(
        "%s.%s is used by %s and not by %s", group, key, _join(group, users), _join(group, others)
    )
    return f"++{argument}"


def _join(group: str, options: Iterable[str]) -> str:
    return ", ".join(f"{group}={option}" for option in options)
