"""MLflow's scoring server and ours, side by side: the same model gets the same requests.

The differences are those of `REASONS`, and each is where a case says it is.
"""

from __future__ import annotations

import collections
import datetime
import functools
import io
import json
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from mlflow.models import ModelSignature
from mlflow.pyfunc import scoring_server
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from pydantic import BaseModel
from starlette.testclient import TestClient

from modelpact.loaders import Adapter
from modelpact.serving import create_app
from modelpact.serving.comparison import iter_cells
from modelpact.serving.parity import compare, generate_payloads
from modelpact.signature import parse
from tests.support.echo_model import echo_adapter
from tests.support.paths import ROOT
from tests.support.scoring_payloads import REASONS, TABLE, Case, scoring_cases
from tests.support.served_models import create_client, table
from tests.support.serving_process import start_server

CASES = {case.name: case for case in scoring_cases()}

EXPECTED_STATUSES = {
    "nonfinite": {(200, 200)},
    "contract": {(4, 200)},
    "changed": {(4, 200), (200, 200)},
    "base64": {(4, 200), (200, 200)},
    "datetime": {(4, 200), (200, 200)},
    "mangled": {(200, 200)},
    "params": {(4, 200)},
    "strict": {(4, 200)},
    "more": {(200, 4)},
    "media": {(200, 4), (4, 5)},
}
"""Our status and MLflow's for each reason: 200, or the class of the error."""

Answer = tuple[int, Any]
"""The status, or the class of an error, and the response."""


class TypedEcho:
    """Returns every cell of its inputs; bytes look unlike text."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        cells = dict(iter_cells(mark_bytes(inputs)))
        return {"inputs": cells, "params": dict(iter_cells(params or {}))}


def mark_bytes(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return f"bytes {bytes(value).hex()}"
    if isinstance(value, pd.DataFrame):
        return value.map(mark_bytes) if len(value) else value
    if isinstance(value, np.ndarray) and value.dtype.kind in "OS":
        return mark_bytes(value.tolist())
    if isinstance(value, dict):
        return {key: mark_bytes(item) for key, item in value.items()}
    return [mark_bytes(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.fixture(scope="module", autouse=True)
def unchanged_environment() -> Iterator[None]:
    """MLflow's server sets environment variables."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@functools.cache
def create_clients(signature: str) -> tuple[TestClient, TestClient]:
    """Return clients of our server and of MLflow's, of one model."""
    adapter = echo_adapter(parse(json.loads(signature)), TypedEcho())
    return connect(adapter)


def connect(adapter: Adapter) -> tuple[TestClient, TestClient]:
    apps = create_app(adapter), scoring_server.init(adapter.pyfunc)
    ours, theirs = (TestClient(app, raise_server_exceptions=False) for app in apps)
    return ours, theirs


def send(client: TestClient, content: bytes, media_type: str | None = "application/json") -> Answer:
    headers = {} if media_type is None else {"content-type": media_type}
    response = client.post("/invocations", content=content, headers=headers)
    if response.status_code != 200:
        return response.status_code // 100, None
    return 200, json.loads(response.content)


def send_to_both(case: Case) -> tuple[Answer, Answer]:
    ours, theirs = create_clients(json.dumps(case.signature))
    content = case.content()
    return send(ours, content, case.media_type), send(theirs, content, case.media_type)


