"""Models, data and steps as the functions of modelpact take them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow.models import infer_signature
from mlflow.pyfunc.model import PythonModel
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import modelpact
from modelpact.data import DiabetesData, MemoryData
from modelpact.errors import ConfigError, DataError, SaveError, SignError, SpecError
from modelpact.models import MlflowModel, SklearnModel
from modelpact.models.flavor import FlavorModel
from modelpact.models.function import FunctionModel
from modelpact.pipeline.step_arguments import make_model, make_step, make_steps
from modelpact.registers import NoneRegister
from modelpact.savers import BuiltinSaver
from modelpact.signers import ExplicitSigner, InferSigner
from modelpact.types import Receipt
from tests.support.many_cases import sample_params
from tests.support.publishing import client
from tiny_models import Doubler

FRAME = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0) ** 2})
TARGETS = FRAME.a * 2 + FRAME.b


class Triple(PythonModel):
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        return model_input["a"] * 3


# As in a notebook: the class is pickled with its model.
Triple.__module__ = "__main__"


def publish(*arguments: Any, **options: Any) -> Receipt:
    """Publish without inferring requirements, which starts a process."""
    options.setdefault("saver", {"pip_requirements": ["scikit-learn"]})
    return modelpact.publish(*arguments, **options)


def scaled(inputs: pd.DataFrame, params: dict[str, Any]) -> Any:
    return inputs["a"] * params["scale"]


DATA: dict[str, Callable[[], tuple[Any, Any]]] = {
    "frame": lambda: (FRAME, TARGETS),
    "array": lambda: (FRAME.to_numpy(), TARGETS.to_numpy()),
    "arrow": lambda: (pa.Table.from_pandas(FRAME), pa.array(TARGETS)),
    "columns in lists": lambda: (FRAME.to_dict("list"), list(TARGETS)),
    "rows in lists": lambda: (FRAME.to_numpy().tolist(), list(TARGETS)),
    "records": lambda: (FRAME.to_dict("records"), list(TARGETS)),
    "pair": lambda: ((FRAME, TARGETS), None),
}


@pytest.mark.parametrize("kind", sample_params(DATA, every=3))
def test_one_line_publishes(kind: str) -> None:
    X, y = DATA[kind]()
    receipt = publish(Ridge(), X, y, name="houses")
    assert (receipt.status, receipt.version) == ("ok", "1")
    assert (receipt.tracking_uri, receipt.experiment) == ("sqlite:///mlflow.db", "modelpact")


def test_polars() -> None:
    polars = pytest.importorskip("polars")
    source = MemoryData.of(polars.from_pandas(FRAME), polars.Series([1.0] * 10))
    sample = source.read()
    pd.testing.assert_frame_equal(sample.inputs, FRAME)
    assert list(sample.targets) == [1.0] * 10


def test_a_data_source() -> None:
    assert publish(Ridge(), DiabetesData()).name == "diabetes"
    with pytest.raises(ConfigError, match="DiabetesData has its own targets, params and metrics"):
        publish(Ridge(), DiabetesData(), TARGETS)


MODELS: dict[str, tuple[Callable[[], Any], str]] = {
    "function": (lambda: lambda inputs: inputs["a"] * 2, "CustomSaver"),
    "PythonModel": (Triple, "BuiltinSaver"),
    "Model": (lambda: SklearnModel(estimator=Ridge()), "CustomSaver"),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_models_that_are_not_estimators(kind: str) -> None:
    create, saver = MODELS[kind]
    receipt = publish(create(), FRAME, TARGETS, name="other")
    assert (receipt.status, receipt.steps["saver"]) == ("ok", saver)


def test_a_function_with_params_is_saved_by_value() -> None:
    receipt = publish(scaled, FRAME, name="scaled", params={"scale": 2.0})
    assert receipt.model_uri is not None
    with make_step("tracking", "mlflow").open():
        loaded = mlflow.pyfunc.load_model(receipt.model_uri)
        assert list(loaded.predict(FRAME[:2], params={"scale": 3.0})) == [0.0, 3.0]


def test_a_fitted_model_is_not_fitted_again() -> None:
    fitted = Ridge().fit(FRAME, TARGETS)
    receipt = publish(fitted, FRAME, name="fitted", fit=False)
    assert receipt.status == "ok"
    assert "fit" not in receipt.seconds
    other = Ridge().fit(FRAME, -TARGETS)
    keys = [publish(model, FRAME, name="fitted", fit=False).job_key for model in (fitted, other)]
    assert keys[0] == receipt.job_key != keys[1]


def test_the_estimator_of_the_caller_stays_unfitted() -> None:
    estimator = Ridge()
    publish(estimator, FRAME, TARGETS, name="houses")
    assert not hasattr(estimator, "coef_")


def test_an_existing_model() -> None:
    publish(Ridge(), FRAME, TARGETS, name="houses")
    assert publish("models:/houses/1", FRAME, name="again").steps["model"] == "MlflowModel"


def test_metrics_hold_rows_out() -> None:
    receipt = publish(Ridge(), FRAME, TARGETS, name="houses", metrics=["r2"])
    assert set(receipt.metrics) == {"r2"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"signer": {"on_anny": "warn"}}, "signer.on_anny: unknown key (did you mean 'on_any'?)"),
        ({"signer": {"on_any": "maybe"}}, "signer.on_any: input should be 'error', 'warn'"),
        ({"signer": "infr"}, "unknown signer 'infr' (did you mean 'infer'?)"),
        ({"signer": 7}, "signer=7 is not a step"),
        ({"signer": {"_target_": "no.Such"}}, "cannot import no.Such"),
        ({"singer": "infer"}, "unknown argument 'singer' (did you mean 'signer'?)"),
        ({"model": Ridge}, "the model is the class Ridge, not an object"),
        ({"X": "houses.csv"}, "the inputs are of type str, not rows"),
        ({"y": [1.0]}, "the data has 10 rows but 1 targets"),
        ({"model": 7}, "the model is of type int, which cannot be published"),
        ({"X": None}, "there is no data"),
        ({"name": None}, "the registered model has no name"),
    ],
)
def test_invalid_arguments_are_named(arguments: Any, text: str) -> None:
    given = {"model": Ridge(), "X": FRAME, "y": TARGETS, "name": "houses", **arguments}
    with pytest.raises((ConfigError, DataError)) as raised:
        publish(**given)
    assert text in str(raised.value)
    assert client().search_registered_models() == []


class Halver:
    """Not a class of any library."""

    def fit(self, inputs: Any, targets: Any) -> None:
        self.factor = 0.5

    def predict(self, inputs: Any) -> Any:
        return inputs["a"] * self.factor


def test_an_object_with_a_method_predict() -> None:
    receipt = publish(Halver(), FRAME, TARGETS, name="halves")
    assert (receipt.status, receipt.steps["model"]) == ("ok", "FunctionModel")


def test_an_estimator_of_a_notebook_needs_a_pickle() -> None:
    def square(values: Any) -> Any:
        return values**2

    square.__module__, square.__qualname__ = "__main__", "square"
    sys.modules["__main__"].square = square  # type: ignore[attr-defined]
    try:
        estimator = make_pipeline(FunctionTransformer(square), Ridge())
        with pytest.raises(SaveError, match=r"uses __main__\.square, which cannot be imported"):
            publish(estimator, FRAME, TARGETS, name="squares")
        pickled = {"_target_": "builtin", "pip_requirements": ["scikit-learn"]}
        assert publish(estimator, FRAME, TARGETS, name="squares", saver=pickled).version == "1"
    finally:
        del sys.modules["__main__"].square


def test_a_loaded_model_of_mlflow() -> None:
    uri = publish(Ridge(), FRAME, TARGETS, name="houses").model_uri
    with make_step("tracking", "mlflow").open():
        loaded = mlflow.pyfunc.load_model(uri)
    model = make_model(loaded)
    assert isinstance(model, MlflowModel)
    assert model.uri == uri


def test_steps_by_name_options_and_object() -> None:
    assert make_step("signer", "infer") == InferSigner()
    assert make_step("signer", {"on_any": "warn"}) == InferSigner(on_any="warn")
    written = {"_target_": "explicit", "inputs": {"a": "double"}}
    assert make_step("signer", written) == ExplicitSigner(inputs={"a": "double"})
    assert make_step("register", None) == NoneRegister()
    saver = BuiltinSaver()
    assert make_step("saver", saver) is saver


def test_the_loader_follows_the_saver() -> None:
    steps = make_steps(Ridge(), FRAME, TARGETS, fit=True, saver="builtin")
    assert (steps.saver.KIND, steps.loader.KIND) == ("BuiltinSaver", "BuiltinLoader")
    assert make_steps(Ridge(), FRAME, TARGETS).loader.KIND == "CustomLoader"


def test_kinds_of_models() -> None:
    doubler = Doubler()
    assert make_model(doubler) is doubler
    assert isinstance(make_model("models:/houses/1"), MlflowModel)
    assert isinstance(make_model(len), FunctionModel)
    assert make_model(Triple()).flavors == ("pyfunc",)
    assert isinstance(make_model(Triple()), FlavorModel)


@pytest.mark.usefixtures("tmp_path")
def test_publish_nests_in_the_active_run_of_mlflow(tmp_path: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'own.db'}")
    with mlflow.start_run() as outer:
        receipt = publish(Ridge(), FRAME, TARGETS, name="houses")
        run = mlflow.get_run(receipt.run_id or "")
    assert run.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert run.info.experiment_id == outer.info.experiment_id
    assert not Path("mlflow.db").exists()


def test_autologging_makes_no_second_model() -> None:
    mlflow.sklearn.autolog()
    try:
        publish(Ridge(), FRAME, TARGETS, name="houses")
    finally:
        mlflow.sklearn.autolog(disable=True)
    models = client().search_logged_models(["1"])
    assert [model.name for model in models] == ["model"]


def test_a_signature_stands_for_an_explicit_signer() -> None:
    spec = {"inputs": {"a": "double", "b": "double"}, "outputs": "double"}
    receipt = publish(Ridge(), FRAME, TARGETS, name="houses", signature=spec)
    assert receipt.steps["signer"] == "ExplicitSigner"
    signature = infer_signature(FRAME, TARGETS)
    made = make_steps(Ridge(), FRAME, TARGETS, signature=signature)
    assert made.signer.contract() == signature
    with pytest.raises(SignError, match="a: expected string"):
        publish(Ridge(), FRAME, TARGETS, name="houses", signature={"inputs": {"a": "string"}})
    with pytest.raises(SpecError, match=r"expected a mapping .* got 'double'"):
        publish(Ridge(), FRAME, TARGETS, name="houses", signature="double")
    with pytest.raises(ConfigError, match="both signer and signature are given"):
        publish(Ridge(), FRAME, TARGETS, name="houses", signature=spec, signer="infer")
