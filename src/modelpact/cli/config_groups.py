"""The config groups that modelpact ships, their options and the keys of each option."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from modelpact._internal.text import did_you_mean
from modelpact.errors import ConfigError

__all__ = [
    "find_option",
    "first_comment",
    "list_groups",
    "list_options",
    "option_keys",
    "read_option",
    "unknown_option",
]

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


def find_option(group: str, option: str, folders: Sequence[Traversable] = ()) -> Traversable | None:
    """Return the file of an option, or None.

    Args:
        group: The group.
        option: The option.
        folders: The folders to search after modelpact's own.
    """
    files = (
        folder.joinpath(group, f"{option}.yaml") for folder in (resources.files(CONF), *folders)
    )
    return next((file for file in files if file.is_file()), None)


def first_comment(file: Traversable) -> str:
    """Return the first comment of an option's file, which describes the option."""
    text = file.read_text(encoding="utf-8")
    match = re.search(r"(?m)^# (?!@package|yaml-language-server)(.*)", text)
    return match[1] if match else ""


def read_option(
    group: str, option: str, folders: Sequence[Traversable] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the content of an option's file and the comments of its keys.

    Both include those of the options of the group that it inherits. The first comment of the file
    has the key `""`, and its example the key `"Example"`. An option that does not exist is empty.
    """
    import yaml

    file = find_option(group, option, folders)
    if file is None:
        return {}, {}
    text = file.read_text(encoding="utf-8")
    own = yaml.safe_load(text) or {}
    content: dict[str, Any] = {}
    comments: dict[str, str] = {}
    for parent in own.pop("defaults", []):
        if isinstance(parent, str) and parent not in ("_self_", option):
            inherited, described = read_option(group, parent, folders)
            content |= inherited
            comments |= described
    comments.pop("Example", None)
    comments |= dict(re.findall(r"(?m)^(\w+):.*? # (.+)$", text))
    comments |= re.findall(r"(?m)^# (Example): (.+)$", text)
    return content | own, comments | {"": first_comment(file)}


@functools.cache
def option_keys(group: str, option: str) -> frozenset[str]:
    """Return the keys of an option, with those it inherits from another option of its group.

    The result is empty for an option that modelpact does not ship.
    """
    return frozenset(read_option(group, option)[0]) - {"_target_"}


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
