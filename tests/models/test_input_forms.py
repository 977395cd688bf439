from __future__ import annotations

import json
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from starlette.testclient import TestClient

from modelpact import publish
from modelpact._internal import mlflow_compat
from modelpact.data import DataSource, InlineData
from modelpact.errors import SignError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.models import SklearnModel
from modelpact.models.input_forms import to_records
from modelpact.savers import BuiltinSaver, CustomSaver
from modelpact.serving import create_app
from modelpact.types import Sample
from tests.support.publishing import steps
from tiny_models import Counter, RecordReader

ROWS: list[Any] = [
    {"a": 1, "tags": ["x", "y"], "note": "hello", "o": {"b": 1.5}},
    {"a": 2, "tags": ["z"], "o": {"b": None}},
    {"a": 3, "tags": [], "note": None, "o": {}},
]


def published(rows: list[Any]) -> Adapter:
    data = InlineData(inputs=rows, form="records", test_size=0)
    receipt = publish(**steps(data=data, model=RecordReader()))
    return CustomLoader().load(f"models:/sums/{receipt.version}")


def as_json(rows: list[Any]) -> list[str]:
    return [json.dumps(row, sort_keys=True) for row in rows]


def test_a_saved_model_gets_the_records_that_it_was_signed_with() -> None:
    adapter = published(ROWS)
    assert adapter.predict(ROWS).prediction == as_json(ROWS)
    with TestClient(create_app(adapter)) as server:
        body = {"inputs": ROWS}
        assert server.post("/predict", json=body).json()["prediction"] == as_json(ROWS)


@pytest.mark.parametrize("rows", [["ab", "c"], [1.5, 2.5]], ids=str)
def test_rows_without_names_stay_single_values(rows: list[Any]) -> None:
    adapter = published(rows)
    assert adapter.predict(rows).prediction == as_json(rows)
    response = mlflow_compat.invoke_scoring_server(adapter.pyfunc, json.dumps({"inputs": rows}))
    assert json.loads(response.response)["predictions"] == as_json(rows)


def test_plain_mlflow_hands_over_records_too() -> None:
    rows = [{"a": 1, "note": "x"}, {"a": 2, "note": None}]
    adapter = published(rows)
    assert mlflow.pyfunc.load_model(adapter.uri).predict(rows) == as_json(rows)


class Given(DataSource):
    inputs: Any
    targets: Any = None
    test_size: float = 0

    def read(self) -> Sample:
        return self.hold_out(self.inputs, self.targets)


TEXTS = ["good day", "bad day", "nice one", "awful one"] * 2


@pytest.mark.parametrize("name", ["text", None])
@pytest.mark.slow
def test_a_text_classifier_that_was_fitted_to_a_series_gets_one(name: str | None) -> None:
    texts = pd.Series(TEXTS, name=name)
    classifier = make_pipeline(CountVectorizer(), LogisticRegression())
    parts = steps(
        data=Given(inputs=texts, targets=np.array(["pos", "neg"] * 4)),
        model=SklearnModel(estimator=classifier),
        saver=CustomSaver(pip_requirements=["scikit-learn"]),
    )
    receipt = publish(**parts)
    adapter = CustomLoader().load(f"models:/sums/{receipt.version}")
    plain = mlflow.pyfunc.load_model(adapter.uri).predict(texts.to_frame())
    assert list(plain) == list(adapter.predict(texts).prediction) == ["pos", "neg"] * 4
    with pytest.raises(SignError, match="got a Series, but BuiltinSaver saves a model that gets"):
        publish(**{**parts, "saver": BuiltinSaver(pip_requirements=["scikit-learn"])})


@pytest.mark.parametrize("inputs", [{"a": [1, 2], "b": ["x", "y"]}, {"a": 1}, "text"], ids=str)
def test_other_forms_are_refused_before_the_model_is_saved(inputs: Any) -> None:
    with pytest.raises(SignError, match=f"the model got a {type(inputs).__name__}, but"):
        publish(**steps(data=Given(inputs=inputs), model=Counter()))


def test_arrays_in_records_are_stored_as_lists() -> None:
    rows = [{"a": np.zeros(2)}, {"a": np.ones(2)}]
    publish(**steps(data=Given(inputs=rows), model=Counter()))


def test_a_frame_becomes_records() -> None:
    frame = pd.DataFrame({"a": np.array([1, 2]), "b": [np.zeros(2), None]})
    assert to_records(frame) == [{"a": 1, "b": [0.0, 0.0]}, {"a": 2, "b": None}]
    assert to_records(pd.DataFrame({"n": pd.array([1, None], dtype="Int64")})) == [
        {"n": 1},
        {"n": None},
    ]
