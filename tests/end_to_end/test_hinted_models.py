"""Models with type hints get the objects that their hints name, wherever they are called."""

from __future__ import annotations

import json
import warnings
from typing import Any

import mlflow
import pandas as pd
import pytest
from starlette.testclient import TestClient

import hinted_models as kinds
from modelpact import datatypes, publish
from modelpact._internal.mlflow_compat import invoke_scoring_server
from modelpact.data import InlineData
from modelpact.errors import InputsError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.models import Model
from modelpact.models.row_objects import call_predict
from modelpact.savers import CustomSaver
from modelpact.serving import create_app
from modelpact.signature import to_spec
from modelpact.signers import TypeHintSigner
from modelpact.tracking import SqliteTracking
from tests.support.publishing import steps

PAPER = {
    "title": "On contracts",
    "authors": [{"name": "A", "born": "1990-01-02"}, {"name": "B"}],
    "origin": {"x": 1},
    "by_kind": {"editor": {"name": "C"}},
    "either": "x",
}
CASES: list[tuple[Model, list[Any], Any, list[Any], Any]] = [
    (
        kinds.Objects(),
        [{"w": 2.0}],
        {"w": "double"},
        [{"w": 2.0, "area": 4.0}],
        {"w": "2"},
    ),
    (
        kinds.Aliases(),
        [{"firstName": "ada"}],
        {"firstName": "string"},
        [{"first": "ADA"}],
        {"first": "ada"},
    ),
    (kinds.Wires(), [{"A": 1, "hidden": "x"}], {"A": "long", "hidden": "string"}, [{"aOut": 1}], 7),
    (kinds.Roots(), [[1, 2], [3]], ["long"], [[1, 2, 3], [3, 3]], ["1"]),
    (
        kinds.Choices(),
        [{"c": "r", "mode": "fast", "member": "r"}],
        {"c": "string", "mode": "string", "member": "string"},
        ["g"],
        {"c": "r", "mode": "middling", "member": "r"},
    ),
    (
        kinds.Days(),
        [{"day": "2020-02-28", "at": "2020-01-01T10:00:00"}],
        {"day": "datetime", "at": "datetime"},
        [{"day": "2020-02-29", "at": "2020-01-01T10:00:00"}],
        {"day": "tomorrow", "at": "2020-01-01"},
    ),
    (kinds.Constrained(), [{"a": [1, 2]}], {"a": ["long"]}, [3], {"a": [0]}),
    (
        kinds.Messages(),
        [{"role": "user", "content": "hi", "name": "x"}, {"role": "user", "content": "ho"}],
        {"role": "string", "content": "string", "name?": "string"},
        [{"role": "user", "content": "HI"}, {"role": "user", "content": "HO"}],
        {"role": "robot", "content": "hi"},
    ),
    (
        kinds.Points(),
        [{"x": 1, "label": "a"}, {"x": 2}],
        {"x": "long", "label?": "string"},
        [{"x": 2, "label": "a"}, {"x": 3, "label": None}],
        {"x": "1"},
    ),
    (
        kinds.Papers(),
        [PAPER],
        None,
        [{"A": {"name": "A", "born": "1990-01-02"}, "B": {"name": "B", "born": None}}],
        {**PAPER, "authors": [{"name": 1}]},
    ),
    (kinds.Dates(), ["2020-01-02"], "datetime", [2020], "soon"),
    (kinds.Colors(), ["r", "g"], "string", ["RED", "GREEN"], "b"),
    (kinds.Texts(), ["abc"], "string", [3], "a"),
    (kinds.Blobs(), [b"hi"], "binary", [2], 7),
    (kinds.Pictures(), [{"picture": b"hi"}], {"picture": "binary"}, [{"picture": "aGk="}], {}),
    (
        kinds.Headers(),
        [{"magic": b"png", "end": b"end"}],
        {"magic": "binary", "end": "binary"},
        ["PNG"],
        {"magic": "anBn", "end": "ZW5k"},
    ),
    (kinds.Lists(), [[{"w": 1.0}, {"w": 2.0}]], [{"w": "double"}], [3.0], [{"w": None}]),
]


