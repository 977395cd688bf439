from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import tiny_models
from modelpact.errors import (
    InputsError,
    ModelConfigError,
    OutputsError,
    PactError,
    PredictError,
    SecretError,
)
from modelpact.loaders import Adapter, BuiltinLoader, CustomLoader
from modelpact.models import Model, SklearnModel
from modelpact.savers import BuiltinSaver, CustomSaver
from modelpact.signature import digest, infer
from modelpact.tracking import SqliteTracking

ROWS = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
PREDICTION = np.array([1.0, 2.0])
SIGNATURE = infer(ROWS, PREDICTION, {"scale": 1.0})


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store."""
    with SqliteTracking().open():
        yield


@pytest.fixture
def scaled() -> Adapter:
    """A model with params and a configuration."""
    info = CustomSaver(pip_requirements=["numpy"]).save(
        tiny_models.Scaled(), SIGNATURE, (ROWS, {"scale": 1.0})
    )
    return CustomLoader().load(info.model_uri)


def test_a_notebook_shows_the_contract(scaled: Adapter) -> None:
    html = scaled._repr_html_()
    for part in (
        scaled.uri,
        "lossless",
        "<caption>Inputs</caption>",
        "scale",
    ):
        assert part in html
    assert ">verified<" in CustomLoader().load(scaled.uri)._repr_html_()


@pytest.fixture
def make_scripted(scaled: Adapter) -> Callable[[Any], Adapter]:
    """An adapter to a scripted model."""

    def make(predict: Any, fallback: Any = None) -> Adapter:
        class Scripted(Model):
            def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
                return predict(inputs, params)

        class WithFallback(Scripted):
            def fallback(self, inputs: Any, params: dict[str, Any] | None, error: Exception) -> Any:
                return fallback(inputs, params, error)

        kind = Scripted if fallback is None else WithFallback
        scaled.pyfunc.unwrap_python_model().model = kind()
        return scaled

    return make


def fail(*_: Any) -> Any:
    raise RuntimeError("out of\n order")


def test_outputs_have_a_prediction_and_its_provenance(scaled: Adapter) -> None:
    outputs = scaled.predict(ROWS, {"scale": 2.0})
    assert outputs.prediction.tolist() == [8, 12]
    assert outputs.metadata["model_uri"] == scaled.uri
    assert outputs.metadata["signature_digest"] == digest(SIGNATURE)
    age = datetime.now(UTC) - datetime.fromisoformat(outputs.metadata["utc_time"])
    assert 0 <= age.total_seconds() < 60
    assert 0 < outputs.metadata["seconds"] < 60
    assert "fallback" not in outputs.metadata


def test_the_adapter_has_folder_and_signature(scaled: Adapter) -> None:
    assert (scaled.folder / "MLmodel").exists()
    assert scaled.signature == SIGNATURE


@pytest.mark.parametrize(
    ("inputs", "params", "text"),
    [
        (ROWS[["a"]], None, "b"),
        (ROWS.assign(a="x"), None, "a"),
        (ROWS, {"scale": "much"}, "scale"),
    ],
    ids=["missing column", "wrong type", "wrong param"],
)
def test_invalid_inputs_do_not_reach_the_model(
    make_scripted: Callable[..., Adapter], inputs: Any, params: Any, text: str
) -> None:
    calls: list[Any] = []
    adapter = make_scripted(lambda *given: calls.append(given), lambda *given: calls.append(given))
    with pytest.raises(InputsError, match=text):
        adapter.predict(inputs, params)
    assert calls == []


def test_the_callers_data_is_not_changed(make_scripted: Callable[..., Adapter]) -> None:
    mine = ROWS.assign(extra="x")
    before = mine.copy()
    make_scripted(lambda inputs, _: PREDICTION).predict(mine)
    pd.testing.assert_frame_equal(mine, before)


def test_predictions_that_violate_the_signature_are_rejected(
    make_scripted: Callable[..., Adapter],
) -> None:
    with pytest.raises(OutputsError):
        make_scripted(lambda *_: np.array(["a", "b"])).predict(ROWS)


def test_a_failing_model_raises_a_predict_error_with_its_cause(
    make_scripted: Callable[..., Adapter],
) -> None:
    adapter = make_scripted(fail)
    with pytest.raises(PredictError) as caught:
        adapter.predict(ROWS)
    assert caught.value.message == f"the model {adapter.uri} failed: RuntimeError: out of order"
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.uri == adapter.uri


def test_the_fallback_predicts_and_is_recorded(make_scripted: Callable[..., Adapter]) -> None:
    given: list[Any] = []

    def fallback(inputs: Any, params: Any, error: Exception) -> Any:
        given.append((list(inputs["a"]), params, str(error)))
        return PREDICTION

    outputs = make_scripted(fail, fallback).predict(ROWS, {"scale": 2.0})
    assert outputs.prediction.tolist() == [1, 2]
    assert outputs.metadata["fallback"] == "RuntimeError: out of order"
    assert given == [([1.0, 2.0], {"scale": 2.0}, "out of\n order")]


def test_fallback_predictions_are_checked(make_scripted: Callable[..., Adapter]) -> None:
    with pytest.raises(OutputsError):
        make_scripted(fail, lambda *_: ["none", "none"]).predict(ROWS)


def test_a_failing_fallback_raises_a_predict_error_with_both_causes(
    make_scripted: Callable[..., Adapter],
) -> None:
    def fallback(*_: Any) -> Any:
        raise KeyError("also this")

    with pytest.raises(
        PredictError, match="failed, and so did its fallback: KeyError: 'also this'"
    ) as caught:
        make_scripted(fail, fallback).predict(ROWS)
    assert isinstance(caught.value.__cause__, KeyError)
    assert isinstance(caught.value.__cause__.__context__, RuntimeError)


@pytest.mark.parametrize("place", ["predict", "fallback"])
def test_errors_of_modelpact_are_raised_unchanged(
    make_scripted: Callable[..., Adapter], place: str
) -> None:
    def refuse(*_: Any) -> Any:
        raise SecretError("a key in the open")

    adapter = make_scripted(refuse) if place == "predict" else make_scripted(fail, refuse)
    with pytest.raises(PactError, match="a key in the open") as caught:
        adapter.predict(ROWS)
    assert type(caught.value) is SecretError


def test_an_interrupt_does_not_call_the_fallback(make_scripted: Callable[..., Adapter]) -> None:
    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_scripted(interrupt, lambda *_: PREDICTION).predict(ROWS)


def test_load_context_replaces_the_configuration(scaled: Adapter) -> None:
    Path("config.json").write_text('{"offset": 100}')
    scaled.load_context("config.json")
    assert scaled.predict(ROWS).prediction.tolist() == [104, 106]
    with pytest.raises(ModelConfigError, match="no configuration"):
        scaled.load_context(None)


def test_flavor_models_are_checked_and_have_no_configuration() -> None:
    model = SklearnModel(estimator=LinearRegression())
    model.fit(ROWS, PREDICTION)
    info = BuiltinSaver(pip_requirements=["scikit-learn"]).save(
        model, infer(ROWS, PREDICTION), ROWS
    )
    adapter = BuiltinLoader().load(info.model_uri)
    assert adapter.model is None
    assert np.allclose(adapter.predict(ROWS).prediction, PREDICTION)
    with pytest.raises(InputsError):
        adapter.predict(ROWS[["a"]])
    with pytest.raises(PredictError, match="has no configuration"):
        adapter.load_context({"offset": 1})


def test_a_foreign_python_model_has_no_modelpact_model() -> None:
    Path("foreign.py").write_text(
        "from mlflow.models import set_model\n"
        "from mlflow.pyfunc.model import PythonModel\n"
        "import pandas as pd\n"
        "class Foreign(PythonModel):\n"
        "    def predict(self, context, model_input: pd.DataFrame):\n"
        "        return model_input['a'].to_numpy()\n"
        "set_model(Foreign())\n"
    )
    mlflow.pyfunc.save_model(
        "foreign",
        python_model="foreign.py",
        signature=infer(ROWS, PREDICTION),
        input_example=ROWS,
        pip_requirements=[],
    )
    adapter = Adapter(mlflow.pyfunc.load_model("foreign"), uri="foreign", folder=Path("foreign"))
    assert adapter.model is None
    assert adapter.predict(ROWS).prediction.tolist() == [1, 2]
