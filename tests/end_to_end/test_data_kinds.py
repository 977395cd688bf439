"""Every kind of inputs and outputs: published and served alike everywhere, or refused before it is saved."""

from __future__ import annotations

import collections
import json
from itertools import product
from pathlib import Path
from typing import Any

import mlflow
import pytest
from starlette.testclient import TestClient

from kind_models import INPUTS, OUTPUTS, Answers, GivenData
from modelpact import publish
from modelpact.batch import Batch
from modelpact.datatypes import take_rows, to_json
from modelpact.errors import PactError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.savers import CustomSaver
from modelpact.serving import create_app
from tests.support.many_cases import check_all_cases
from tests.support.publishing import steps
from tests.support.stored_examples import invoke_both_servers

REFUSED_AT = {"read", "predict", "sign"}
"""The stages at which a kind may be refused; nothing is saved before."""

# Plain MLflow rejects a Categorical in Python; in JSON it is text.
NOT_IN_PLAIN_MLFLOW = {"categories"}

# MLflow's server writes NaN, which is not JSON, base64 in lines, and datetimes in an array as
# nanoseconds.
OTHER_JSON = {"NaN", "bytes", "datetime array"}

# A batch needs one prediction per row.
NOT_IN_BATCHES = {"one text", "one number", "one dict"}

# The signature says datetime, and so does the file.
OTHER_IN_BATCHES = {"dates"}


def check_served(adapter: Adapter, kind: str, outputs: str) -> None:
    """Check that Python, plain MLflow and both servers agree on the data and on the example."""
    inputs = INPUTS[kind]()
    expected = adapter.predict(inputs).prediction
    if kind not in NOT_IN_PLAIN_MLFLOW:
        plain = mlflow.pyfunc.load_model(adapter.uri).predict(inputs)
        assert to_json(plain) == to_json(expected)
    one = adapter.predict(take_rows(inputs, [0])).prediction
    assert to_json(one) == to_json(take_rows(expected, [0]))
    if outputs not in NOT_IN_BATCHES:
        check_batch(adapter, kind, outputs, expected)
    with TestClient(create_app(adapter)) as server:
        ours, theirs = invoke_both_servers(adapter, server)
    if outputs not in OTHER_JSON:
        assert ours == theirs


def check_batch(adapter: Adapter, kind: str, outputs: str, expected: Any) -> None:
    """Check that a batch writes the predictions that Python gets."""
    out = Path("out.jsonl")
    Batch(GivenData(kind=kind), adapter, CustomLoader(), adapter.uri, out, overwrite=True).run()
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    if outputs in OTHER_IN_BATCHES:
        assert lines == [{"prediction": "2024-05-06T00:00:00"}] * len(lines)
        return
    rows = _json_rows(to_json(expected))
    # A prediction without names of its own is in one column.
    assert lines == rows or [list(line.values()) for line in lines] == [[row] for row in rows]


def _json_rows(prediction: Any) -> list[Any]:
    if isinstance(prediction, list):
        return prediction
    return [
        dict(zip(prediction, row, strict=True)) for row in zip(*prediction.values(), strict=True)
    ]


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
        check_served(CustomLoader().load(f"models:/{name}/1"), inputs, outputs)
        return
    stage = "" if refusal.receipt is None else str(refusal.receipt.stage)
    assert stage in REFUSED_AT, str(refusal)
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
