"""What the command line prints about itself: the help, the versions, the schema of an option."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from modelpact._internal.version import __version__
from modelpact.cli.config_groups import CONF, first_comment, list_groups
from modelpact.cli.option_help import describe_option
from modelpact.cli.option_schemas import read_schema
from modelpact.errors import ConfigError

__all__ = ["information"]

_HEAD = """modelpact publishes MLflow models under a contract (a model signature):
data -> model -> sign -> save -> load -> verify -> register

Usage: modelpact [group=option] [group.key=value] [flags]

  modelpact task=publish                                    publish the default model to ./mlflow.db
  modelpact task=publish task.dry_run=true                  do everything but write to the store
  modelpact data=csv data.path=my.csv data.target=price     use your own table
  modelpact -m signer=infer,explicit saver=custom,builtin   sweep over all combinations
  modelpact experiment=tensor                               use a recipe
  modelpact signer=explicit --cfg job                       print the configuration and exit
  modelpact task=diff --help                                show the keys of a task or an option

Groups and their options:
"""

_TAIL = """
Top-level keys: name (the registered model), seed.
Flags: --cfg job, --info defaults, --multirun (-m), --config-dir DIR (your options), --version,
--schema (the JSON Schema of an option's file), --hydra-help.
"""


def information(arguments: Sequence[str]) -> str:
    """Return the help, of the options that are chosen or of all, the versions, or a schema.

    Args:
        arguments: The command line; the options of its `--config-dir` and `hydra.searchpath` are
            listed as well, and those of installed packages.

    Raises:
        ConfigError: An option does not exist, or has no schema.
    """
    if "--version" in arguments:
        return (
            f"modelpact {__version__} (mlflow {version('mlflow')}, hydra {version('hydra-core')})\n"
        )
    groups = list_groups()
    pairs = (argument.split("=", 1) for argument in arguments if "=" in argument)
    chosen = [
        (group, option)
        for group, options in pairs
        if group in groups
        for option in options.split(",")
    ]
    if "--schema" in arguments:
        return _find_schema(chosen)
    folders = list(_find_other_folders(arguments))
    if chosen:
        return "\n".join(describe_option(*choice, folders) for choice in chosen)
    folders.insert(0, resources.files(CONF))
    return _HEAD + "".join(_describe_group(group, folders) for group in groups) + _TAIL


def _find_schema(chosen: Sequence[tuple[str, str]]) -> str:
    text = read_schema(*chosen[0]) if len(chosen) == 1 else None
    if text is None:
        raise ConfigError(
            "--schema needs one option of modelpact that has a class",
            remedy="For example: modelpact data=csv --schema",
        )
    return text


def _find_other_folders(arguments: Sequence[str]) -> Iterator[Traversable]:
    """Yield the folders with options that are not modelpact's own, in the order of Hydra."""
    for argument, following in pairwise([*arguments, ""]):
        name, _, value = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            yield Path(value or following)
        if name == "hydra.searchpath":
            yield from _open_folders(value.strip("[]").split(","))
    yield from _open_folders(_plugin_paths())


def _plugin_paths() -> list[str]:
    """Return what installed packages add to Hydra's search path."""
    from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    from modelpact.cli.sweeps.search_path import EntryPointSearchPath

    search_path = ConfigSearchPathImpl()
    kinds: set[Any] = {EntryPointSearchPath, *Plugins.instance().discover(SearchPathPlugin)}
    for kind in sorted(kinds, key=lambda kind: kind.__name__):
        kind().manipulate_search_path(search_path)
    return [element.path for element in search_path.get_path() if element.path]


def _open_folders(paths: Iterable[str]) -> Iterator[Traversable]:
    for path in paths:
        scheme, _, place = path.strip().strip("'\"").rpartition("://")
        if scheme != "pkg":
            yield Path(place)
        # Hydra reports a package that does not exist when it composes.
        elif find_spec(place.partition(".")[0]) is not None:
            with contextlib.suppress(ImportError):
                yield resources.files(place)


def _describe_group(group: str, folders: Iterable[Traversable]) -> str:
    files: dict[str, Traversable] = {}
    for folder in folders:
        place = folder.joinpath(group)
        found = place.iterdir() if place.is_dir() else ()
        for file in sorted(found, key=lambda file: file.name):
            # Hydra takes the first file of a name.
            if file.name.endswith(".yaml"):
                files.setdefault(file.name.removesuffix(".yaml"), file)
    lines = [f"  {option:<12} {first_comment(file)}" for option, file in files.items()]
    return "\n".join([f"\n{group}=", *lines, ""])
