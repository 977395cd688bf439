"""What MLflow's UI shows of a run, from Python and from the command line."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier

from modelpact import publish
from modelpact.data import CsvData
from modelpact.loaders import CustomLoader
from modelpact.models import SklearnModel
from modelpact.registers import MlflowRegister
from modelpact.savers import CustomSaver
from modelpact.signers import InferSigner
from modelpact.tracking import SqliteTracking
from modelpact.verifiers import ReplayVerifier
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import client, runs

__all__ = ["modelpact"]  # the fixture

OVERRIDES = (
    "data=csv",
    "data.path=houses.csv",
    "data.target=price",
    "data.metrics=[r2]",
    "model.estimator.alpha=2.0",
    "saver.pip_requirements=[scikit-learn]",
    "tracking=sqlite",
    "tracking.uri=sqlite:///mlflow.db",
)


@pytest.fixture
def repository() -> None:
    """Make the working folder a Git repository with a commit and a file of data."""
    Path("houses.csv").write_text(
        "area,rooms,price\n" + "".join(f"{row}.5,{row % 5},{3 * row}\n" for row in range(40))
    )
    names = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", *names, "commit", "-q", "--allow-empty", "-m", "first"], check=True)


def publish_from_python() -> None:
    """Publish what `modelpact` publishes with OVERRIDES."""
    publish(
        data=CsvData(path="houses.csv", target="price", metrics=["r2"]),
        model=SklearnModel(estimator=Ridge(alpha=2.0), classifier=RidgeClassifier()),
        signer=InferSigner(),
        saver=CustomSaver(pip_requirements=["scikit-learn"]),
        loader=CustomLoader(),
        verifier=ReplayVerifier(),
        register=MlflowRegister(),
        tracking=SqliteTracking(uri="sqlite:///mlflow.db"),
    )


def story() -> dict[str, Any]:
    """Return what MLflow shows of the newest run and its version."""
    run = runs()[0]
    (version,) = client().search_model_versions(f"run_id = '{run.info.run_id}'")
    tags = {key: value for key, value in run.data.tags.items() if "source.git" in key}
    data = [entry.to_dictionary() for entry in run.inputs.dataset_inputs]
    return {
        "params": run.data.params,
        "data": sorted(data, key=str),
        "git": tags,
        "description": version.description,
    }


@pytest.mark.usefixtures("repository")
def test_python_and_the_command_line_record_the_same(modelpact: CommandRunner) -> None:
    assert modelpact(*OVERRIDES).status == 0
    command = story()
    publish_from_python()
    python = story()

    assert command == python
    params = python["params"]
    assert (params["name"], params["signer"], params["model"]) == (
        "houses",
        "InferSigner",
        "SklearnModel",
    )
    assert (params["model.estimator"], params["model.estimator.alpha"]) == ("Ridge", "2.0")
    unused = ("model.classifier", "contract", "signer.inputs")
    assert not [key for key in params if key.startswith(unused)]
    assert [entry["dataset"]["source"] for entry in python["data"]] == ['{"uri": "houses.csv"}'] * 2
    assert len(python["git"]["mlflow.source.git.commit"]) == 40
    assert "| `area` | `double` | yes |" in python["description"]
    assert client().get_registered_model("houses").description == python["description"]


@pytest.mark.slow
def test_labels_record_the_classifier_only(modelpact: CommandRunner) -> None:
    labels = ", ".join("ab"[row % 2] for row in range(10))
    rows = ", ".join(f"{{x: {row}.5}}" for row in range(10))
    done = modelpact(
        "data=inline",
        f"data.inputs=[{rows}]",
        f"data.targets=[{labels}]",
        "register=none",
        "saver.pip_requirements=[scikit-learn]",
    )
    assert done.status == 0, done.err
    params = runs()[0].data.params
    assert params["model.classifier"] == "RidgeClassifier"
    assert not [key for key in params if key.startswith("model.estimator")]


def test_a_run_whose_data_cannot_be_read_has_its_params(modelpact: CommandRunner) -> None:
    assert modelpact("data=csv", "data.path=missing.csv").status == 1
    run = runs()[0]
    assert run.data.params["data.path"] == "missing.csv"
    assert run.data.params["model.classifier"] == "RidgeClassifier"
    assert not run.inputs.dataset_inputs


def test_data_in_memory_has_the_name_of_the_model() -> None:
    publish(Ridge(), np.ones((8, 2)), np.arange(8.0), name="ones", saver={"pip_requirements": []})
    run = runs()[0]
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.source) == (
        "ones",
        '{"tags": {"modelpact.data": "MemoryData"}}',
    )
    assert run.data.params["model.estimator"] == "Ridge"
    assert not [key for key in run.data.params if key.startswith("model.classifier")]


def test_equal_arrays_have_equal_inputs_in_two_runs() -> None:
    from tests.support.publishing import numbers, steps

    for _ in range(2):
        publish(**steps(data=numbers(form="tensor", inputs=np.ones((8, 2)).tolist())))
    first, second = ([d.dataset.digest for d in run.inputs.dataset_inputs] for run in runs())
    assert sorted(first) == sorted(second)
    assert len(first) == 2
