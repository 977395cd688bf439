"""Stored models for the tests of the server, and a client for them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from starlette.testclient import TestClient

from modelpact.loaders import Adapter, CustomLoader
from modelpact.models import SklearnModel
from modelpact.savers import CustomSaver
from modelpact.serving import Limits, create_app
from modelpact.signature import infer, parse
from modelpact.signers import TypeHintSigner
from modelpact.tracking import SqliteTracking
from serving_models import Flat, Nested, Scripted, Summing, Sums
from tests.support.chat_models import chat
from tiny_models import Hinted

NESTED = {
    "inputs": {
        "name": "string",
        "tags": ["string"],
        "scores": {"*": "double"},
        "home": {"city": "string", "zip?": "long"},
        "born?": "datetime",
        "lucky?": ["long"],
    },
    "outputs": {
        "name": "string",
        "total": "double",
        "tags": ["string"],
        "scores": {"*": "double"},
        "city?": "string",
    },
    "params": {"factor": "double = 1.0", "labels": '[string] = ["a", "b"]'},
}

PERSON = {
    "name": "Anne",
    "tags": ["a", "b"],
    "scores": {"x": 1.5, "y": 2.0},
    "home": {"city": "Graz", "zip": 8010},
    "lucky": [3, 7],
}


HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


def save_and_load(model: Any, signature: Any, example: Any) -> Adapter:
    """A model, saved into a store in this folder, and loaded back."""
    with SqliteTracking().open():
        info = CustomSaver(pip_requirements=["numpy"]).save(model, signature, example)
        return CustomLoader().load(info.model_uri)


def table() -> Adapter:
    """A ridge regression of three columns, one of them of integers."""
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.5, 4.0], "b": [3.0, 4.0, 9.0, 1.0], "n": [1, 2, 3, 4]})
    answers = np.array([1.0, 2.0, 3.0, 5.0])
    model = SklearnModel(estimator=Ridge())
    model.fit(rows, answers)
    return save_and_load(model, infer(rows, answers), rows.head(2))


def tensor() -> Adapter:
    """Two named tensors."""
    signature = parse(
        {
            "inputs": {"left": "float64[-1, 2]", "right": "float64[-1, 2]"},
            "outputs": "float64[-1, 2]",
        }
    )
    return save_and_load(
        Sums(), signature, {"left": np.ones((2, 2)), "right": np.full((2, 2), 2.0)}
    )


def nested() -> Adapter:
    """Objects, arrays, maps, optional columns, params."""
    return save_and_load(Nested(), parse(NESTED), ([PERSON], {"factor": 2.0}))


def hinted() -> Adapter:
    """Pydantic objects."""
    example = [{"a": 1.0, "b": 2.0}]
    return save_and_load(Hinted(), TypeHintSigner().sign(example, [3.0], model=Hinted()), example)


def scripted() -> Adapter:
    """A model that does as it is scripted."""
    signature = parse({"inputs": {"do": "string", "n": "long"}, "outputs": ["double"]})
    return save_and_load(Scripted(), signature, pd.DataFrame({"do": ["answer"], "n": [1]}))


def flat() -> Adapter:
    """A tensor without a name."""
    return save_and_load(
        Flat(), parse({"inputs": "float64[-1, 2]", "outputs": "float64[-1]"}), np.ones((2, 2))
    )


def digits() -> Adapter:
    """Images."""
    return save_and_load(
        Flat(),
        parse({"inputs": "float32[-1, 8, 8]", "outputs": "float64[-1]"}),
        np.ones((2, 8, 8), "float32"),
    )


def summing() -> Adapter:
    """A model that returns fewer predictions than rows."""
    return save_and_load(
        Summing(),
        parse({"inputs": {"a": "double"}, "outputs": "float64[-1]"}),
        pd.DataFrame({"a": [1.0]}),
    )


def make_chat_adapter(server: Any, **settings: Any) -> Adapter:
    """A chat model of a server."""
    signature = parse(
        {
            "inputs": {"messages": [{"role": "string", "content": "string"}]},
            "outputs": {"response": "string"},
            "params": {"temperature": "double = 1.0"},
        }
    )
    with SqliteTracking().open():
        info = CustomSaver(pip_requirements=["openai"]).save(
            chat(server, max_retries=0, **settings), signature, [HELLO]
        )
        return CustomLoader().load(info.model_uri)


def create_client(adapter: Adapter, **limits: Any) -> TestClient:
    """A client in this process, to which a fault of the server is a 500."""
    return TestClient(create_app(adapter, Limits(**limits)), raise_server_exceptions=False)


def post(
    client: TestClient, path: str, body: Any, kind: str | None = "application/json", **headers: str
) -> Any:
    """The response to a body: bytes and texts as they are, everything else as JSON."""
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    sent = {} if kind is None else {"content-type": kind}
    return client.post(path, content=content, headers=sent | headers)