def publish_hinted(model: Model, rows: list[Any]) -> tuple[Adapter, str]:
    data = InlineData(inputs=rows, form="records", test_size=0)
    saver = CustomSaver(pip_requirements=["pydantic"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        receipt = publish(
            **steps(model=model, data=data, signer=TypeHintSigner(), saver=saver, name=model.KIND)
        )
    assert not [str(item.message) for item in caught if item.category is UserWarning]
    assert all(check.ok for check in receipt.checks)
    uri = f"models:/{model.KIND}/{receipt.version}"
    with SqliteTracking().open():
        return CustomLoader().load(uri), uri


def to_json(value: Any) -> Any:
    """Return a prediction as JSON text has it."""
    return json.loads(json.dumps(datatypes.to_json(value)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "rows", "spec", "predictions", "bad"), CASES, ids=[case[0].KIND for case in CASES]
)
def test_every_kind_of_hint_is_honoured_everywhere(
    model: Model, rows: list[Any], spec: Any, predictions: list[Any], bad: Any
) -> None:
    adapter, uri = publish_hinted(model, rows)
    if spec is not None:
        assert to_spec(adapter.signature)["inputs"] == [spec]
    with SqliteTracking().open():
        plain = mlflow.pyfunc.load_model(uri)
    assert to_json(adapter.predict(rows).prediction) == predictions
    assert to_json(plain.predict(rows)) == predictions

    example = adapter.pyfunc.metadata.get_serving_input(str(adapter.folder)) or ""
    with TestClient(create_app(adapter)) as client:
        for body in (example, json.dumps({"inputs": json.loads(example)["inputs"]})):
            theirs = invoke_scoring_server(plain, body)
            # MLflow ends base64 text with a line break.
            assert json.loads(theirs.response.replace("\\n", ""))["predictions"] == predictions
            for path, key in (("/predict", "prediction"), ("/invocations", "predictions")):
                ours = client.post(path, content=body, headers={"content-type": "application/json"})
                assert ours.json().get(key) == predictions, (path, ours.json())
        refused = client.post("/predict", json={"inputs": [bad]})
        assert refused.status_code == 422, refused.json()
    with pytest.raises(InputsError):
        adapter.predict([bad])
    with pytest.raises(ValueError, match="violate the signature"):
        plain.predict([bad])


@pytest.mark.parametrize("model", [kinds.Learner(), kinds.FrameLearner()], ids=["objects", "frame"])
@pytest.mark.slow
def test_every_method_gets_the_objects_of_predict(model: Model) -> None:
    adapter, uri = publish_hinted(model, [{"w": 1.0}, {"w": 2.0}])
    with SqliteTracking().open():
        plain = mlflow.pyfunc.load_model(uri)
    predictions = [{"w": 4.0, "area": 16.0}]
    assert to_json(adapter.predict([{"w": 1.0}]).prediction) == predictions
    assert to_json(plain.predict([{"w": 1.0}])) == predictions
    assert "".join(adapter.predict_stream([{"w": 1.0}])) == "1 "
    # MLflow itself cannot check objects in streams.
    stored = plain.unwrap_python_model()
    assert "".join(stored.predict_stream(None, pd.DataFrame({0: [{"w": 1.0}]}))) == "1 "
    replaced = adapter.predict([{"w": -2.0}])
    assert to_json(replaced.prediction) == [{"w": 2.0, "area": 4.0}]
    assert replaced.metadata["fallback"] == "RuntimeError: negative"
    with TestClient(create_app(adapter)) as client:
        response = client.post("/predict", json={"inputs": [{"w": -2}]})
        assert response.json()["prediction"] == [{"w": 2.0, "area": 4.0}]
        stream = client.post("/predict/stream", json={"inputs": [{"w": 1.5}]})
        assert '{"text": "1.5 "}' in stream.text or '{"text":"1.5 "}' in stream.text
    with pytest.raises(InputsError, match=r"expected double, got str .1."):
        "".join(adapter.predict_stream([{"w": "1"}]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "rows", "predictions", "bad"),
    [(case[0], case[1], case[3], case[4]) for case in CASES],
    ids=[case[0].KIND for case in CASES],
)
def test_mlflows_policy(model: Model, rows: list[Any], predictions: list[Any], bad: Any) -> None:
    with SqliteTracking().open():
        signature = TypeHintSigner().sign(rows, call_predict(model, rows), model=model)
        info = CustomSaver(pip_requirements=["pydantic"]).save(model, signature, rows)
        adapter = CustomLoader(policy="mlflow").load(info.model_uri)
    assert to_json(adapter.predict(rows).prediction) == predictions
    with pytest.raises(InputsError):
        adapter.predict([bad])
