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

from modelpact.cli.compose import build
from modelpact.cli.tasks import PublishTask
from modelpact.errors import ConfigError
from modelpact.models import SklearnModel
from modelpact.signers import ExplicitSigner, InferSigner
from modelpact.types import Step
from modelpact.verifiers import ReplayVerifier
from tests.support.many_cases import sample_params


@contextmanager
def composed(*overrides: str, mode: RunMode = RunMode.RUN) -> Iterator[tuple[Any, Any]]:
    """Yield a composed configuration and Hydra's settings for it."""
    with initialize_config_module("modelpact.conf", version_base="1.3"):
        cfg = compose("config", list(overrides), return_hydra_config=True)
        active: Any = HydraConfig.instance().cfg
        choices = dict((active or cfg).hydra.runtime.choices)
        yield cfg, SimpleNamespace(runtime=SimpleNamespace(choices=choices), mode=mode)


def built(*overrides: str, mode: RunMode = RunMode.RUN) -> Any:
    with composed(*overrides, mode=mode) as (cfg, settings):
        return build(cfg, settings)


def test_the_default_is_a_task_with_real_steps() -> None:
    task = built()
    assert isinstance(task, PublishTask)
    assert isinstance(task.signer, InferSigner)
    assert isinstance(task.model, SklearnModel)
    assert isinstance(task.model.estimator, Ridge)
    assert task.name is None


def test_a_seed_reaches_the_data_and_the_model() -> None:
    task = built("seed=7", "model=forest")
    assert (task.data.seed, task.model.estimator.random_state) == (7, 7)


def test_the_contract_follows_the_data() -> None:
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
    sample_params(
        [
            (
                ["signer.on_any=maybe"],
                [
                    "signer=infer",
                    "signer.on_any",
                    "'maybe'",
                    "Valid keys: integers_as, on_any, self_check.",
                ],
            ),
            (["signer.self_check=3"], ["signer.self_check", "3"]),
            (["+signer.onany=warn"], ["signer.onany: unknown key (did you mean 'on_any'?)"]),
            (["data.test_size=2", "data.seed=-1"], ["data.test_size", "data.seed"]),
            (["~signer.on_any", "~signer.self_check", "++signer.a.b=1"], ["signer.a"]),
            (["name=3"], ["task=publish", "task.name", "3"]),
        ],
        every=3,
    ),
)
def test_a_step_that_cannot_be_built_names_its_keys(overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        built(*overrides)
    assert raised.value.exit_status == 2
    for part in parts:
        assert part in str(raised.value)


def test_a_long_value_is_truncated() -> None:
    with pytest.raises(ConfigError) as raised:
        built(f"signer.on_any={'x' * 500}")
    assert len(str(raised.value)) < 400


def test_a_missing_step_of_the_task_is_named() -> None:
    with pytest.raises(ConfigError, match=r"task\.register: required key is missing"):
        built("~task.register")


def test_an_estimator_that_cannot_be_built() -> None:
    with pytest.raises(
        ConfigError, match=r"cannot build model=ridge: .*unexpected keyword argument 'colour'"
    ):
        built("+model.estimator.colour=red")


@pytest.mark.parametrize(
    ("target", "text"),
    sample_params(
        [
            ("nope.Nope", "cannot import nope.Nope: No module named 'nope'"),
            ("nope.nope.Nope", "No module named 'nope'"),
            ("modelpact.nope.Nope", "module 'modelpact' has no attribute 'nope'"),
            ("modelpact.models.Nope", "has no attribute 'Nope'"),
            (
                "broken_model.Model",
                "cannot import broken_model.Model: ZeroDivisionError: division by zero",
            ),
            (
                "needs_more.Model",
                "cannot import needs_more.Model: No module named 'not_installed'",
            ),
            ("Nope", "No module named 'Nope'"),
            ("json", "json is not a class"),
            ("json.dumps", "json.dumps is not a class"),
            ("needs_more.", "cannot import needs_more."),
            ("", "cannot import "),
        ],
        every=3,
    ),
)
def test_a_class_that_cannot_be_imported(
    target: str, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Path("broken_model.py").write_text("1 / 0")
    Path("needs_more.py").write_text("import not_installed")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    with pytest.raises(ConfigError, match=re.escape(text)):
        built(f"model._target_='{target}'")
    assert caplog.text == ""


def test_a_step_without_keys() -> None:
    with pytest.raises(
        ConfigError, match=r"verifier\.rtol: unknown key(?s:.*)verifier=none has no keys\."
    ):
        built("verifier=none", "+verifier.rtol=1")


def test_a_nested_class_can_be_named() -> None:
    assert isinstance(built(f"verifier={{_target_: {__name__}.Outer.Inner}}").verifier, Outer.Inner)


class Outer:
    class Inner(ReplayVerifier): ...


def test_a_class_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="Nope"):
        built("model.estimator._target_=sklearn.linear_model.Nope")


class Broken(Step):
    """A step of the user's that cannot be built."""

    why: str

    def model_post_init(self, context: Any, /) -> None:
        if self.why == "known":
            raise ConfigError("it is wrong", remedy="Do this.")
        raise LookupError("it is not there")


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("known", "verifier: it is wrong"),
        ("other", "cannot build verifier=replay: LookupError: it"),
    ],
)
@pytest.mark.parametrize("resolved", [False, True])
def test_any_error_of_a_constructor_is_a_config_error(why: str, text: str, resolved: bool) -> None:
    with composed() as (cfg, settings):
        value = f"${{oc.decode:{why}}}" if resolved else why
        cfg.verifier = {"_target_": f"{__name__}.Broken", "why": value}
        with pytest.raises(ConfigError, match=text):
            build(cfg, settings)


def test_a_sweep_drops_a_key_that_only_another_option_has() -> None:
    task = built("signer=explicit", "++signer.on_any=warn", mode=RunMode.MULTIRUN)
    assert isinstance(task.signer, ExplicitSigner)
    assert task.signer.inputs["age"] == "double"
    with pytest.raises(ConfigError, match="on_any: unknown key"):
        built("signer=explicit", "++signer.on_any=warn")


def test_a_sweep_does_not_drop_a_key_that_no_option_has() -> None:
    with pytest.raises(ConfigError, match="colour: unknown key"):
        built("signer=explicit", "++signer.colour=red", mode=RunMode.MULTIRUN)
