"""The text of `modelpact --help`."""

from __future__ import annotations

from importlib import resources

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


def help_text() -> str:
    """Return the help: usage, then every group with its options and their descriptions."""
    return _HEAD + "".join(_describe_group(group) for group in list_groups()) + _TAIL


def _describe_group(group: str) -> str:
    lines = [f"  {option:<12} {_first_comment(group, option)}" for option in list_options(group)]
    return "\n".join([f"\n{group}=", *lines, ""])


def _first_comment(group: str, option: str) -> str:
    file = resources.files(CONF).joinpath(group, f"{option}.yaml")
    comments = (
        line.removeprefix("# ")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("# ") and "@package" not in line
    )
    return next(comments, "")
