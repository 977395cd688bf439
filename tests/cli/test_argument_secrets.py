"""Literal keys are rejected in every place, and appear in no file or message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError
from pydantic import ValidationError
from pytest_mock import MockerFixture

from modelpact.cli import argument_secrets
from modelpact.cli.argument_secrets import refuse_literals
from modelpact.cli.error_reporting import translate
from modelpact.cli.sweeps.callback import CallbackError, ModelpactCallback, reject_composed_literals
from modelpact.errors import ConfigError, SecretError
from modelpact.pipeline.option_errors import _describe
from modelpact.types import Step
from tests.support.commands import CommandRunner, modelpact

__all__ = ["modelpact"]  # the fixture

CANARY = "canary-7f3a"
OPENAI = "sk-" + "proj-canary0123456789"
QUICK = ("saver.pip_requirements=[scikit-learn]",)


def traces(folder: Path) -> list[str]:
    """Return the files in a folder that contain a canary, except the configurations of the test."""
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and "own" not in path.relative_to(folder).parts
    ]
    return [str(path) for path in files if b"canary" in path.read_bytes() or "canary" in path.name]


def refused(command: CommandRunner, *given: str) -> str:
    """Return the message of a rejected command, which must leave no trace."""
    ended = command(*given)
    assert ended.status == 2, ended.err
    assert "canary" not in ended.out + ended.err
    assert traces(Path.cwd()) == []
    assert ended.err.startswith("error: ")
    return ended.err


LINES: dict[str, tuple[str, str]] = {
    "a value": (f"model.api_key={CANARY}", "model.api_key is a literal secret"),
    "an added value": (f"+model.api_key={CANARY}", "model.api_key"),
    "a forced value": (f"++model.api_key={CANARY}", "model.api_key"),
    "a deleted value": (f"~model.api_key={CANARY}", "model.api_key"),
    "a quoted value": (f"model.api_key='{CANARY}'", "model.api_key"),
    "a number": ("model.api_key=1234", "model.api_key"),
    "a cast": (f"model.api_key=str({CANARY})", "model.api_key"),
    "a package": (f"+model@model.other=[{OPENAI}]", "model"),
    "a dict": (f"model={{api_key: {CANARY}}}", "model.api_key"),
    "a dict in a dict": (f"+model={{a: {{client_secret: {CANARY}}}}}", "model.a.client_secret"),
    "a list": (f"model.fallbacks=[{{model: m, api_key: {CANARY}}}]", "model.fallbacks.0.api_key"),
    "headers": (f"model.headers={{X-Api-Key: {CANARY}}}", "model.headers.X-Api-Key"),
    "any header": (f"model.headers={{X-Team: {CANARY}}}", "model.headers.X-Team"),
    "one header": (f"+model.headers.X-Team={CANARY}", "model.headers.X-Team"),
    "a sweep": (f"model.api_key={CANARY},env:B", "model.api_key"),
    "a sweep's second value": (f"model.api_key=env:A,{CANARY}", "model.api_key"),
    "a choice": (f"model.api_key=choice(env:A,'{CANARY}')", "model.api_key"),
    "a shuffled choice": (f"model.api_key=shuffle({CANARY},env:A)", "model.api_key"),
    "a sweep of dicts": (f"model={{api_key: env:A}},{{api_key: {CANARY}}}", "model.api_key"),
    "a range": ("model.api_key=range(1,3)", "model.api_key"),
    "an interval": ("model.api_key=interval(1,3)", "model.api_key"),
    "a pattern": ("credentials=glob(canary*)", "credentials"),
    "a password in an address": (
        f"model.base_url=https://ann:{CANARY}@host/v1",
        "model.base_url is a URL with",
    ),
    "a key in an address": (
        f"model.base_url='https://host/v1?api_key={CANARY}'",
        "model.base_url is a URL with",
    ),
    "a password of a store": (
        f"tracking.uri=postgresql://ann:{CANARY}@db/mlflow",
        "tracking.uri is a URL with",
    ),
    "a known form under any name": (f"name={OPENAI}", "name has the format of a key"),
    "a known form in a text": (f"+register.tags.note='use {OPENAI}'", "register.tags.note"),
    "a known form as a key": (f"+model.{OPENAI}=1", "argument 1"),
    "a known form as an option": (f"model={OPENAI}", "model has"),
    "an environment of Hydra's": (
        f"+hydra.job.env_set.OPENAI_API_KEY={CANARY}",
        "hydra.job.env_set.OPENAI_API_KEY",
    ),
    "a group of that name": (f"api_key={CANARY}", "api_key"),
    "a value from the environment": (
        "+model.api_key=${oc.env:HOME}",
        "model.api_key would copy a secret from the environment",
    ),
    "a header from the environment": (
        "+model.headers.X-Team=${oc.env:HOME}",
        "model.headers.X-Team would copy",
    ),
    "the older resolver": ("+model.api_key=${env:HOME}", "model.api_key would copy"),
    "no key": (OPENAI, "argument 1 is"),
    "a flag": (f"--api-key={CANARY}", "api-key is"),
    "a flag of a known form": (f"--key={OPENAI}", "key has"),
    # an override that Hydra cannot parse and would print
    "an unclosed dict": (f"model={{api_key: {CANARY}", "model is"),
    "an unclosed dict of headers": (f"model.headers={{X-Team: {CANARY}", "model.headers"),
    "an unclosed list": (f"model.fallbacks=[{{api_key: {CANARY}}}", "model.fallbacks is"),
    "an odd character": (f"model.api_key={CANARY};", "model.api_key"),
    "a key with brackets": (f"model.fallbacks[0].api_key={CANARY}", "model.fallbacks[0].api_key"),
    "an odd character in an address": (
        f"model.base_url=https://ann:{CANARY};@host",
        "model.base_url is a URL with",
    ),
    "an unquoted address with a key": (
        f"model.base_url=https://host/v1?x=1&api_key={CANARY}",
        "model.base_url is a URL with",
    ),
    "an unclosed quote": (f"model.api_key='{CANARY}", "model.api_key"),
    "a blank before the sign": (f"model.api_key ={CANARY}", "model.api_key"),
}


@pytest.mark.parametrize(
    "multirun", [(), ("-m",), ("--multirun",)], ids=["run", "-m", "--multirun"]
)
@pytest.mark.parametrize(("line", "said"), LINES.values(), ids=LINES)
def test_a_key_on_the_command_line(
    line: str, said: str, multirun: tuple[str, ...], modelpact: CommandRunner
) -> None:
    said = said.replace("argument 1", f"argument {len(multirun) + 1}")
    message = refused(modelpact, *multirun, line)
    assert message.startswith(f"error: {said}")
    assert "(the command line)" in message
    assert "env:NAME" in message
    assert os.listdir() == []


@pytest.mark.parametrize(
    "line",
    [
        "model.api_key=env:OPENAI_API_KEY",
        "+model.api_key=env:A,env:B",
        "model={api_key: env:A, headers: {X-Team: env:TEAM}}",
        "model.api_key=null",
        "model.api_key=",
        "model.api_key='???'",
        "~model.api_key",
        "model.api_key=${other.api_key}",
        "+register.tags.home=${oc.env:HOME}",
        "data.path=${oc.env:HOME}/token.csv",
        "data.target=token",
        "data.columns=[token,password]",
        "signer.inputs={token: string, password: string}",
        "model.max_tokens=100",
        "+model.stop_token=x",
        "model.base_url=http://localhost:4000/v1",
        "tracking.uri=postgresql://ann@db/mlflow",
        "name=secret",
        "token_count=3",
        "data.columns=[token",
        "-m",
        "--config-dir",
        "conf/headers",
        "",
    ],
)
def test_arguments_that_only_resemble_keys_are_passed_to_hydra(line: str) -> None:
    refuse_literals([line])


def test_most_arguments_are_not_parsed(mocker: MockerFixture) -> None:
    spy = mocker.spy(argument_secrets, "_parse")
    refuse_literals(
        ["-m", "signer=infer,explicit", "model.estimator.alpha=2", "data.path=table.csv"]
    )
    assert spy.call_count == 0


@pytest.fixture
def own() -> Path:
    """Write a folder of user options, some of which contain a key."""
    folder = Path("own")
    files = {
        "experiment/key": f"register:\n  tags:\n    api_key: {CANARY}",
        "experiment/header": f"register:\n  tags:\n    headers:\n      X-Team: {CANARY}",
        "experiment/address": f"register:\n  tags:\n    from: https://ann:{CANARY}@host/x",
        "experiment/form": f"register:\n  tags:\n    note: {OPENAI}",
        "experiment/environment": "register:\n  tags:\n    token: ${oc.env:OWN_TOKEN}",
        "experiment/list": f"register:\n  tags:\n    keys:\n    - password: {CANARY}",
        "experiment/hydra": f"hydra:\n  job:\n    env_set:\n      OWN_TOKEN: {CANARY}",
        "experiment/params": f'hydra:\n  sweeper:\n    params:\n      register.tags: "{{team: a}},{{password: {CANARY}}}"',
        "experiment/fine": "register:\n  tags:\n    token: env:OWN_TOKEN\n    home: ${oc.env:HOME}",
        "experiment/interpolation": f"register:\n  tags:\n    token: {CANARY}${{canary",
    }
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# @package _global_\n{text}\n")
    return folder


RECIPES = {
    "key": "register.tags.api_key is a literal secret",
    "header": "register.tags.headers.X-Team is",
    "address": "register.tags.from is a URL with",
    "form": "register.tags.note has",
    "environment": "register.tags.token would copy a secret from the environment",
    "list": "register.tags.keys.0.password is",
    "hydra": "hydra.job.env_set.OWN_TOKEN is",
}


@pytest.mark.parametrize(("recipe", "said"), RECIPES.items())
@pytest.mark.parametrize(
    "multirun",
    [
        pytest.param((), id="run"),
        pytest.param(("-m", "seed=1,2"), id="sweep", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("own")
def test_a_key_in_a_file(
    recipe: str,
    said: str,
    multirun: tuple[str, ...],
    modelpact: CommandRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OWN_TOKEN", CANARY)
    message = refused(modelpact, "--config-dir=own", *multirun, f"experiment={recipe}")
    assert message.startswith(f"error: {said}")
    assert "(the composed configuration)" in message
    assert os.listdir() == ["own"]


@pytest.mark.usefixtures("own")
def test_a_key_in_an_option_that_a_sweep_chooses(modelpact: CommandRunner) -> None:
    message = refused(modelpact, "--config-dir=own", "-m", "experiment=fine,key")
    assert message.startswith("error: register.tags.api_key is a literal secret")
    assert {path.name for path in Path("multirun").rglob("*") if path.is_file()} <= {
        "multirun.yaml"
    }


@pytest.mark.usefixtures("own")
def test_a_key_in_the_params_of_a_sweeper(modelpact: CommandRunner) -> None:
    message = refused(modelpact, "--config-dir=own", "-m", "experiment=params")
    assert message.startswith(
        "error: register.tags.password is a literal secret (hydra.sweeper.params)"
    )
    assert os.listdir() == ["own"]


@pytest.mark.usefixtures("own")
def test_a_key_that_was_copied_from_the_environment(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_TOKEN", CANARY)
    message = refused(modelpact, "hydra.job.env_copy=[OWN_TOKEN]")
    assert message.startswith("error: hydra.job.env_set.OWN_TOKEN is")


@pytest.mark.usefixtures("own")
def test_hydras_message_about_a_file_does_not_repeat_a_key(modelpact: CommandRunner) -> None:
    message = refused(
        modelpact, "--config-dir=own", "experiment=key", "~register.tags.api_key=env:A"
    )
    assert "register.tags.api_key" in message
    message = refused(modelpact, "--config-dir=own", "experiment=interpolation")
    assert (
        message
        == "error: invalid interpolation in the value of register.tags.token\nClose each ${ with a }.\n"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_references_are_accepted(modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_TOKEN", CANARY)
    ended = modelpact("--config-dir=own", "experiment=fine", *QUICK)
    assert ended.status == 0, ended.err
    assert traces(Path.cwd()) == []


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    "given",
    [
        (f"+model.api_key={CANARY}",),
        ("--config-dir=own", "experiment=key"),
        pytest.param(("-m", "--config-dir=own", "experiment=fine,key"), marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_the_traceback_does_not_contain_the_key(given: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", "from modelpact.cli.main import main; main()", *given]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HYDRA_FULL_ERROR": "1"},
    )
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "modelpact.errors.SecretError" in done.stderr
    assert "canary" not in (done.stdout + done.stderr).replace(f"'{given[0]}'", "")
    assert traces(Path.cwd()) == []


def test_a_fault_in_the_check_stops_the_run(mocker: MockerFixture) -> None:
    mocker.patch(
        "modelpact.cli.sweeps.callback.reject_literals", side_effect=ZeroDivisionError("a fault")
    )
    for begin in (ModelpactCallback().on_run_start, ModelpactCallback().on_multirun_start):
        with pytest.raises(CallbackError) as raised:
            begin(OmegaConf.create({"a": 1}))
        assert isinstance(raised.value.error, ZeroDivisionError)


def test_the_callback_is_registered_and_the_default_configuration_passes() -> None:
    with initialize_config_module("modelpact.conf", version_base="1.3"):
        config = compose("config", return_hydra_config=True)
    reject_composed_literals(config)
    assert (
        config.hydra.callbacks.modelpact._target_
        == "modelpact.cli.sweeps.callback.ModelpactCallback"
    )


def test_interpolations_are_not_resolved() -> None:
    reject_composed_literals(
        OmegaConf.create(
            {
                "a": "${nowhere}",
                "api_key": "${nowhere.else}",
                "b": "???",
                "c": {"d": "${oc.env:NOT_SET}"},
            }
        )
    )
    with pytest.raises(SecretError, match="api_key would copy"):
        reject_composed_literals(OmegaConf.create({"api_key": "${oc.env:NOT_SET}"}))


class Client(Step):
    """A step with private values."""

    api_key: int = 0
    base_url: int = 0
    headers: dict[str, int] = {}
    size: int = 0
    note: int = 0


def test_the_error_of_a_step_hides_private_values() -> None:
    values = {
        "api_key": CANARY,
        "base_url": CANARY,
        "headers": {"X-Team": CANARY},
        "size": "half",
        "note": OPENAI,
    }
    with pytest.raises(ValidationError) as raised:
        Client.model_validate(values)
    said = {
        ".".join(map(str, fault["loc"])): _describe(fault, [], ())
        for fault in raised.value.errors()
    }
    assert said.pop("size") == "input should be a valid integer, got 'half'"
    assert set(said) == {"api_key", "base_url", "headers.X-Team", "note"}
    assert set(said.values()) == {"input should be a valid integer (the value is hidden)"}


def test_a_private_value_in_a_message_is_redacted() -> None:
    fault: Any = {
        "type": "value_error",
        "loc": ("api_key",),
        "msg": f"{CANARY} is not a reference",
        "input": CANARY,
    }
    assert _describe(fault, [], ()) == "[redacted] is not a reference (the value is hidden)"


@pytest.mark.parametrize(
    "line",
    [
        "model={api_key: canary",
        "model.headers={X-Team: canary",
        f"a={{b: {OPENAI}",
        "a={b: https://ann:canary@host",
    ],
)
def test_an_override_that_cannot_be_parsed_is_shown_without_its_secret(line: str) -> None:
    with pytest.raises(OverrideParseException) as raised:
        OverridesParser.create().parse_overrides([line])
    known = translate(raised.value)
    assert "cannot parse " in str(known)
    assert "canary" not in str(known) + repr(vars(known))


def test_other_errors_of_hydra_are_shown_without_secrets() -> None:
    for text in (
        f"Error merging override +model.api_key={CANARY}",
        f"Could not parse https://ann:{CANARY}@host",
    ):
        known = translate(ConfigCompositionException(text))
        assert CANARY not in str(known)
        assert isinstance(known, ConfigError)
    known = translate(
        ConfigCompositionException(
            "Could not delete from config. The value of 'a.token' is canary and not x."
        )
    )
    assert "'a.token' is different" in str(known)
    assert CANARY not in str(translate(GrammarParseError(f"at 'api_key: {CANARY}'")))


def test_the_name_of_a_file_that_looks_like_a_key(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ("task=predict", "task.uri=models:/sums/1", "task.out=out.csv", "data=csv")
    message = refused(modelpact, *task, f"data.path={OPENAI}.csv")
    assert "only looks like a key" in message
    assert "write ${oc.env:NAME}" in message
    monkeypatch.setenv("TABLE", f"{OPENAI}.csv")
    ended = modelpact(*task, "data.path=${oc.env:TABLE}")
    assert "[redacted] does not exist" in ended.err, ended


def test_the_value_of_a_variable_is_allowed_in_every_task(
    modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_KEY", "zebra-crossing-9")
    task = ("task=predict", "task.uri=models:/sums/1", "task.out=out.csv", "data=csv")
    command = (*task, "data.path=zebra-crossing-9.csv")
    assert "saver.leak_allowlist=[{place: 'run:config.data.path'" in refused(modelpact, *command)
    entry = "{place: 'run:*', kind: environment, reason: the name of a table}"
    ended = modelpact(*command, f"saver.leak_allowlist=[{entry}]")
    assert "does not exist" in ended.err, ended
