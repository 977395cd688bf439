from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from sklearn.linear_model import Ridge

from modelpact.cli.compose import build, groups, option_keys, options, sweep_arguments
from modelpact.cli.tasks import PublishTask
from modelpact.errors import ConfigError
from modelpact.signers import ExplicitSigner, InferSigner
from modelpact.types import Step
from modelpact.verifiers import ReplayVerifier


@contextmanager
def composed(*overrides: str, mode: RunMode = RunMode.RUN) -> Iterator[tuple[Any, Any]]:
    """A configuration and Hydra's settings for it."""
    with initialize_config_module("modelpact.conf", version_base="1.3"):
        cfg = compose("config", list(overrides), return_hydra_config=True)
        choices = (
            dict(HydraConfig.instance().cfg.hydra.runtime.choices)
            if HydraConfig.instance().cfg
            else cfg.hydra.runtime.choices
        )
        yield cfg, SimpleNamespace(runtime=SimpleNamespace(choices=choices), mode=mode)


def built(*overrides: str, mode: RunMode = RunMode.RUN) -> Any:
    with composed(*overrides, mode=mode) as (cfg, settings):
        return build(cfg, settings)


def test_the_default_is_a_task_with_real_steps() -> None:
    task = built()
    assert isinstance(task, PublishTask)
    assert isinstance(task.signer, InferSigner)
    assert isinstance(task.model.estimator, Ridge)
    assert task.name is None


def test_a_seed_reaches_the_data_and_the_model() -> None:
    task = built("seed=7", "model=forest")
    assert (task.data.seed, task.model.estimator.random_state) == (7, 7)


def test_the_written_signature_follows_the_data() -> None:
    assert built("data=iris", "signer=explicit").signer.outputs == "string"
    assert (
        built("data=iris", "signer=explicit", "contract=digits").signer.outputs == "float32[-1, 10]"
    )
    assert built("signer=explicit", "signer.outputs=double").signer.outputs == "double"


def test_the_loader_follows_the_saver() -> None:
    assert built("saver=builtin").loader.KIND == "BuiltinLoader"
    assert built("saver=builtin", "loader=custom").loader.KIND == "CustomLoader"


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (
            ["signer.on_any=maybe"],
            [
                "signer=infer",
                "signer.on_any",
                "'maybe'",
                "Its keys: integers_as, on_any, self_check",
            ],
        ),
        (["signer.self_check=3"], ["signer.self_check", "3"]),
        (["+signer.onany=warn"], ["signer.onany: no such key (did you mean 'on_any'?)"]),
        (["data.test_size=2", "data.seed=-1"], ["data.test_size", "data.seed"]),
        (["~signer.on_any", "~signer.self_check", "++signer.a.b=1"], ["signer.a"]),
        (["name=3"], ["task=publish", "task.name", "3"]),
    ],
)
def test_a_step_that_cannot_be_built_names_its_keys(overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        built(*overrides)
    assert raised.value.exit_status == 2
    for part in parts:
        assert part in str(raised.value)


def test_a_long_value_is_cut() -> None:
    with pytest.raises(ConfigError) as raised:
        built(f"signer.on_any={'x' * 500}")
    assert len(str(raised.value)) < 400


def test_a_missing_step_of_the_task_is_told() -> None:
    with pytest.raises(ConfigError, match=r"task\.register: is required"):
        built("~task.register")


def test_an_estimator_that_cannot_be_made_is_told() -> None:
    with pytest.raises(
        ConfigError, match=r"model=ridge cannot be built: .*unexpected keyword argument 'colour'"
    ):
        built("+model.estimator.colour=red")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("nope.Nope", "nope.Nope cannot be imported: No module named 'nope'"),
        ("nope.nope.Nope", "No module named 'nope'"),
        ("modelpact.nope.Nope", "module 'modelpact' has no attribute 'nope'"),
        ("modelpact.models.Nope", "has no attribute 'Nope'"),
        (
            "broken_model.Model",
            "broken_model.Model cannot be imported: ZeroDivisionError: division by zero",
        ),
        (
            "needs_more.Model",
            "needs_more.Model cannot be imported: No module named 'not_installed'",
        ),
        ("Nope", "No module named 'Nope'"),
        ("json", "json is no class"),
        ("json.dumps", "json.dumps is no class"),
        ("needs_more.", "cannot be imported"),
        ("", "cannot be imported"),
    ],
)
def test_a_class_that_cannot_be_had_is_one_error(
    target: str, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Path("broken_model.py").write_text("1 / 0")
    Path("needs_more.py").write_text("import not_installed")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    with pytest.raises(ConfigError, match=re.escape(text)):
        built(f"model._target_='{target}'")
    assert caplog.text == ""


def test_a_step_without_keys_says_so() -> None:
    with pytest.raises(ConfigError, match=r"verifier\.rtol: no such key(?s:.*)It has no keys\."):
        built("verifier=none", "+verifier.rtol=1")


def test_a_class_within_a_class_can_be_named() -> None:
    assert isinstance(built(f"verifier={{_target_: {__name__}.Outer.Inner}}").verifier, Outer.Inner)


class Outer:
    class Inner(ReplayVerifier): ...


def test_a_class_that_does_not_exist_is_told() -> None:
    with pytest.raises(ConfigError, match="Nope"):
        built("model.estimator._target_=sklearn.linear_model.Nope")


class Broken(Step):
    """A verifier of the user's that cannot be made."""

    why: str

    def model_post_init(self, context: Any, /) -> None:
        if self.why == "told":
            raise ConfigError("it is told", remedy="Do this.")
        raise LookupError("it is not there")


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("told", "verifier: it is told"),
        ("other", "verifier=replay cannot be built: LookupError: it"),
    ],
)
@pytest.mark.parametrize("resolved", [False, True])
def test_whatever_a_step_raises_when_it_is_made_is_one_error(
    why: str, text: str, resolved: bool
) -> None:
    with composed() as (cfg, settings):
        value = f"${{oc.decode:{why}}}" if resolved else why
        cfg.verifier = {"_target_": f"{__name__}.Broken", "why": value}
        with pytest.raises(ConfigError, match=text):
            build(cfg, settings)


