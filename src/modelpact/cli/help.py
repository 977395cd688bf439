"""The text of `modelpact --help`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from modelpact.cli.config_groups import CONF, list_groups

__all__ = ["help_text"]

_HEAD = """modelpact publishes MLflow models under a contract (a model signature):
data -> model -> sign -> save -> load -> verify -> register

Usage: modelpact [group=option] [group.key=value] [flags]

  modelpact signer=infer                                    publish the default model to ./mlflow.db
  modelpact data=csv data.path=my.csv data.target=price     use your own table
  modelpact -m signer=infer,explicit saver=custom,builtin   sweep over all combinations
  modelpact experiment=tensor                               use a recipe
  modelpact signer=explicit --cfg job                       print the configuration and exit

Groups and their options:
"""

_TAIL = """
Top-level keys: name (the registered model), seed.
Flags: --cfg job, --info defaults, --multirun (-m), --config-dir DIR (your options), --hydra-help.
"""


def help_text(arguments: Sequence[str] = ()) -> str:
    """Return the help: usage, then every group with its options and their descriptions.

    Args:
        arguments: The command line; the options of its `--config-dir` and `hydra.searchpath` are
            listed as well, and those of installed packages.
    """
    folders = [resources.files(CONF), *_find_other_folders(arguments)]
    return _HEAD + "".join(_describe_group(group, folders) for group in list_groups()) + _TAIL


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
    lines = [f"  {option:<12} {_first_comment(file)}" for option, file in files.items()]
    return "\n".join([f"\n{group}=", *lines, ""])


def _first_comment(file: Traversable) -> str:
    comments = (
        line.removeprefix("# ")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("# ") and "@package" not in line
    )
    return next(comments, "")
