"""Models for the tests of the server, in a module of their own, so that they can be saved and loaded; and how to ask them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from chat_models import chat
from sklearn.linear_model import Ridge
from starlette.testclient import TestClient
from tiny_models import Hinted

from modelpact.loaders import Adapter, CustomLoader
from modelpact.models import Model, SklearnModel
from modelpact.savers import CustomSaver
from modelpact.serving import Limits, create_app
from modelpact.signature import infer, parse
from modelpact.signers import TypeHintSigner
from modelpact.tracking import SqliteTracking

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


class Nested(Model):
    """Answers with parts of what it was asked."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """A row for each row."""
        factor = (params or {}).get("factor") or 1.0
        rows = inputs.to_dict("records")
        return pd.DataFrame(
            {
                "name": [row["name"] for row in rows],
                "total": [factor * sum(row["scores"].values()) for row in rows],
                "tags": [list(row["tags"]) for row in rows],
                "scores": [dict(row["scores"]) for row in rows],
                "city": [row["home"]["city"] for row in rows],
            }
        )


class Told(Model):
    """Does what its first row says: sleeps, waits until a file is there, fails, or answers what it should not."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The sum of `n`, after what `do` says."""
        what = str(inputs["do"].iloc[0])
        if what.startswith("sleep"):
            time.sleep(float(what.removeprefix("sleep ")))
        if what.startswith("until"):
            end = time.monotonic() + 60
            while not Path(what.removeprefix("until ")).exists() and time.monotonic() < end:
                time.sleep(0.01)
        if what.startswith("fail"):
            raise RuntimeError(f"no good: {what}")
        if what == "lie":
            return ["CANARY"] * len(inputs)
        if what == "infinite":
            return np.array([np.inf, -np.inf, np.nan][: len(inputs)])
        return inputs["n"].to_numpy(dtype=float)


class Nulls(Model):
    """Answers where there is nothing."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """1 for a NaN, 0 for a number."""
        return inputs["a"].isna().to_numpy(dtype="int64")


class Sums(Model):
    """Answers two tensors with one."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The sum of both, `(n_rows, 2)`."""
        return inputs["left"] + inputs["right"]


class Flat(Sums):
    """Twice the sum of each row."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The answer, `(n_rows,)`."""
        return 2.0 * np.asarray(inputs, dtype=float).reshape(len(inputs), -1).sum(axis=1)


class Summing(Sums):
    """One answer for all rows."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        """The answer, `(1,)`."""
        return np.array([inputs["a"].sum()])


def stored(model: Any, signature: Any, example: Any) -> Adapter:
    """A model, saved into a store in this folder, and loaded back."""
    with SqliteTracking().open():
        info = CustomSaver(pip_requirements=["numpy"]).save(model, signature, example)
        return CustomLoader().load(info.model_uri)


def table() -> Adapter:
    """A ridge regression of three columns, one of them of whole numbers."""
    rows = pd.DataFrame({"a": [1.0, 2.0, 3.5, 4.0], "b": [3.0, 4.0, 9.0, 1.0], "n": [1, 2, 3, 4]})
    answers = np.array([1.0, 2.0, 3.0, 5.0])
    model = SklearnModel(estimator=Ridge())
    model.fit(rows, answers)
    return stored(model, infer(rows, answers), rows.head(2))


def tensor() -> Adapter:
    """Two named tensors."""
    signature = parse(
        {
            "inputs": {"left": "float64[-1, 2]", "right": "float64[-1, 2]"},
            "outputs": "float64[-1, 2]",
        }
    )
    return stored(Sums(), signature, {"left": np.ones((2, 2)), "right": np.full((2, 2), 2.0)})


def nested() -> Adapter:
    """Objects, arrays, maps, optional columns, params."""
    return stored(Nested(), parse(NESTED), ([PERSON], {"factor": 2.0}))


def hinted() -> Adapter:
    """Pydantic objects."""
    example = [{"a": 1.0, "b": 2.0}]
    return stored(Hinted(), TypeHintSigner().sign(example, [3.0], model=Hinted()), example)


def told() -> Adapter:
    """A model that does as it is told."""
    signature = parse({"inputs": {"do": "string", "n": "long"}, "outputs": ["double"]})
    return stored(Told(), signature, pd.DataFrame({"do": ["answer"], "n": [1]}))


def flat() -> Adapter:
    """A tensor without a name."""
    return stored(
        Flat(), parse({"inputs": "float64[-1, 2]", "outputs": "float64[-1]"}), np.ones((2, 2))
    )


def digits() -> Adapter:
    """Images."""
    return stored(
        Flat(),
        parse({"inputs": "float32[-1, 8, 8]", "outputs": "float64[-1]"}),
        np.ones((2, 8, 8), "float32"),
    )


def summing() -> Adapter:
    """A model that does not answer each row."""
    return stored(
        Summing(),
        parse({"inputs": {"a": "double"}, "outputs": "float64[-1]"}),
        pd.DataFrame({"a": [1.0]}),
    )


def talker(server: Any, **settings: Any) -> Adapter:
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


def client(adapter: Adapter, **limits: Any) -> TestClient:
    """A client in this process, to which a fault of the server is a 500."""
    return TestClient(create_app(adapter, Limits(**limits)), raise_server_exceptions=False)


def asked(
    client: TestClient, path: str, body: Any, kind: str | None = "application/json", **headers: str
) -> Any:
    """The response to a body: bytes and texts as they are, everything else as JSON."""
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    sent = {} if kind is None else {"content-type": kind}
    return client.post(path, content=content, headers=sent | headers)
