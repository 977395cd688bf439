"""`--help`: what can be chosen, in one screen."""

from __future__ import annotations

from importlib import resources

from modelpact.cli.compose import groups, options

__all__ = ["help_text"]

_HEAD = """modelpact publishes MLflow models under a contract:
data -> model -> sign -> save -> load -> verify -> register

  modelpact signer=infer                                    one run, into mlflow.db in this folder
  modelpact data=csv data.path=my.csv data.target=price     your own table
  modelpact -m signer=infer,explicit saver=custom,builtin   a sweep over all combinations
  modelpact experiment=tensor                               a recipe
  modelpact signer=explicit --cfg job                       print the composed configuration and stop

Choose an option of a group with group=option, set a key of it with group.key=value.
"""

_TAIL = """
Keys beside the groups: name (the registered model), seed.
More: --cfg job, --info defaults, --hydra-help, --multirun (-m), --config-dir DIR for options of your own.
"""


def help_text() -> str:
    """The text of `--help`: the groups, their options, and what each option is."""
    return _HEAD + "".join(_group(group) for group in groups()) + _TAIL


def _group(group: str) -> str:
    lines = [f"  {option:<12} {_first_comment(group, option)}" for option in options(group)]
    return "\n".join([f"\n{group}=", *lines, ""])


def _first_comment(group: str, option: str) -> str:
    text = (
        resources.files("modelpact.conf")
        .joinpath(group, f"{option}.yaml")
        .read_text(encoding="utf-8")
    )
    comments = (
        line.removeprefix("# ")
        for line in text.splitlines()
        if line.startswith("# ") and "@package" not in line
    )
    return next(comments, "")
