from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from modelpact.errors import (
    InputsError,
    LoadError,
    ModelConfigError,
    ModelConfigNotFound,
    PredictError,
)
from modelpact.loaders import BuiltinLoader, CustomLoader, Loader
from modelpact.models import SklearnModel
from modelpact.registers import MlflowRegister, record_checks
from modelpact.savers import BuiltinSaver, CustomSaver
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking
from modelpact.types import Check, Verdict
from tests.support.publishing import numbers
from tiny_models import Scaled

ROWS = numbers().read().inputs


def save(**options: Any) -> str:
    example = (ROWS, {"scale": 1.0})
    saver = CustomSaver(pip_requirements=["numpy"], **options)
    return str(
        saver.save(Scaled(), infer(ROWS, Scaled().predict(ROWS), {"scale": 1.0}), example).model_uri
    )


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store."""
    with SqliteTracking().open():
        yield


def test_the_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Loader()  # type: ignore[abstract]


@pytest.mark.parametrize("loader", [CustomLoader(), BuiltinLoader()])
def test_a_loaded_model_predicts_and_checks_its_inputs(loader: Loader) -> None:
    adapter = loader.load(save())
    assert adapter.predict(ROWS).prediction.tolist() == Scaled().predict(ROWS).tolist()
    assert (
        adapter.predict(ROWS, {"scale": 3.0}).prediction.tolist()
        == Scaled().predict(ROWS, {"scale": 3.0}).tolist()
    )
    with pytest.raises(InputsError):
        adapter.predict(ROWS.drop(columns="b"))


def test_every_form_of_uri_loads_the_same_model(tmp_path: Path) -> None:
    with mlflow.start_run() as run:
        uri = save()
    record_checks(uri, Verdict((Check(code="PREDICTIONS_EQUAL", ok=True),)))
    version = MlflowRegister(aliases=["champion"]).register("scaled", uri)
    folder = mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "copy"))
    for address in (
        uri,
        f"models:/scaled/{version.version}",
        "models:/scaled@champion",
        f"runs:/{run.info.run_id}/model",
        folder,
    ):
        adapter = CustomLoader().load(address)
        assert adapter.uri == address
        assert (adapter.folder / "MLmodel").is_file()


@pytest.mark.parametrize(
    "uri",
    ["nowhere", "models:/nothing/1", "models:/scaled@nobody", "models:/m-" + "0" * 32, "x://y", ""],
)
def test_the_error_of_an_invalid_uri_lists_the_uri_forms(uri: str) -> None:
    with pytest.raises(LoadError) as raised:
        CustomLoader().load(uri)
    assert raised.value.uri == uri
    assert "models:/name/1" in raised.value.remedy


def test_a_folder_without_a_model_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=str(tmp_path)):
        BuiltinLoader().load(str(tmp_path))


def test_a_model_without_a_signature_is_rejected(tmp_path: Path) -> None:
    estimator = LinearRegression().fit(ROWS, np.arange(len(ROWS)))
    mlflow.sklearn.save_model(estimator, str(tmp_path / "bare"), pip_requirements=["scikit-learn"])
    with pytest.raises(LoadError, match="no signature"):
        BuiltinLoader().load(str(tmp_path / "bare"))


def test_flavor_models_need_the_builtin_loader() -> None:
    model = SklearnModel(estimator=LinearRegression())
    model.fit(ROWS, np.arange(len(ROWS)))
    uri = (
        BuiltinSaver(pip_requirements=["scikit-learn"])
        .save(model, infer(ROWS, model.predict(ROWS)), ROWS)
        .model_uri
    )
    with pytest.raises(LoadError, match=r"sklearn.*\nLoad it with loader=builtin"):
        CustomLoader().load(uri)
    adapter = BuiltinLoader().load(uri)
    assert adapter.predict(ROWS).prediction == pytest.approx(model.predict(ROWS))
    with pytest.raises(PredictError, match="has no configuration"):
        adapter.load_context({})


def test_the_saved_configuration_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "saved.json").write_text('{"offset": 10}')
    (tmp_path / "other.json").write_text('{"offset": 100}')
    uri = save(config_file=str(tmp_path / "saved.json"))
    plain = Scaled().predict(ROWS)
    assert CustomLoader().load(uri).predict(ROWS).prediction == pytest.approx(plain + 10)
    assert CustomLoader(config_file=str(tmp_path / "other.json")).load(uri).predict(
        ROWS
    ).prediction == pytest.approx(plain + 100)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, ModelConfigNotFound),
        ("{", ModelConfigError),
        ("[1]", ModelConfigError),
        ('{"a": 1,}', ModelConfigError),
    ],
)
def test_a_malformed_configuration_is_named(
    content: str | None, error: type[Exception], tmp_path: Path
) -> None:
    file = tmp_path / "model.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(error, match=r"model\.json"):
        CustomLoader(config_file=str(file)).load(save())


def test_a_model_of_another_protocol_is_rejected() -> None:
    folder = CustomLoader().load(save()).folder
    config = json.loads((folder / "artifacts" / "config.json").read_text())
    (folder / "artifacts" / "config.json").write_text(json.dumps({**config, "protocol": 99}))
    with pytest.raises(LoadError, match="protocol 99"):
        CustomLoader(integrity="off").load(str(folder))


@pytest.mark.parametrize("loader", [CustomLoader, BuiltinLoader])
def test_policy_and_extra_columns_are_options_of_the_loader(loader: Any) -> None:
    saved = save()
    rows = ROWS.astype("int64").assign(unknown=1)
    assert loader().load(saved).predict(rows).prediction is not None
    with pytest.raises(InputsError, match="a"):
        loader(policy="strict").load(saved).predict(rows)
    with pytest.raises(InputsError, match="unknown"):
        loader(extra="forbid").load(saved).predict(rows)


def test_loading_does_not_change_the_stored_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    uri = save()
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    before = sorted(folder.rglob("*"))
    CustomLoader().load(uri).predict(ROWS)
    assert sorted(folder.rglob("*")) == before
    assert sys.dont_write_bytecode is False
