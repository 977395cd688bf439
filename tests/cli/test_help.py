from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from modelpact.cli.config_groups import list_groups, list_options
from modelpact.cli.help import information
from tests.support.commands import CommandRunner, modelpact

__all__ = ["modelpact"]  # the fixture


@pytest.mark.parametrize("arguments", [[], ["help"], ["-h"], ["--help", "data.seed=1"]])
def test_the_help_is_printed_without_a_run(arguments: list[str], modelpact: CommandRunner) -> None:
    ended = modelpact(*arguments)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("modelpact publishes MLflow models")
    assert "  modelpact task=publish  " in ended.out
    assert list(Path().iterdir()) == []


def test_the_versions(modelpact: CommandRunner) -> None:
    mlflow, hydra = version("mlflow"), version("hydra-core")
    assert re.fullmatch(
        rf"modelpact \d\S* \(mlflow {mlflow}, hydra {hydra}\)\n", modelpact("--version").out
    )


def test_the_help_of_a_task() -> None:
    lines = information(["task=diff", "--help"]).splitlines()
    assert lines[0].startswith("task=diff: Compares two contracts")
    assert "  task.old=...                    text, required" in lines
    assert "  task.mode=backward              none | backward | forward | full" in lines
    assert "      the output file; null: standard output" in lines
    assert "  steps: tracking=" in lines
    assert lines[-1].startswith("Example: modelpact task=diff task.old=models:/houses/1")


def test_the_help_of_options_that_inherit() -> None:
    text = information(["help", "model=ridge,mlflow"])
    assert "  model.estimator={_target_: sklearn.linear_model.Ridge, alpha: 1.0}" in text
    assert "      the estimator, as _target_ and arguments" in text
    assert "Example: modelpact model=ridge\n" in text
    assert "  model.uri=...                   text, required" in text


@pytest.mark.parametrize(
    ("group", "option"),
    [(group, option) for group in list_groups() for option in list_options(group)],
)
def test_every_option_has_a_help_with_an_example_of_its_own(group: str, option: str) -> None:
    text = information([f"{group}={option}", "--help"])
    assert text.startswith(f"{group}={option}:")
    if group not in ("contract", "experiment"):
        assert f"\nExample: modelpact {group}={option}" in text
        assert max(map(len, text.splitlines())) <= 130


def test_the_help_of_an_option_of_the_user(modelpact: CommandRunner, tmp_path: Path) -> None:
    path = tmp_path / "mine/data/prices.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "# yaml-language-server: $schema=a.json\n# Prices of last year\ndefaults: [csv]\npath: prices.csv # of 2025\n"
    )
    text = modelpact("--config-dir", str(tmp_path / "mine"), "data=prices", "--help").out
    assert text.startswith("data=prices: Prices of last year\n")
    assert "  data.path=prices.csv" in text
    assert "      of 2025" in text
    assert "  data.target=null" in text


def test_the_help_of_a_recipe_is_its_file() -> None:
    assert "    - override /data: digits\n" in information(["experiment=tensor", "-h"])


def test_an_unknown_option_is_an_error(modelpact: CommandRunner) -> None:
    ended = modelpact("data=csvv", "--help")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("error: unknown data 'csvv' (did you mean 'csv'?)\n")


def test_the_schema_of_an_option(modelpact: CommandRunner) -> None:
    assert json.loads(modelpact("data=csv", "--schema").out)["title"] == "data=csv"
    for arguments in ([], ["experiment=tensor"], ["data=csv", "signer=infer"]):
        ended = modelpact(*arguments, "--schema")
        assert ended.status == 2
        assert "modelpact data=csv --schema" in ended.err


@pytest.mark.slow
def test_the_completion_of_hydra_names_options_and_keys() -> None:
    def complete(line: str) -> str:
        command = [str(Path(sys.executable).with_name("modelpact")), "-sc", "query=bash"]
        return subprocess.run(
            command, env={"COMP_LINE": line}, capture_output=True, text=True, check=True
        ).stdout

    assert "signer=infer" in complete("modelpact signer=").split()
    assert complete("modelpact signer=infer signer.on").strip() == "signer.on_any="
