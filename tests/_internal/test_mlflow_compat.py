"""One test for each private name of MLflow that modelpact uses: it fails if MLflow changes the name."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from alembic.script import ScriptDirectory
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature, infer_signature
from mlflow.store.db import utils
from mlflow.types import ParamSchema
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, ParamSpec, Schema
from pytest_mock import MockerFixture

from modelpact._internal import mlflow_compat
from modelpact.savers import CustomSaver
from modelpact.tracking import SqliteTracking, sqlite
from tiny_models import Scaled

ROWS = pd.DataFrame({"a": [1.0, 2.0]})


@pytest.fixture
def pyfunc() -> Any:
    with SqliteTracking().open():
        saver = CustomSaver(pip_requirements=["numpy"])
        info = saver.save(
            Scaled(),
            infer_signature(ROWS, np.array([1.0, 2.0]), {"scale": 1.0}),
            (ROWS, {"scale": 1.0}),
        )
        return mlflow.pyfunc.load_model(info.model_uri)


def test_every_function_of_the_module_is_tested_here() -> None:
    tests = "\n".join(name for name in globals() if name.startswith("test_"))
    assert [name for name in mlflow_compat.__all__ if f"test_{name}" not in tests] == []


@pytest.mark.slow
def test_create_schema_makes_a_store_that_needs_no_migration(tmp_path: Path) -> None:
    mlflow_compat.create_schema(tmp_path / "new.db")
    with closing(sqlite3.connect(tmp_path / "new.db")) as database:
        ((version,),) = database.execute("SELECT version_num FROM alembic_version")
    uri = f"sqlite:///{tmp_path / 'new.db'}"
    client = MlflowClient(uri, uri)
    assert [experiment.experiment_id for experiment in client.search_experiments()] == ["0"]
    with closing(sqlite3.connect(tmp_path / "new.db")) as database:
        assert list(database.execute("SELECT version_num FROM alembic_version")) == [(version,)]


@pytest.mark.slow
def test_artifact_root_is_mlflows_default(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'own.db'}"
    own = MlflowClient(uri, uri).get_experiment("0").artifact_location
    assert mlflow_compat.artifact_root(0) == own


def test_schema_migrations_identify_the_schema() -> None:
    names = mlflow_compat.schema_migrations()
    assert len([name for name in names if name.endswith(".py")]) > 30
    assert names == sorted(names)


def test_assume_schema_revision_replaces_the_parsed_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = utils._get_latest_schema_revision
    sqlite.create_from_template(Path("mlflow.db"))
    revision = sqlite.template_revision()
    assert revision == reading()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(
        ScriptDirectory, "from_config", lambda config: pytest.fail("the migrations are read")
    )
    with SqliteTracking().open() as store:
        assert store.client.search_registered_models() == []
    assert utils._get_latest_schema_revision is reading


def test_enforce_inputs_equals_predict(pyfunc: Any) -> None:
    schema = pyfunc.metadata.get_input_schema()
    pd.testing.assert_frame_equal(mlflow_compat.enforce_inputs(ROWS, schema), ROWS)
    with pytest.raises(MlflowException, match="a"):
        mlflow_compat.enforce_inputs(pd.DataFrame({"b": [1.0]}), schema)


def test_enforce_params_fills_defaults_and_rejects_wrong_types(pyfunc: Any) -> None:
    schema = pyfunc.metadata.get_params_schema()
    assert isinstance(schema, ParamSchema)
    assert mlflow_compat.enforce_params(None, schema) == {"scale": 1.0}
    assert mlflow_compat.enforce_params({"scale": 2.0}, schema) == {"scale": 2.0}
    with pytest.raises(MlflowException, match="scale"):
        mlflow_compat.enforce_params({"scale": "much"}, schema)


def test_infer_column_type_raises_for_unknown_dtypes() -> None:
    """`infer` calls it for each dtype; an exception means that MLflow has no type."""
    assert mlflow_compat.infer_column_type(np.dtype("int16")) is DataType.integer
    assert mlflow_compat.infer_column_type(pd.Int64Dtype()) is DataType.long
    with pytest.raises(MlflowException, match="uint64"):
        mlflow_compat.infer_column_type(np.dtype("uint64"))


def test_infer_scalar_type_depends_on_the_exact_type() -> None:
    """`infer` calls it once for each Python type and caches the result."""
    assert (
        mlflow_compat.infer_scalar_type(1)
        is mlflow_compat.infer_scalar_type(2**70)
        is DataType.long
    )
    assert mlflow_compat.infer_scalar_type(np.int32(1)) is DataType.integer
    with pytest.raises(MlflowException, match="not one of the supported"):
        mlflow_compat.infer_scalar_type(1j)


def test_infer_values_type_skips_empty_arrays() -> None:
    """`infer` leaves lists with empty arrays to it, and raises where it does."""
    assert mlflow_compat.infer_values_type([np.array([]), np.array([1.5])]) == Array(
        DataType.double
    )
    assert mlflow_compat.infer_values_type([None]) == AnyType()
    with pytest.raises(MlflowException):
        mlflow_compat.infer_values_type([np.array([])])


def test_infer_params_returns_a_param_schema() -> None:
    """`infer` calls it for each param; an exception means that MLflow has no type."""
    assert mlflow_compat.infer_params({"k": 0.5}) == ParamSchema(
        [ParamSpec("k", DataType.double, 0.5)]
    )
    with pytest.raises(MlflowException, match="Failed to infer schema"):
        mlflow_compat.infer_params({"k": None})


def test_unenforced_predict_skips_the_enforcement(pyfunc: Any) -> None:
    call = mlflow_compat.unenforced_predict(pyfunc)
    unchecked = pd.DataFrame({"a": [1], "more": [2]})
    assert call(unchecked, {"scale": 3.0}).tolist() == [9.0]


def test_unenforced_predict_of_a_model_without_params(mocker: MockerFixture) -> None:
    call = mlflow_compat.unenforced_predict(mocker.Mock(_predict_fn=lambda data: data))
    assert call("question", {"ignored": 1}) == "question"


def test_write_input_example_writes_both_files_and_their_metadata(tmp_path: Path) -> None:
    """`task=resign` writes a new example to a copied model."""
    mlmodel = Model()
    mlflow_compat.write_input_example(
        mlmodel, (pd.DataFrame({"a": [1.5]}), {"scale": 2.0}), tmp_path
    )
    assert json.loads((tmp_path / "serving_input_example.json").read_text())["params"] == {
        "scale": 2.0
    }
    assert mlmodel.saved_input_example_info is not None
    assert mlmodel.saved_input_example_info["serving_input_path"] == "serving_input_example.json"
    assert mlmodel.saved_input_example_info["artifact_path"] == "input_example.json"
    assert (tmp_path / "input_example.json").exists()


def test_mark_as_type_hints_disables_the_enforcement_of_inputs(pyfunc: Any) -> None:
    """The model validates its type hints itself; MLflow cannot check rows that are objects."""
    signature = pyfunc.metadata.signature
    assert pyfunc.predict([{"a": 1}], {"scale": 2.0}) is not None
    pyfunc.metadata.signature = mlflow_compat.mark_as_type_hints(signature)
    assert signature == pyfunc.metadata.signature
    assert Model.from_dict(pyfunc.metadata.to_dict())._is_signature_from_type_hint()
    with pytest.raises(TypeError, match="not 'dict'"):
        pyfunc.predict([{"a": 1}], {"scale": 2.0})


def test_is_from_type_hints_survives_saving(pyfunc: Any) -> None:
    """Enforcement under the policy `mlflow` leaves such inputs to the model."""
    signature = pyfunc.metadata.signature
    pyfunc.metadata.signature = mlflow_compat.mark_as_type_hints(signature)
    stored = Model.from_dict(pyfunc.metadata.to_dict()).signature
    found = [mlflow_compat.is_from_type_hints(one) for one in (signature, stored)]
    assert found == [False, True]


def test_keep_type_hint_mark_needs_the_same_inputs(pyfunc: Any) -> None:
    """`task=resign` changes the signature of a model that validates its type hints itself."""
    signature = pyfunc.metadata.signature
    marked = mlflow_compat.mark_as_type_hints(signature)
    other = ModelSignature(outputs=Schema([ColSpec("long")]))
    kept = [
        mlflow_compat.keep_type_hint_mark(*pair)._is_signature_from_type_hint
        for pair in ((marked, signature), (signature, signature), (marked, other), (None, other))
    ]
    assert kept == [True, False, False, False]


def test_invoke_scoring_server_returns_predictions(pyfunc: Any) -> None:
    body = json.dumps(
        {"dataframe_split": {"columns": ["a"], "data": [[1.0], [2.0]]}, "params": {"scale": 2.0}}
    )
    response = mlflow_compat.invoke_scoring_server(pyfunc, body)
    assert response.status == 200
    assert json.loads(response.response) == {"predictions": [2.0, 4.0]}


def test_invoke_scoring_server_rejects_wrong_inputs(pyfunc: Any) -> None:
    with pytest.raises(MlflowException, match="missing inputs"):
        mlflow_compat.invoke_scoring_server(
            pyfunc, json.dumps({"dataframe_split": {"columns": ["b"], "data": [[1.0]]}})
        )


def test_download_model_downloads_only_remote_files(tmp_path: Path) -> None:
    with (
        SqliteTracking().open() as opened,
        mlflow.start_run(experiment_id=opened.experiment_id) as run,
    ):
        saver = CustomSaver(pip_requirements=["numpy"])
        info = saver.save(
            Scaled(),
            infer_signature(ROWS, np.array([1.0, 2.0]), {"scale": 1.0}),
            (ROWS, {"scale": 1.0}),
        )
        stored = mlflow_compat.download_model(
            info.model_uri, lambda: pytest.fail("there is nothing to bring")
        )
        assert (stored / "MLmodel").is_file()
        assert stored.is_relative_to(Path.cwd() / "mlruns")
        assert not (stored / "registered_model_meta").exists()
        copied = mlflow_compat.download_model(
            f"runs:/{run.info.run_id}/model", lambda: tmp_path / "new"
        )
        assert (copied / "MLmodel").read_text() == (stored / "MLmodel").read_text()
        assert copied.is_relative_to(tmp_path / "new")


def test_resolve_model_uri_resolves_every_form() -> None:
    with SqliteTracking().open() as store:
        info = CustomSaver(pip_requirements=["numpy"]).save(
            Scaled(), infer_signature(ROWS, np.array([1.0, 2.0])), ROWS
        )
        store.client.create_registered_model("sums")
        version = store.client.create_model_version("sums", info.model_uri, model_id=info.model_id)
        store.client.set_registered_model_alias("sums", "champion", version.version)
        for uri in ("models:/sums/1", "models:/sums@champion", "models:/sums/latest"):
            assert mlflow_compat.resolve_model_uri(uri) == ("sums", "1")
        assert mlflow_compat.resolve_model_uri(info.model_uri) == (info.model_id,)
        assert mlflow_compat.resolve_model_uri("models:/sums/1/code") == ()
        with pytest.raises(MlflowException):
            mlflow_compat.resolve_model_uri("models:/sums@nobody")


def test_current_user_is_the_user_tag_of_a_run() -> None:
    with SqliteTracking().open(), mlflow.start_run() as run:
        assert (
            mlflow.get_run(run.info.run_id).data.tags["mlflow.user"] == mlflow_compat.current_user()
        )


def test_disabled_autologging_logs_no_model(tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'own.db'}")
    mlflow.sklearn.autolog()
    try:
        with mlflow_compat.disabled_autologging():
            Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
        assert mlflow.MlflowClient().search_runs(["0"]) == []
    finally:
        mlflow.sklearn.autolog(disable=True)


def test_current_tracking_uri_is_that_of_mlflow(tmp_path: Path) -> None:
    assert mlflow_compat.current_tracking_uri() is None
    uri = f"sqlite:///{tmp_path / 'own.db'}"
    mlflow.set_tracking_uri(uri)
    assert mlflow_compat.current_tracking_uri() == uri


def test_current_experiment_is_that_of_mlflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    assert mlflow_compat.current_experiment() is None
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'own.db'}")
    experiment = mlflow.set_experiment("houses")
    assert mlflow_compat.current_experiment() == experiment.experiment_id