def test_a_sweep_drops_a_key_that_only_another_option_has() -> None:
    task = built("signer=explicit", "++signer.on_any=warn", mode=RunMode.MULTIRUN)
    assert isinstance(task.signer, ExplicitSigner)
    assert task.signer.inputs["age"] == "double"
    with pytest.raises(ConfigError, match="on_any: no such key"):
        built("signer=explicit", "++signer.on_any=warn")


def test_a_sweep_does_not_drop_a_key_that_no_option_has() -> None:
    with pytest.raises(ConfigError, match="colour: no such key"):
        built("signer=explicit", "++signer.colour=red", mode=RunMode.MULTIRUN)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-m", "signer=infer,explicit", "signer.on_any=warn"], "++signer.on_any=warn"),
        (
            ["--multirun", "signer=infer,explicit", "signer.inputs.age=long"],
            "++signer.inputs.age=long",
        ),
        (
            ["-m", "saver=custom,builtin", "saver.flavor=sklearn,xgboost"],
            "++saver.flavor=sklearn,xgboost",
        ),
        (["-m", "saver=custom,builtin", "saver.path=here"], "saver.path=here"),
        (["-m", "signer=infer,explicit", "signer.colour=red"], "signer.colour=red"),
        (["-m", "signer=infer", "signer.inputs=double"], "signer.inputs=double"),
        (["-m", "signer=infer,explicit", "data.seed=1,2"], "data.seed=1,2"),
        (["signer=infer,explicit", "signer.on_any=warn"], "signer.on_any=warn"),
        (["-m", "model=ridge,logistic", "model.classifier.alpha=2"], "model.classifier.alpha=2"),
    ],
)
def test_only_a_sweep_over_a_group_is_forgiven_a_key_of_some_options(
    arguments: list[str], expected: str
) -> None:
    assert sweep_arguments(arguments)[-1] == expected
    assert sweep_arguments(arguments)[:-1] == [
        argument.replace("--multirun", "-m") for argument in arguments[:-1]
    ]


def test_the_flag_of_a_sweep_may_stand_anywhere() -> None:
    assert sweep_arguments(["seed=1,2", "-m", "name=x"]) == ["-m", "seed=1,2", "name=x"]
    assert sweep_arguments(["seed=1,2", "name=x"]) == ["seed=1,2", "name=x"]


def test_what_is_not_used_is_said_before_the_first_job(caplog: pytest.LogCaptureFixture) -> None:
    sweep_arguments(["-m", "signer=infer,explicit", "signer.on_any=warn"])
    assert "signer.on_any is used by signer=infer and not by signer=explicit" in caplog.text


def test_the_groups_and_their_options() -> None:
    assert {
        "data",
        "model",
        "signer",
        "saver",
        "loader",
        "verifier",
        "register",
        "tracking",
        "task",
    } <= set(groups())
    assert options("signer") == ["example", "explicit", "infer", "type_hint"]


def test_the_keys_of_an_option_include_those_it_takes_over() -> None:
    assert option_keys("model", "ridge") == {"estimator", "classifier"}
    assert option_keys("signer", "infer") == {"integers_as", "on_any", "self_check"}
    assert option_keys("signer", "of_somebody_else") == frozenset()
