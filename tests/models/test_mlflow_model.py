from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from mlflow.pyfunc.model import PythonModel
from sklearn.linear_model import Ridge

from modelpact import publish
from modelpact.data import InlineData
from modelpact.errors import LoadError, SignError
from modelpact.loaders import CustomLoader
from modelpact.models import MlflowModel
from modelpact.signature import infer
from modelpact.signers import ExplicitSigner
from modelpact.tracking import SqliteTracking
from tests.support.many_cases import sample_params
from tests.support.publishing import steps

X = np.arange(12.0).reshape(6, 2)
FITTED = Ridge().fit(X, X.sum(axis=1))
EXPECTED = FITTED.predict(X).tolist()


PLAIN = """
import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

class Plain(PythonModel):
    def predict(self, context, model_input: np.ndarray, params=None):
        return np.asarray(model_input).sum(axis=1) * (params or {}).get("scale", 1)

set_model(Plain())
"""


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store."""
    with SqliteTracking().open():
        yield


@pytest.fixture
def addresses() -> dict[str, str]:
    """One model under every kind of address."""
    mlflow.sklearn.save_model(
        FITTED,
        "folder",
        signature=infer(X, FITTED.predict(X)),
        pip_requirements=[],
        serialization_format="cloudpickle",
    )
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            FITTED,
            name="model",
            registered_model_name="ridge",
            pip_requirements=[],
            serialization_format="cloudpickle",
        )
    mlflow.MlflowClient().set_registered_model_alias("ridge", "champion", "1")
    return {
        "version": "models:/ridge/1",
        "alias": "models:/ridge@champion",
        "logged": info.model_uri,
        "run": f"runs:/{run.info.run_id}/model",
        "folder": "folder",
        "absolute": str(Path("folder").absolute()),
        "slash": "folder/",
        "file": Path("folder").absolute().as_uri(),
    }


def test_a_model_is_loaded_from_any_uri_and_survives_dump_and_load(
    addresses: dict[str, str],
) -> None:
    for kind, uri in addresses.items():
        model = MlflowModel(uri=uri)
        model.fit(X, None)
        assert model.predict(X).tolist() == EXPECTED, kind
        assert model.flavors == ("sklearn",), kind
        assert isinstance(model.native_model(), Ridge), kind
        state = Path("state", kind)
        state.mkdir(parents=True)
        model.dump(state)
        again = MlflowModel(**model.options())
        again.load(state)
        assert again.predict(X).tolist() == EXPECTED, kind


def test_a_copy_does_not_need_the_original(addresses: dict[str, str], tmp_path: Path) -> None:
    state, second = tmp_path / "state", tmp_path / "second"
    state.mkdir()
    second.mkdir()
    MlflowModel(uri=addresses["folder"]).dump(state)
    Path("folder").rename("elsewhere")
    copy = MlflowModel(uri=addresses["folder"])
    copy.load(state)
    copy.dump(second)
    again = MlflowModel(uri=addresses["folder"])
    again.load(second)
    assert again.predict(X).tolist() == EXPECTED


def test_a_model_without_a_flavor_has_no_native_model_and_accepts_params() -> None:
    signature = infer(X, X.sum(axis=1), {"scale": 1})
    Path("plain.py").write_text(PLAIN)
    mlflow.pyfunc.save_model(
        "plain",
        python_model="plain.py",
        signature=signature,
        input_example=(X, {"scale": 1}),
        pip_requirements=[],
    )
    model = MlflowModel(uri="plain")
    assert (model.flavors, model.native_model()) == ((), None)
    assert model.predict(X, {"scale": 2}).tolist() == (X.sum(axis=1) * 2).tolist()


def broken_folder(name: str, text: str) -> str:
    Path(name).mkdir()
    Path(name, "MLmodel").write_text(text)
    return name


@pytest.mark.parametrize(
    "make",
    sample_params(
        [
            lambda: "nowhere",
            lambda: "",
            lambda: "models:/absent/1",
            lambda: "models:/absent@champion",
            lambda: "models:/",
            lambda: "models:/absent/one",
            lambda: "runs:/0123/model",
            lambda: "ftp-ish://x/y",
            lambda: broken_folder("empty", ""),
            lambda: broken_folder("garbage", "{unclosed: ["),
            lambda: broken_folder("list", "[1, 2]"),
            lambda: broken_folder("flavorless", "flavors: {}\n"),
            lambda: broken_folder(
                "foreign",
                "flavors: {python_function: {loader_module: no.such.module, python_version: 3.11.7}}\n",
            ),
        ],
        every=3,
    ),
)
@pytest.mark.parametrize("ask", ["predict", "dump"])
def test_a_model_that_cannot_be_loaded_is_named_with_the_uri_forms(
    make: Any, ask: str, tmp_path: Path
) -> None:
    uri = make()
    model = MlflowModel(uri=uri)
    with pytest.raises(LoadError) as caught:
        model.predict(X) if ask == "predict" else model.dump(tmp_path)
    assert caught.value.message.startswith(f"model.uri={uri!r} cannot be loaded: ")
    assert (
        "models:/name/1, models:/name@alias, runs:/<run_id>/model, or a folder"
        in caught.value.remedy
    )
    assert caught.value.uri == uri


class Plain(PythonModel):
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        return model_input["a"] * (params or {}).get("k", 1)


@pytest.mark.filterwarnings("ignore:.*An input example was not provided")
@pytest.mark.filterwarnings("ignore:.*Add type hints to the `predict` method")
class TestStoredSignature:
    @pytest.fixture
    def stored(self) -> str:
        """A model with an optional column and a param, logged by plain MLflow."""
        frame = pd.DataFrame({"a": [1.0, 2.0], "note": ["x", None]})
        signature = infer_signature(frame, frame["a"], params={"k": 2})
        with SqliteTracking().open(), mlflow.start_run():
            return str(
                mlflow.pyfunc.log_model(
                    name="m", python_model=Plain(), signature=signature, pip_requirements=[]
                ).model_uri
            )

    @pytest.mark.parametrize("params", [None, {"k": 3}])
    def test_is_kept_by_the_infer_signer(self, stored: str, params: dict[str, Any] | None) -> None:
        rows = [{"a": 1.0, "note": "x"}, {"a": 2.0, "note": "y"}]
        data = InlineData(inputs=rows, test_size=0, params=params)
        publish(**steps(data=data, model=MlflowModel(uri=stored)))
        signature = CustomLoader().load("models:/sums/1").signature
        assert str(signature.inputs) == "['a': double (required), 'note': string (optional)]"
        assert str(signature.params) == "['k': long (default: 2)]"

    def test_may_not_become_narrower(self, stored: str) -> None:
        signer = ExplicitSigner(inputs={"a": "double", "note": "string"}, outputs={"a": "double"})
        data = InlineData(inputs=[{"a": 1.0, "note": "x"}], test_size=0)
        with pytest.raises(SignError, match="breaks callers of the stored model") as caught:
            publish(**steps(data=data, model=MlflowModel(uri=stored), signer=signer))
        assert "inputs.note" in str(caught.value)
        assert "params.k" in str(caught.value)

    def test_has_new_outputs_if_its_own_are_wrong(self) -> None:
        frame = pd.DataFrame({"a": [1.0]})
        wrong = infer_signature(frame, pd.DataFrame({"other": ["x"]}))
        with SqliteTracking().open(), mlflow.start_run():
            stored = mlflow.pyfunc.log_model(
                name="m", python_model=Plain(), signature=wrong, pip_requirements=[]
            ).model_uri
        data = InlineData(inputs=[{"a": 1.0}], test_size=0)
        publish(**steps(data=data, model=MlflowModel(uri=stored)))
        signature = CustomLoader().load("models:/sums/1").signature
        assert str(signature.outputs) == "['a': double (required)]"
