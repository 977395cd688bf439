from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest
from sklearn.linear_model import Lasso, Ridge

from modelpact._internal.import_closure import PACKAGE_FOLDER
from modelpact.data import CsvData, digest_sample
from modelpact.models import SklearnModel
from modelpact.models.flavor import FlavorModel
from modelpact.pipeline.job_key import _digest_closure, digest_fitted, job_key
from modelpact.savers import CustomSaver
from modelpact.signers import ExplicitSigner, InferSigner
from modelpact.verifiers import ReplayVerifier
from tests.support.many_cases import sample_params
from tests.support.publishing import numbers, steps
from tiny_models import Doubler, Scaled

DECISIVE = ("data", "model", "signer", "saver", "loader", "verifier")


def key(name: str = "sums", **changes: Any) -> str:
    chosen = steps(**changes)
    return job_key(
        name, {group: chosen[group] for group in DECISIVE}, digest_sample(chosen["data"].read())
    )


def test_the_same_job_has_the_same_key() -> None:
    assert key() == key()
    assert len(key()) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"model": Doubler(factor=3.0)},
        {"model": Scaled()},
        {"signer": InferSigner(on_any="warn")},
        {"signer": ExplicitSigner()},
        {"saver": CustomSaver(pip_requirements=["numpy", "scipy"])},
        {"verifier": ReplayVerifier(rtol=0.5)},
        {"data": numbers(n_rows=9, metrics=["r2"])},
        {"data": numbers(metrics=[])},
        {"data": numbers(metrics=["r2"], seed=1)},
        {"data": numbers(metrics=["r2"], params={"scale": 1.0})},
    ],
    ids=str,
)
def test_every_decisive_option_changes_the_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()


def test_the_code_of_a_python_model_changes_the_digest() -> None:
    def model(factor: int) -> FlavorModel:
        class Times(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
            def predict(self, context, model_input):  # type: ignore[no-untyped-def]
                return model_input * factor

        return FlavorModel.of(Times(), "pyfunc")

    double = model(2)
    assert digest_fitted(double) == digest_fitted(double) != digest_fitted(model(3))


def test_hyperparameters_of_an_estimator_change_the_key() -> None:
    first = key(model=SklearnModel(estimator=Ridge(alpha=1.0)))
    assert key(model=SklearnModel(estimator=Ridge(alpha=1.0))) == first
    assert key(model=SklearnModel(estimator=Ridge(alpha=2.0))) != first
    assert key(model=SklearnModel(estimator=Lasso(alpha=1.0))) != first


def test_data_changes_the_key_and_its_path_does_not() -> None:
    Path("one.csv").write_text("a,b\n1,2\n3,4\n5,6\n")
    Path("two.csv").write_text("a,b\n1,2\n3,4\n5,6\n")
    Path("three.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    keys = [key(data=CsvData(path=f"{name}.csv", target="b")) for name in ("one", "two", "three")]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


@pytest.mark.parametrize(
    ("group", "changed"), [("saver", CustomSaver(path="elsewhere", pip_requirements=["numpy"]))]
)
def test_output_paths_do_not_change_the_key(group: str, changed: Any) -> None:
    assert key(**{group: changed}) == key()


def test_code_of_a_user_defined_step_changes_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "own_signer.py"
    text = (
        "from modelpact.signers import InferSigner\n\n\nclass OwnSigner(InferSigner):\n    pass\n"
    )
    keys = []
    for version in (text, text, text + "# another version\n"):
        module.write_text(version)
        importlib.invalidate_caches()
        keys.append(key(signer=importlib.import_module("own_signer").OwnSigner()))
        del sys.modules["own_signer"]
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_code_of_a_user_defined_base_class_changes_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    base = tmp_path / "own_base.py"
    base.write_text(
        "from modelpact.signers import InferSigner\n\nclass Base(InferSigner):\n    pass\n"
    )
    (tmp_path / "own_leaf.py").write_text(
        "from own_base import Base\n\nclass Leaf(Base):\n    pass\n"
    )
    before = key(signer=importlib.import_module("own_leaf").Leaf())
    with base.open("a") as file:
        file.write("# another version\n")
    assert key(signer=importlib.import_module("own_leaf").Leaf()) != before


class TestCodeOfModelpact:
    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A copy of modelpact that keys are computed from."""
        copy = tmp_path / "modelpact"
        shutil.copytree(PACKAGE_FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__", "conf"))
        monkeypatch.setattr("modelpact.pipeline.job_key.PACKAGE_FOLDER", copy)
        return copy

    def is_changed_by_an_edit(self, package: Path, file: str) -> bool:
        before = key()
        with (package / file).open("a") as source:
            source.write("# edited\n")
        _digest_closure.cache_clear()
        return key() != before

    @pytest.mark.parametrize(
        "file",
        sample_params(
            [
                "data/__init__.py",
                "errors.py",
                "loaders/adapter.py",
                "savers/custom_saver.py",
                "signature/inference/infer.py",
                "signers.py",
                "_internal/step.py",
                "verifiers/replay.py",
            ],
            every=2,
        ),
    )
    @pytest.mark.slow
    def test_an_edit_in_a_step_changes_the_key(self, package: Path, file: str) -> None:
        assert self.is_changed_by_an_edit(package, file)

    @pytest.mark.parametrize(
        "file",
        sample_params(
            [
                "batch/__init__.py",
                "cli/main.py",
                "models/chat/model.py",
                "pipeline/runner.py",
                "registers.py",
                "serving/app.py",
            ],
            every=2,
        ),
    )
    @pytest.mark.slow
    def test_an_edit_outside_the_steps_keeps_the_key(self, package: Path, file: str) -> None:
        assert not self.is_changed_by_an_edit(package, file)


STEP = """
class Typed(InferSigner):
    def sign(self, *arguments, **options):
        return {value}
"""


def test_code_of_a_step_without_a_file_changes_the_key() -> None:
    def key(value: int) -> str:
        namespace: dict[str, Any] = {"InferSigner": InferSigner, "__name__": "no_file"}
        exec(compile(STEP.format(value=value), "<a cell>", "exec"), namespace)
        return job_key("sums", {"signer": namespace["Typed"]()}, "data")

    assert key(1) == key(1) != key(2)
