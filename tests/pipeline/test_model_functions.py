"""`log_model`, `load`, `sign` and `verify`: one line in a notebook or a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.linear_model import Ridge

import modelpact
from modelpact.data import MemoryData
from modelpact.errors import ConfigError, LoadError, SaveError, SignError, VerifyError
from modelpact.savers import BuiltinSaver
from modelpact.signature import parse

X = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0) ** 2})
Y = X.a * 2 + X.b
MODEL = Ridge().fit(X, Y)
QUICK: dict[str, Any] = {"pip_requirements": ["scikit-learn"]}


@pytest.fixture
def store(tmp_path: Path) -> mlflow.MlflowClient:
    """A store that MLflow is set to."""
    uri = f"sqlite:///{tmp_path / 'own.db'}"
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri)


class TestLogModel:
    def test_under_the_active_run(self, store: mlflow.MlflowClient) -> None:
        with mlflow.start_run() as run:
            info = modelpact.log_model(MODEL, X, name="ridge", tags={"team": "lab"}, **QUICK)
        [model] = store.search_logged_models(["0"])
        assert (model.name, model.status, model.source_run_id) == (
            "ridge",
            "READY",
            run.info.run_id,
        )
        assert info.model_uri == f"models:/{model.model_id}"
        assert model.tags["team"] == "lab"
        assert info.signature.inputs.input_names() == ["a", "b"]
        assert info.registered_model_version is None
        assert store.get_run(run.info.run_id).info.status == "FINISHED"
        assert isinstance(mlflow.sklearn.load_model(info.model_uri), Ridge)

    def test_the_active_run_has_params_and_data(self, store: mlflow.MlflowClient) -> None:
        with mlflow.start_run() as run:
            mlflow.log_param("alpha", 1.0)
            modelpact.log_model(MODEL, X, name="ridge", **QUICK)
            # A second model of the run, with other params.
            modelpact.log_model(MODEL, X[:5], name="other", signer={"on_any": "warn"}, **QUICK)
        logged = store.get_run(run.info.run_id)
        assert logged.data.params["alpha"] == "1.0"
        assert (logged.data.params["name"], logged.data.params["signer.on_any"]) == (
            "ridge",
            "error",
        )
        assert logged.data.params["model.estimator.alpha"] == "1.0"
        assert logged.inputs is not None
        names = [given.dataset.name for given in logged.inputs.dataset_inputs]
        assert sorted(names) == ["other", "ridge"]
        assert len(store.search_logged_models(["0"])) == 2

    def test_scores_need_a_run(self, store: mlflow.MlflowClient) -> None:
        data = MemoryData.of(X, Y, metrics=["r2"])
        modelpact.log_model(MODEL, data, **QUICK)
        with mlflow.start_run() as run:
            modelpact.log_model(MODEL, data, **QUICK)
        assert store.get_run(run.info.run_id).data.metrics["r2"] == pytest.approx(1.0, abs=0.01)

    def test_the_active_run_is_in_another_store(self, store: mlflow.MlflowClient) -> None:
        with (
            mlflow.start_run(),
            pytest.raises(ConfigError, match=r"run is not in the store sqlite:///two\.db\nOmit"),
        ):
            modelpact.log_model(MODEL, X, tracking={"uri": "sqlite:///two.db"}, **QUICK)

    def test_without_a_run(self, store: mlflow.MlflowClient) -> None:
        modelpact.log_model(MODEL, X, **QUICK)
        assert [model.name for model in store.search_logged_models(["0"])] == ["model"]
        assert mlflow.active_run() is None

    def test_a_version_goes_through_the_gate(self, store: mlflow.MlflowClient) -> None:
        gate = {"compatibility": "backward"}
        info = modelpact.log_model(
            MODEL, X, registered_model_name="houses", tags={"team": "lab"}, **QUICK
        )
        assert info.registered_model_version == 1
        assert store.get_model_version("houses", "1").tags["team"] == "lab"
        wider = X.assign(c=1.0)
        with pytest.raises(modelpact.PactError, match="INPUT_REQUIRED_ADDED"):
            modelpact.log_model(
                Ridge().fit(wider, Y), wider, registered_model_name="houses", register=gate, **QUICK
            )
        assert len(store.search_model_versions("name = 'houses'")) == 1

    def test_the_names_of_mlflow(self, store: mlflow.MlflowClient) -> None:
        signature = infer_signature(X, MODEL.predict(X))
        info = modelpact.log_model(MODEL, input_example=X, signature=signature, **QUICK)
        assert info.signature == signature
        with pytest.raises(SignError, match="a: expected string"):
            modelpact.log_model(MODEL, X, signature={"inputs": {"a": "string", "b": "double"}})

    def test_a_saver_and_an_unknown_argument(self, store: mlflow.MlflowClient) -> None:
        custom = modelpact.log_model(MODEL, X, saver="custom", **QUICK)
        assert "python_function" in custom.flavors
        assert "sklearn" not in custom.flavors
        saver = BuiltinSaver(path="own", **QUICK)
        assert modelpact.log_model(MODEL, X, saver=saver).artifact_path is not None
        with pytest.raises(ConfigError, match="unknown argument 'singer'"):
            modelpact.log_model(MODEL, X, singer="infer")  # type: ignore[call-arg]

    def test_arguments_that_only_mlflow_takes(self, store: mlflow.MlflowClient) -> None:
        with pytest.raises(ConfigError, match=r"does not take MLflow's artifact_path\nUse name="):
            modelpact.log_model(MODEL, X, artifact_path="ridge")  # type: ignore[call-arg]
        with pytest.raises(ConfigError, match="name='ridge'"):
            modelpact.log_model(MODEL, "ridge")

    @pytest.mark.parametrize("saver", ["builtin", BuiltinSaver()])
    def test_wrong_types_are_named(self, store: mlflow.MlflowClient, saver: Any) -> None:
        arguments: dict[str, Any] = {"saver": saver, "pip_requirements": [1], "metadata": "x"}
        with pytest.raises(ConfigError, match=r"(?s)saver.pip_requirements.0: .*saver.metadata: "):
            modelpact.log_model(MODEL, X, **arguments)
        with pytest.raises(ConfigError, match="tags is of type list, not a dict"):
            modelpact.log_model(MODEL, X, tags=["team"])  # type: ignore[arg-type]

    def test_a_file_of_requirements(self, store: mlflow.MlflowClient) -> None:
        Path("requirements.txt").write_text("# pinned\nscikit-learn\n", encoding="utf-8")
        info = modelpact.log_model(MODEL, X, pip_requirements="requirements.txt")
        folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
        assert "scikit-learn" in (folder / "requirements.txt").read_text(encoding="utf-8")
        with pytest.raises(ConfigError, match=r"cannot read pip_requirements.*missing\.txt"):
            modelpact.log_model(MODEL, X, pip_requirements="missing.txt")
        with pytest.raises(ConfigError, match=r"as a list: extra_pip_requirements=\['pandas'\]"):
            modelpact.log_model(MODEL, X, extra_pip_requirements="pandas")

    def test_requirements_and_metadata_are_added(self, store: mlflow.MlflowClient) -> None:
        Path("extra.txt").write_text("pandas\n", encoding="utf-8")
        info = modelpact.log_model(
            MODEL, X, extra_pip_requirements="extra.txt", metadata={"source": {"rows": 10}}, **QUICK
        )
        folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
        lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
        assert lines[1:] == ["scikit-learn", "pandas"]
        assert info.metadata == {"source": {"rows": 10}}
        stored = mlflow.models.get_model_info(info.model_uri)
        assert stored.metadata == info.metadata

    def test_a_saver_gets_the_arguments_as_well(self, store: mlflow.MlflowClient) -> None:
        saver = BuiltinSaver(path="own", **QUICK)
        info = modelpact.log_model(MODEL, X, saver=saver, metadata={"team": "lab"})
        assert info.metadata == {"team": "lab"}
        assert [model.name for model in store.search_logged_models(["0"])] == ["own"]

    def test_metadata_is_plain_data(self, store: mlflow.MlflowClient) -> None:
        with pytest.raises(SaveError, match=r"YAML cannot represent a value of saver\.metadata: "):
            modelpact.log_model(MODEL, X, metadata={"r2": np.float64(0.5)}, **QUICK)
        with pytest.raises(ConfigError, match=r"saver\.code_paths: .* got 'src'"):
            modelpact.log_model(MODEL, X, code_paths="src", **QUICK)
        assert store.search_logged_models(["0"]) == []

    def test_a_model_that_is_not_verified_is_failed(self, store: mlflow.MlflowClient) -> None:
        rng = np.random.default_rng(0)
        with pytest.raises(VerifyError):
            modelpact.log_model(lambda inputs: rng.random(len(inputs)), X, pip_requirements=[])
        assert [model.status for model in store.search_logged_models(["0"])] == ["FAILED"]


def test_load_takes_any_flavor(store: mlflow.MlflowClient) -> None:
    info = modelpact.log_model(MODEL, X, registered_model_name="houses", **QUICK)
    for uri in (info.model_uri, "models:/houses/1"):
        adapter = modelpact.load(uri)
        assert np.allclose(adapter.predict(X).prediction, MODEL.predict(X))
    with pytest.raises(modelpact.PactError, match="unknown"):
        modelpact.load(info.model_uri, extra="forbid").predict(X.assign(c=1.0))
    with pytest.raises(LoadError):
        modelpact.load("models:/houses/7")


def test_sign_needs_no_store() -> None:
    assert modelpact.sign(MODEL, X) == parse(
        {"inputs": {"a": "double", "b": "double"}, "outputs": "float64[-1]"}
    )
    assert modelpact.sign(MODEL, X, outputs=[1.0] * 10).outputs is not None
    assert not Path("mlflow.db").exists()


def test_verify_compares_predictions(
    store: mlflow.MlflowClient, caplog: pytest.LogCaptureFixture
) -> None:
    info = modelpact.log_model(MODEL, X, **QUICK)
    assert modelpact.verify(info.model_uri, X).ok
    assert modelpact.verify(info.model_uri, X, outputs=MODEL.predict(X)).ok
    for container in (list, tuple, pd.Series, pd.DataFrame):
        assert modelpact.verify(info.model_uri, X, outputs=container(MODEL.predict(X))).ok
    with pytest.raises(VerifyError, match="1 of 10 values differ"):
        modelpact.verify(info.model_uri, X, outputs=[100.0, *MODEL.predict(X)[1:]])
    with pytest.raises(VerifyError) as raised:
        modelpact.verify(info.model_uri, X, outputs=MODEL.predict(X) + 1)
    assert raised.value.verdict is not None
    assert "Nothing was registered" not in str(raised.value)
    # The error is raised, not also logged.
    assert not caplog.records


def test_reading_creates_no_experiment(store: mlflow.MlflowClient) -> None:
    modelpact.log_model(
        MODEL, X, registered_model_name="own", tracking={"experiment": "team"}, **QUICK
    )
    modelpact.load("models:/own/1").predict(X)
    assert modelpact.verify("models:/own/1", X).ok
    assert modelpact.audit().ok
    assert {one.name for one in store.search_experiments()} == {"Default", "team"}
