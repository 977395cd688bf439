"""The text of `modelpact --help`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path

from modelpact.cli.config_groups import CONF, list_groups, list_options

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
        arguments: The command line; the options of its `--config-dir` are listed as well.
    """
    folder = _find_config_dir(arguments)
    return _HEAD + "".join(_describe_group(group, folder) for group in list_groups()) + _TAIL


def _find_config_dir(arguments: Sequence[str]) -> Path | None:
    for argument, following in pairwise([*arguments, ""]):
        name, _, value = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            return Path(value or following)
    return None


def _describe_group(group: str, folder: Path | None) -> str:
    package = resources.files(CONF).joinpath(group)
    files = {option: package.joinpath(f"{option}.yaml") for option in list_options(group)}
    if folder is not None:
        files |= {file.stem: file for file in sorted(folder.joinpath(group).glob("*.yaml"))}
    lines = [f"  {option:<12} {_first_comment(file)}" for option, file in files.items()]
    return "\n".join([f"\n{group}=", *lines, ""])


def _first_comment(file: Traversable) -> str:
    comments = (
        line.removeprefix("# ")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("# ") and "@package" not in line
    )
    return next(comments, "")
