"""A run's configuration in MLflow, in a real store."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelpact.models import SklearnModel
from modelpact.pipeline.run_params import (
    MAX_VALUE_LENGTH,
    TRUNCATED,
    flatten_config,
    log_config,
    log_params,
    redact_config,
    step_options,
)
from modelpact.registers import MlflowRegister
from modelpact.registry import Waiver
from modelpact.tracking import SqliteTracking
from modelpact.types import Step
from tests.support.many_cases import sample_params


def recorded(config: dict[str, Any], *first: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The params of a run and its config.yaml."""
    with SqliteTracking().open() as store:
        run_id = store.client.create_run(store.experiment_id).info.run_id
        log_config(store.client, run_id, config)
        log_params(store.client, run_id, config, first)
        text = Path(download_artifacts(run_id=run_id, artifact_path="config.yaml")).read_text(
            encoding="utf-8"
        )
        return MlflowClient().get_run(run_id).data.params, yaml.safe_load(text)


def test_config_is_logged_as_an_artifact_and_its_leaves_as_params() -> None:
    config = {
        "name": None,
        "seed": 0,
        "model": {"alpha": 1.5, "stop": ["a", "ö"], "none": {}, "deep": {"er": True}},
        "empty": "",
    }
    params, whole = recorded(config)
    assert whole == config
    assert params == {
        "seed": "0",
        "model.alpha": "1.5",
        "model.stop": '["a", "ö"]',
        "model.deep.er": "True",
        "empty": "",
    }


def test_overrides_come_first() -> None:
    from unittest.mock import Mock

    client = Mock()
    log_params(
        client,
        "run",
        {"seed": 0, "signer": {"_target_": "A", "on_any": "warn"}, "model": {"a": 1, "b": 2}},
        ["model.b=2", "signer=infer", "~x", "+seed=0"],
    )
    (call,) = client.log_batch.call_args_list
    assert [(param.key, param.value) for param in call.kwargs["params"]] == [
        ("model.b", "2"),
        ("signer", "A"),
        ("seed", "0"),
        ("signer.on_any", "warn"),
        ("model.a", "1"),
    ]


@pytest.mark.parametrize("extra", [0, 1, 94_000])
def test_long_values_are_truncated_in_params_but_not_in_the_artifact(
    extra: int, caplog: pytest.LogCaptureFixture
) -> None:
    text = "é" * (MAX_VALUE_LENGTH + extra)
    with caplog.at_level(logging.INFO, "modelpact"):
        params, whole = recorded({"model": {"prompt": text}})
    assert whole["model"]["prompt"] == text
    stored = params["model.prompt"]
    assert len(stored) == MAX_VALUE_LENGTH
    assert (stored == text) is (extra == 0)
    assert stored.endswith(TRUNCATED) is (extra > 0)
    assert ("param model.prompt truncated" in caplog.text) is (extra > 0)


def test_params_are_logged_in_several_batches() -> None:
    params, _ = recorded({"model": {f"key{number}": number for number in range(250)}})
    assert len(params) == 250


ODD = [
    "a b",
    "a/b",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    ".",
    "..",
    "...",
    "",
    "a:b",
    "a@b",
    "ключ",
    "a\nb",
    "'",
    "/" * 400,
]


@pytest.mark.parametrize(
    "key", sample_params([*ODD, "a" * 249, "b" * 5000], every=3), ids=lambda key: repr(key[:12])
)
def test_keys_are_converted_to_valid_mlflow_names(key: str) -> None:
    params, whole = recorded({key: 1, "group": {key: 2}})
    assert sorted(params.values()) == ["1", "2"]
    assert max(map(len, params)) <= 250
    assert whole == {key: 1, "group": {key: 2}}


def test_colliding_keys_get_a_suffix() -> None:
    params, _ = recorded({"a@b": 1, "a#b": 2, "a_b": 3, "x" * 400: 4, "y" + "x" * 400: 5})
    assert sorted(params.values()) == ["1", "2", "3", "4", "5"]
    assert {"a_b", "a_b_2", "a_b_3"} <= set(params)