def without_nonfinite(value: Any) -> Any:
    """Return a response of MLflow's server as JSON can represent it."""
    return json.loads(json.dumps(value), parse_constant=lambda name: None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_both_servers_respond_alike_or_for_a_listed_reason(name: str) -> None:
    case = CASES[name]
    ours, theirs = send_to_both(case)
    if not case.why:
        assert ours == theirs
        return
    assert ours != theirs, "the servers do not differ"
    assert (ours[0], theirs[0]) in EXPECTED_STATUSES[case.why], (ours, theirs)
    if case.why == "nonfinite":
        assert ours[1] == without_nonfinite(theirs[1])


def test_the_number_of_cases() -> None:
    count = collections.Counter(case.why for case in CASES.values())
    assert set(count) == {"", *REASONS}
    assert count[""] >= 230


def test_the_documentation_lists_the_reasons() -> None:
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8").replace("\\*", "*")
    lines = [line.removeprefix("- ").removesuffix(".").lower() for line in page.splitlines()]
    assert [why for why in REASONS.values() if why.lower() not in lines] == []


def parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


class Kind(BaseModel):
    name: str
    when: datetime.date


PREDICTIONS: list[tuple[str, Any, str]] = [
    ("array", np.array([1.5, 2.5]), ""),
    ("matrix", np.array([[1, 2], [3, 4]]), ""),
    ("array of text", np.array(["a", "b"]), ""),
    ("objects", np.array([1, "a", None], dtype=object), ""),
    ("list", [1, "a", None, [2.5]], ""),
    ("tuples", [(1, 2), (3, 4)], ""),
    ("text", "hello", ""),
    ("number", np.float64(1.5), ""),
    ("nothing but a boolean", np.bool_(True), ""),
    ("dict of arrays", {"x": np.array([1, 2]), "y": [np.int64(3)]}, ""),
    ("DataFrame", pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), ""),
    ("DataFrame with an index", pd.DataFrame({"a": [1, 2]}, index=["u", "v"]), ""),
    ("DataFrame with numbers as names", pd.DataFrame([[1, 2], [3, 4]]), ""),
    ("DataFrame without rows", pd.DataFrame({"a": []}), ""),
    ("DataFrame of lists", pd.DataFrame({"a": [[1, 2], [3]]}), ""),
    ("DataFrame of datetimes", pd.DataFrame({"a": pd.to_datetime(["2021-01-02"])}), ""),
    ("Series", pd.Series([1.5, 2.5]), ""),
    ("Series with a name", pd.Series(["a", "b"], name="label", index=[4, 5]), ""),
    ("Categorical Series", pd.Series(["a", "b"], dtype="category", name="label"), ""),
    ("objects of Pydantic", [Kind(name="a", when=datetime.date(2021, 1, 2))], ""),
    ("date", [datetime.date(2021, 1, 2), pd.Timestamp("2021-01-02T03:04:05")], ""),
    ("NaN", np.array([1.5, np.nan, np.inf]), "null"),
    ("NaN in a DataFrame", pd.DataFrame({"a": [1.5, np.nan]}), "null"),
    ("NaT", pd.DataFrame({"a": pd.to_datetime(["2021-01-02", "NaT"])}), "null"),
    ("bytes", [b"hi"], "base64"),
    ("long bytes", pd.DataFrame({"a": [b"x" * 100]}), "base64"),
    ("array of datetimes", np.array(["2021-01-02"], dtype="datetime64[ns]"), "text"),
    ("nullable integers", pd.DataFrame({"a": pd.array([1, 2], dtype="Int64")}), ""),
    ("Decimal", [Decimal("1.5")], "more"),
    ("timedelta", [datetime.timedelta(seconds=1)], "more"),
]
"""Predictions, and how the response differs from that of MLflow's server."""


class Returns:
    """Returns a given prediction."""

    def __init__(self, prediction: Any) -> None:
        self.prediction = prediction

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        return self.prediction


@pytest.mark.parametrize(
    ("name", "prediction", "how"), PREDICTIONS, ids=[p[0] for p in PREDICTIONS]
)
def test_both_servers_write_predictions_alike(name: str, prediction: Any, how: str) -> None:
    signature: ModelSignature = parse(TABLE)
    body = json.dumps({"inputs": [{"a": 1.5, "b": 2}]}).encode()
    ours, theirs = (
        send(client, body) for client in connect(echo_adapter(signature, Returns(prediction)))
    )
    assert ours[0] == 200
    if how == "more":
        assert theirs[0] == 5
        return
    mine, other = json.dumps(ours[1]), json.dumps(theirs[1])
    assert (mine == other) is (not how)
    if how == "base64":
        assert mine == other.replace("\\n", "")
    elif how == "null":
        assert ours[1] == without_nonfinite(json.loads(other.replace('"NaT"', "null")))


