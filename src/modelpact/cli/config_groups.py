"""The config groups that modelpact ships, their options and the keys of each option."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib import resources

from modelpact._internal.text import did_you_mean
from modelpact.errors import ConfigError

__all__ = ["list_groups", "list_options", "option_keys", "unknown_option"]

CONF = "modelpact.conf"

FILE_OPTIONS = ("csv", "jsonl", "parquet")
"""Options of data that read files of that suffix."""


def list_groups() -> list[str]:
    """Return the names of the config groups, without Hydra's own."""
    folders = (entry.name for entry in resources.files(CONF).iterdir() if entry.is_dir())
    return sorted(name for name in folders if name != "hydra" and not name.startswith(("_", ".")))


def list_options(group: str) -> list[str]:
    """Return the names of a group's options."""
    names = (entry.name for entry in resources.files(CONF).joinpath(group).iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


@functools.cache
def option_keys(group: str, option: str) -> frozenset[str]:
    """Return the keys of an option, with those it inherits from another option of its group.

    The result is empty for an option that modelpact does not ship.
    """
    import yaml

    file = resources.files(CONF).joinpath(group, f"{option}.yaml")
    if not file.is_file():
        return frozenset()
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    inherited = [
        option_keys(group, name)
        for name in content.pop("defaults", [])
        if isinstance(name, str) and name != "_self_"
    ]
    return frozenset(content).union(*inherited) - {"_target_"}


def unknown_option(group: str, option: str, known: Iterable[str]) -> ConfigError:
    """Return the error for an option that its group does not have."""
    names = list(known)
    remedy = f"Options of {group or 'the folder'}: {', '.join(names)}."
    kind = next((part for part in option.split(".")[1:] if part in FILE_OPTIONS), None)
    if group == "data" and kind is not None:
        remedy = f"For a file: data={kind} data.path={option} data.target=..."
    return ConfigError(
        f"unknown {group or 'config'} {option!r}{did_you_mean(option, names)}",
        remedy=remedy,
        group=group,
        option=option,
    )
