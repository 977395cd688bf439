"""Every kind of inputs and outputs: published and served alike everywhere, or refused before it is saved."""

from __future__ import annotations

import collections
import json
from itertools import product
from typing import Any

import mlflow
import pytest
from starlette.testclient import TestClient

from kind_models import INPUTS, OUTPUTS, Answers, GivenData
from modelpact import publish
from modelpact._internal import mlflow_compat
from modelpact.datatypes import diff_values, take_rows, to_json
from modelpact.errors import PactError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.savers import CustomSaver
from modelpact.serving import create_app
from tests.support.many_cases import check_all_cases
from tests.support.publishing import steps

REFUSED_AT = {"read", "predict", "sign"}
"""The stages at which a kind may be refused; nothing is saved before."""

# MLflow's server cannot send these predictions, so they fail a check and are not registered.
NOT_SENT = {"sparse", "complex"}


def check_served(adapter: Adapter, kind: str) -> None:
    """Check that Python, plain MLflow and both servers agree on the data and on the example."""
    inputs = INPUTS[kind]()
    expected = adapter.predict(inputs).prediction
    plain = mlflow.pyfunc.load_model(adapter.uri).predict(inputs)
    assert to_json(plain) == to_json(expected)
    one = adapter.predict(take_rows(inputs, [0])).prediction
    assert diff_values(to_json(one), to_json(expected)[:1], rtol=0, atol=0) == "" or isinstance(
        one, dict
    )
    example = adapter.pyfunc.metadata.get_serving_input(str(adapter.folder))
    assert example is not None
    theirs = mlflow_compat.invoke_scoring_server(adapter.pyfunc, example)
    assert theirs.status == 200, theirs.response
    headers = {"content-type": "application/json"}
    with TestClient(create_app(adapter)) as server:
        ours = server.post("/invocations", content=example, headers=headers)
        assert ours.status_code == 200, ours.text
        documented = server.get("/openapi.json").json()["paths"]["/predict"]["post"]
        body = documented["requestBody"]["content"]["application/json"].get("example")
        if body is not None:
            response = server.post("/predict", json=body)
            assert response.status_code == 200, response.text
    if kind_is_comparable(expected):
        assert ours.json() == json.loads(theirs.response)


def kind_is_comparable(prediction: Any) -> bool:
    """Return whether JSON has one form of a prediction: MLflow's server has others for bytes."""
    return "base64" not in repr(prediction) and "b'" not in repr(prediction)


def check_pair(inputs: str, outputs: str, counts: collections.Counter[str]) -> None:
    """Publish one kind of inputs with one kind of outputs, and check the result."""
    name = f"{inputs}-{outputs}".replace(" ", "-")
    parts = steps(
        data=GivenData(kind=inputs),
        model=Answers(kind=outputs),
        saver=CustomSaver(pip_requirements=["pandas"]),
        name=name,
    )
    refusal: PactError | None = None
    try:
        publish(**parts)
    except PactError as error:
        refusal = error
    if refusal is None:
        counts["published"] += 1
        check_served(CustomLoader().load(f"models:/{name}/1"), inputs)
        return
    stage = "" if refusal.receipt is None else str(refusal.receipt.stage)
    assert stage in REFUSED_AT or (stage == "verify" and outputs in NOT_SENT), str(refusal)
    counts[f"refused at {stage}"] += 1


def check_pairs(pairs: list[tuple[str, str]]) -> None:
    counts: collections.Counter[str] = collections.Counter()
    check_all_cases(
        lambda pair: check_pair(*pair, counts),
        {f"{inputs} -> {outputs}": (inputs, outputs) for inputs, outputs in pairs},
    )
    print(f"{len(pairs)} pairs: {dict(counts)}")  # noqa: T201


@pytest.mark.slow
def test_every_kind_once() -> None:
    check_pairs(
        [(kind, "floats") for kind in INPUTS] + [("mixed columns", kind) for kind in OUTPUTS]
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("inputs", INPUTS)
def test_every_pair_of_kinds(inputs: str) -> None:
    check_pairs(list(product([inputs], OUTPUTS)))