class Halves:
    """Returns a Series without a name."""

    def predict(self, inputs: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        return inputs["a"].rename(None) / 2


def test_a_series_is_the_same_prediction_everywhere() -> None:
    adapter = echo_adapter(parse({"inputs": {"a": "double"}, "outputs": ["double"]}), Halves())
    client, theirs = connect(adapter)
    body = {"inputs": [{"a": 3.0}, {"a": None}]}
    content = json.dumps(body).encode()
    answer = send(client, content)
    assert answer[1] == {"predictions": [{"0": 1.5}, {"0": None}]}
    assert answer[1] == without_nonfinite(send(theirs, content)[1])
    assert client.post("/predict", json=body).json()["prediction"] == [1.5, None]
    responses = client.get("/openapi.json").json()["paths"]["/invocations"]["post"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    Draft202012Validator(schema).validate(answer[1])
    found = compare(adapter, generate_payloads(adapter, 20))
    assert found.unexplained == []
    assert found.count_cells("invocations") > 0


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.5, 2.5], "b": [2, 3]}),
        pd.DataFrame({"b": [2, 3], "a": [1.5, 2.5], "z": ["q", "r"]}, index=["u", "v"]),
        pd.DataFrame({"a": [1.5]}),
        pd.DataFrame({"a": [1.5], "b": [2.5]}),
    ],
    ids=["rows", "index", "missing", "lossy"],
)
def test_parquet(frame: pd.DataFrame) -> None:
    ours, theirs = create_clients(json.dumps(TABLE))
    content, media_type = parquet(frame), "application/vnd.apache.parquet"
    assert send(ours, content, media_type) == send(theirs, content, media_type)


def test_integers_beside_nulls_of_parquet_keep_their_digits() -> None:
    ours, _ = create_clients(json.dumps({"inputs": {"n?": "long"}}))
    frame = pd.DataFrame({"n": pd.array([2**53 + 1, None], dtype="Int64")})
    answer = send(ours, parquet(frame), "application/vnd.apache.parquet")
    assert answer[1]["predictions"]["inputs"] == {"[0].n": 2**53 + 1, "[1].n": None}


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"a,b\n1,2\n", parquet(pd.DataFrame({"a": [1]}))[:-9]]
)
def test_malformed_parquet(content: bytes) -> None:
    client, _ = create_clients(json.dumps(TABLE))
    headers = {"content-type": "application/vnd.apache.parquet"}
    response = client.post("/invocations", content=content, headers=headers)
    assert (response.status_code, response.json()["error_code"]) == (400, "NOT_PARQUET")


@pytest.mark.parametrize(
    "create",
    [
        lambda: pd.DataFrame({"a": np.zeros(1_000_000), "b": np.zeros(1_000_000, dtype="int64")}),
        lambda: pd.DataFrame({"a": ["x" * 100_000] * 200}),
    ],
    ids=["one value", "one text"],
)
def test_parquet_that_is_larger_than_it_seems(create: Callable[[], pd.DataFrame]) -> None:
    client = create_client(echo_adapter(parse(TABLE)), max_bytes=1_000_000)
    content = parquet(create())
    assert len(content) < 1_000_000
    headers = {"content-type": "application/vnd.apache.parquet"}
    response = client.post("/invocations", content=content, headers=headers)
    assert (response.status_code, response.json()["error_code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.slow
def test_mlflows_client(tmp_path: Path) -> None:
    import mlflow

    model = table()
    with start_server(model.folder, tmp_path) as server:
        client = ScoringServerClient("127.0.0.1", server.port)
        client.wait_server_ready()
        assert client.get_version() == mlflow.__version__
        frame = pd.DataFrame({"a": [1.0, 2.5], "b": [3.0, 4.0], "n": [1, 2]})
        expected = model.predict(frame).prediction
        for data in (
            frame,
            frame.to_dict("records"),
            json.dumps({"inputs": frame.to_dict("list")}),
        ):
            answer = client.invoke(data).get_predictions()
            assert np.allclose(answer.to_numpy()[:, 0], expected)
        with pytest.raises(Exception, match="error code 422"):
            client.invoke(frame[["a"]])