SECRET = "sk-" + "0123456789abcdef0123456789"


@pytest.mark.parametrize(
    "config",
    [
        {"model": {"api_key": SECRET}},
        {"model": {"fallbacks": [{"model": "a", "api_key": SECRET}]}},
        {"model": {"headers": {"Authorization": f"Bearer {SECRET}"}}},
        {"model": {"base_url": f"https://ann:{SECRET}@host/v1"}},
        {"tracking": {"uri": f"postgresql://ann:{SECRET}@db/mlflow"}},
        {"register": {"tags": {"password": SECRET}}},
    ],
    ids=str,
)
def test_secrets_are_redacted_in_params_and_artifact(config: dict[str, Any]) -> None:
    params, whole = recorded({"seed": 0, **config})
    assert SECRET not in str(params) + str(whole)
    assert "[redacted]" in str(whole)
    assert whole["seed"] == 0


def test_references_to_secrets_are_kept() -> None:
    config = {"model": {"api_key": "env:KEY", "headers": {"X-Key": "env:OTHER"}}}
    assert redact_config(config) == config
    assert dict(flatten_config(config)) == {
        "model.api_key": "env:KEY",
        "model.headers.X-Key": "env:OTHER",
    }


def test_values_of_overrides_are_not_logged() -> None:
    params, _ = recorded({"seed": 0}, f"key={SECRET}")
    assert SECRET not in str(params)


def test_steps_are_logged_with_their_class_and_their_options() -> None:
    options = step_options(
        {
            "model": SklearnModel(estimator=Ridge(alpha=2.0)),
            "register": MlflowRegister(tags={"a": 1}),
        }
    )
    flat = dict(flatten_config(options))
    assert flat["model"] == "SklearnModel"
    assert (flat["model.estimator"], flat["model.estimator.alpha"]) == ("Ridge", "2.0")
    assert (flat["register"], flat["register.tags.a"]) == ("MlflowRegister", "1")
    assert not [key for key in flat if key.startswith("model.classifier")]


def test_unused_options_are_left_out() -> None:
    model = SklearnModel(estimator=Ridge(), classifier=RidgeClassifier(alpha=3.0))
    assert model.unused_options(np.zeros(3)) == {"classifier"}
    assert model.unused_options(["a", "b"]) == {"estimator"}
    flat = dict(flatten_config(step_options({"model": model}, ["model.estimator"])))
    assert flat["model.classifier.alpha"] == "3.0"
    assert not [key for key in flat if key.startswith("model.estimator")]


def test_a_pipeline_is_logged_with_the_hyperparameters_of_its_parts() -> None:
    model = SklearnModel(estimator=make_pipeline(StandardScaler(), Ridge(alpha=2.0)))
    flat = dict(flatten_config(step_options({"model": model})))
    assert flat["model.estimator"] == "Pipeline"
    assert flat["model.estimator.ridge"] == "Ridge"
    assert flat["model.estimator.ridge.alpha"] == "2.0"
    assert flat["model.estimator.steps"] == (
        '[["standardscaler", "StandardScaler"], ["ridge", "Ridge"]]'
    )


class Options(Step):
    value: Any = None


@pytest.mark.parametrize(
    ("value", "logged"),
    [
        (np.zeros((3, 2)), "ndarray (3, 2)"),
        (pd.DataFrame({"a": [1]}), "DataFrame (1, 1)"),
        ({"x": np.zeros(2)}, "ndarray (2,)"),
        (np.int64(3), "3"),
        (Path("a/b"), "a/b"),
        (Ridge, "Ridge"),
        (len, "len"),
        (object(), "object"),
        ((1, 2), "[1, 2]"),
        (Waiver(rule="INPUT_REMOVED", path="a", reason="b"), "INPUT_REMOVED"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_data_and_objects_are_described(value: Any, logged: str) -> None:
    flat = dict(flatten_config(step_options({"data": Options(value=value)})))
    assert logged in flat.values()
