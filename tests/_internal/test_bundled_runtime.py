"""Models of two releases of modelpact work in one process, with and without modelpact installed."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from modelpact._internal.import_closure import PACKAGE_FOLDER
from modelpact.errors import PredictError
from modelpact.loaders import CustomLoader
from modelpact.models import Model, SklearnModel
from modelpact.savers import CustomSaver
from modelpact.savers.bundled_code import build_runtime
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking
from tests.support.publishing import numbers
from tiny_models import Doubler, Scaled

ROWS = numbers().read().inputs
SUMS = ROWS.sum(axis=1).to_numpy()
THOUSAND = 1000.0

PREDICT = "return self.fitted_estimator.predict(inputs)"
OTHER_PREDICT = f"""from modelpact.errors import PredictError
        from modelpact.models.call_metadata import add_metadata

        add_metadata(release="other")
        if len(inputs) == 1:
            raise PredictError("one row", remedy="Use more.", uri="models:/other")
        return self.fitted_estimator.predict(inputs) + {THOUSAND}"""


@pytest.fixture
def other_release(tmp_path: Path) -> Path:
    """A copy of modelpact whose scikit-learn model adds 1,000, and rejects a single row."""
    folder = tmp_path / "modelpact"
    shutil.copytree(PACKAGE_FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", "conf"))
    module = folder / "models" / "sklearn.py"
    source = module.read_text(encoding="utf-8")
    assert PREDICT in source
    module.write_text(source.replace(PREDICT, OTHER_PREDICT), encoding="utf-8")
    return folder


def save(model: Model, folder: Path) -> Path:
    """Save a model of rows, and return a copy of its files."""
    model.fit(ROWS, SUMS)
    with SqliteTracking().open():
        saver = CustomSaver(pip_requirements=["scikit-learn"])
        info = saver.save(model, infer(ROWS, model.predict(ROWS)), ROWS)
        stored = mlflow.artifacts.download_artifacts(info.model_uri)
    shutil.copytree(stored, folder)
    return folder


def save_with(release: Path, model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save a model as another release of modelpact would."""
    with monkeypatch.context() as patch:
        patch.setattr(
            "modelpact.savers.bundled_code.build_runtime",
            functools.partial(build_runtime, folder=release),
        )
        return save(model, folder)


def line() -> SklearnModel:
    return SklearnModel(estimator=LinearRegression())


@pytest.mark.parametrize("order", [("this", "other"), ("other", "this")])
@pytest.mark.slow
def test_models_of_two_releases_load_in_one_process(
    order: tuple[str, str], other_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {
        "this": save(line(), tmp_path / "this"),
        "other": save_with(other_release, line(), tmp_path / "other", monkeypatch),
    }
    adapters = {name: CustomLoader().load(str(folders[name])) for name in order}
    for folder in folders.values():
        shutil.rmtree(folder)
    this, other = (adapters[name].predict(ROWS) for name in ("this", "other"))
    assert np.allclose(this.prediction, SUMS)
    assert np.allclose(other.prediction, SUMS + THOUSAND)
    assert isinstance(adapters["this"].model, SklearnModel)
    assert type(adapters["other"].model).__module__.startswith("_modelpact_")
    assert "release" not in this.metadata
    assert other.metadata["release"] == "other"


@pytest.mark.slow
def test_errors_of_another_release_are_translated(
    other_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = CustomLoader().load(
        str(save_with(other_release, line(), tmp_path / "other", monkeypatch))
    )
    with pytest.raises(PredictError) as caught:
        adapter.predict(ROWS.head(1))
    assert (caught.value.message, caught.value.remedy) == ("one row", "Use more.")
    assert caught.value.uri == "models:/other"


SCRIPT = """
import json, shutil, sys, mlflow, pandas
sys.modules["modelpact"] = None  # as if it were not installed
folders, rows = map(json.loads, sys.argv[1:])
models = []
for folder in folders:
    models.append(mlflow.pyfunc.load_model(folder))
    shutil.rmtree(folder)
print(json.dumps([model.predict(pandas.DataFrame(rows)).tolist() for model in models]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_reversed", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_models_of_two_releases_load_without_modelpact(
    is_reversed: bool, other_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: dict[str, list[float]] = {
        str(save(line(), tmp_path / "a")): list(SUMS),
        str(save_with(other_release, line(), tmp_path / "b", monkeypatch)): list(SUMS + THOUSAND),
        str(save(Doubler(), tmp_path / "c")): list(2 * SUMS),
        str(save_with(other_release, Scaled(), tmp_path / "d", monkeypatch)): list(SUMS),
    }
    folders = sorted(models, reverse=is_reversed)
    rows = ROWS.to_dict("list")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(folders), json.dumps(rows)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for folder, prediction in zip(folders, json.loads(done.stdout.splitlines()[-1]), strict=True):
        assert np.allclose(prediction, models[folder]), folder


def test_the_copy_of_the_installed_release_is_replaced_by_it(tmp_path: Path) -> None:
    adapter = CustomLoader().load(str(save(line(), tmp_path / "model")))
    assert type(adapter.model) is SklearnModel
    names = [path.name for path in (tmp_path / "model" / "code").iterdir()]
    assert len(names) == 1
    assert sys.modules[f"{names[0]}.models.sklearn"] is sys.modules["modelpact.models.sklearn"]
