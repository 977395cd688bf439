"""The serialization formats of a saved model are detected."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import joblib
import mlflow
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from modelpact.models import SklearnModel
from modelpact.savers import BuiltinSaver, CustomSaver
from modelpact.security.serialization_formats import UNSAFE_FORMATS, detect_formats
from modelpact.signature import infer
from modelpact.tracking import SqliteTracking
from tests.support.publishing import numbers
from tiny_models import Scaled

ROWS = numbers().read().inputs


def torch_like() -> bytes:
    """An archive as PyTorch writes one."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    return content.getvalue()


def dumped() -> bytes:
    """Return a file as joblib writes it."""
    content = io.BytesIO()
    joblib.dump({"a": 1}, content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.pkl", pickle.dumps(1), "pickle"),
        ("x.bin", pickle.dumps(1, 2), "pickle"),
        ("x.json", pickle.dumps({}), "pickle"),
        ("x.pkl", pickle.dumps(1, 0), "pickle"),
        ("x.joblib", dumped(), "joblib"),
        ("x", dumped(), "pickle"),
        ("x.bin", torch_like(), "torch"),
        ("x.zip", b"PK no archive", "other"),
        ("x.skops", b"PK\x03\x04", "skops"),
        ("x.JSON", b"{}", "json"),
        ("x.py", b"", "code"),
        ("x.unknown", b"", "other"),
        ("x.onnx", b"\x08", "onnx"),
    ],
)
def test_formats_are_detected_by_content(
    name: str, content: bytes, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / name).write_bytes(content)
    (tmp_path / "input_example.json").write_text("{}")
    assert detect_formats(tmp_path) == [expected]


def folder_of(saver: Any, model: Any) -> Path:
    model.fit(ROWS, np.arange(len(ROWS)))
    with SqliteTracking().open():
        info = saver.save(model, infer(ROWS, model.predict(ROWS)), ROWS)
        return Path(mlflow.artifacts.download_artifacts(info.model_uri))


@pytest.mark.slow
def test_both_savers_write_skops_for_sklearn() -> None:
    requirements = ["scikit-learn"]
    model = SklearnModel(estimator=LinearRegression())
    assert detect_formats(folder_of(CustomSaver(pip_requirements=requirements), model)) == [
        "code",
        "json",
        "skops",
    ]
    assert detect_formats(folder_of(BuiltinSaver(pip_requirements=requirements), model)) == [
        "skops"
    ]


def test_a_user_defined_model_is_code_and_json() -> None:
    assert detect_formats(folder_of(CustomSaver(pip_requirements=["numpy"]), Scaled())) == [
        "code",
        "json",
    ]


@pytest.mark.filterwarnings("ignore:.*type hints")
def test_cloudpickle_is_detected_by_the_mlmodel_file(tmp_path: Path) -> None:
    class Own(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return model_input

    mlflow.pyfunc.save_model(str(tmp_path / "own"), python_model=Own(), pip_requirements=["numpy"])
    assert detect_formats(tmp_path / "own") == ["cloudpickle"]


def test_formats_that_run_code() -> None:
    assert not UNSAFE_FORMATS & {"json", "skops", "onnx", "safetensors", "numpy", "text", "yaml"}
