from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from fastapi import FastAPI
from pytest_mock import MockerFixture
from starlette.testclient import TestClient

from modelpact.loaders import Adapter
from modelpact.serving import Limits, create_app, create_router
from modelpact.serving.http_errors import STATUS_DESCRIPTIONS
from modelpact.signature import digest, parse
from serving_models import Nulls
from tests.support.fake_chat_server import ChatServer, answer, status
from tests.support.served_models import HELLO, PERSON, create_client, post, save_and_load

ROW = {"a": 1.0, "b": 3.0, "n": 1}
QUICK = {"do": "answer", "n": 1}


def failures(response: Any) -> list[tuple[str, str, int | None]]:
    """Where a request breaks the contract."""
    body = response.json()
    assert response.status_code == 422, body
    assert body["error_code"] == "INPUTS_BREAK_CONTRACT"
    assert body["total"] >= len(body["failures"]) > 0
    return [(each["code"], each["path"], each["row"]) for each in body["failures"]]


def test_a_table_returns_prediction_and_metadata(table: Adapter) -> None:
    response = post(create_client(table), "/predict", {"inputs": [ROW, ROW]})
    assert response.status_code == 200
    wanted = table.predict([ROW, ROW]).prediction.tolist()
    assert response.json()["prediction"] == pytest.approx(wanted)
    assert response.json()["metadata"]["signature_digest"] == digest(table.signature)


def test_tensors_are_nested_lists(tensor: Adapter) -> None:
    http = create_client(tensor)
    response = post(http, "/predict", {"inputs": {"left": [[1, 2]], "right": [[0.5, 0.25]]}})
    assert response.json()["prediction"] == [[1.5, 2.25]]
    assert failures(post(http, "/predict", {"inputs": {"left": [[1, 2]]}}))[0][:2] == (
        "MISSING_COLUMN",
        "right",
    )
    assert post(http, "/predict", {"inputs": [[1, 2]]}).status_code == 422


def test_nested_values_and_params(nested: Adapter) -> None:
    http = create_client(nested)
    response = post(
        http, "/predict", {"inputs": [PERSON], "params": {"factor": 3.0, "labels": ["c"]}}
    )
    wanted = {
        "name": "Anne",
        "total": 10.5,
        "tags": ["a", "b"],
        "scores": {"x": 1.5, "y": 2.0},
        "city": "Graz",
    }
    assert response.json()["prediction"] == [wanted]
    least = {key: value for key, value in PERSON.items() if key != "lucky"} | {
        "home": {"city": "Wien"}
    }
    rows = [least, PERSON | {"born": "1990-05-04"}]
    assert (
        post(http, "/predict", {"inputs": rows, "params": None}).json()["prediction"][0]["city"]
        == "Wien"
    )


def test_every_violation_is_reported_with_its_path(nested: Adapter) -> None:
    broken = PERSON | {"tags": ["a", 7], "home": {"zip": "x"}, "lucky": [1, 2.5]}
    response = post(
        create_client(nested),
        "/predict",
        {"inputs": [PERSON, broken], "params": {"factor": "much"}},
    )
    assert failures(response) == [
        ("WRONG_TYPE", "tags[1]", 1),
        ("MISSING_PROPERTY", "home.city", 1),
        ("WRONG_TYPE", "home.zip", 1),
        ("LOSSY", "lucky[1]", 1),
        ("WRONG_TYPE", "factor", None),
    ]
    assert response.json()["message"] == "the request violates the signature in 5 places"


def test_unknown_keys_are_not_shown_in_paths(nested: Adapter) -> None:
    http = create_client(nested)
    made_up = PERSON | {
        "scores": {"anne@example.com": "x"},
        "home": {"city": "Graz", "anne@example.com": 1},
    }
    response = post(http, "/predict", {"inputs": [made_up], "params": {"anne@example.com": 1}})
    assert [path for _, path, _ in failures(response)] == ["scores.*", "home", "params"]
    assert "anne" not in response.text


def test_pydantic_objects(hinted: Adapter) -> None:
    http = create_client(hinted)
    assert post(http, "/predict", {"inputs": [{"a": 1, "b": 2.5}]}).json()["prediction"] == [3.5]
    assert failures(post(http, "/predict", {"inputs": [{"a": 1}]}))
    assert failures(post(http, "/predict", {"inputs": [{"a": 1, "b": "x"}]}))


def test_infinity_and_nan(scripted: Adapter, table: Adapter) -> None:
    """Requests with them are rejected, and responses contain null instead."""
    for word in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999"):
        response = post(
            create_client(table), "/predict", f'{{"inputs":[{{"a":{word},"b":1,"n":1}}]}}'
        )
        assert (response.status_code, response.json()["error_code"]) == (400, "NOT_JSON"), word
    rows = [{"do": "infinite", "n": 1}] * 3
    assert post(create_client(scripted), "/predict", {"inputs": rows}).json()["prediction"] == [
        None,
        None,
        None,
    ]
    assert post(create_client(scripted), "/invocations", {"inputs": rows}).json() == {
        "predictions": [None, None, None]
    }


def test_null_is_nan_in_a_column_of_doubles() -> None:
    adapter = save_and_load(
        Nulls(), parse({"inputs": {"a": "double"}, "outputs": ["long"]}), pd.DataFrame({"a": [1.0]})
    )
    http = create_client(adapter)
    assert post(http, "/predict", {"inputs": [{"a": None}, {"a": 1}]}).json()["prediction"] == [
        1,
        0,
    ]
    assert post(http, "/invocations", "a\n1\nnan\n", "text/csv").json()["predictions"] == [0, 1]


def test_500_if_the_prediction_violates_the_contract(
    scripted: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/predict", "/invocations"):
        response = post(create_client(scripted), path, {"inputs": [{"do": "lie", "n": 1}]})
        assert (response.status_code, response.json()["error_code"]) == (
            500,
            "OUTPUTS_BREAK_CONTRACT",
        )
    assert "WRONG_TYPE at" in caplog.text
    assert "CANARY" not in caplog.text + response.text


def test_502_if_the_model_fails(scripted: Adapter, caplog: pytest.LogCaptureFixture) -> None:
    response = post(
        create_client(scripted), "/predict", {"inputs": [{"do": "fail CANARY", "n": 1}]}
    )
    assert response.status_code == 502
    assert response.json() == {
        "error_code": "MODEL_FAILED",
        "message": "the model raised on valid inputs",
    }
    assert "RuntimeError at" in caplog.text  # for the operator: what failed, and where
    assert "serving_models.py:" in caplog.text
    assert "CANARY" not in caplog.text


def test_500_if_the_server_has_a_bug(
    table: Adapter, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    fault = UnicodeDecodeError(
        "utf-8", b"CANARY", 0, 1, "CANARY"
    )  # an error that cannot be constructed from a text
    mocker.patch.object(table, "predict", side_effect=fault)
    response = post(create_client(table), "/predict", {"inputs": [ROW]})
    assert (response.status_code, response.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "UnicodeDecodeError at" in caplog.text
    assert "CANARY" not in caplog.text + response.text


def test_the_metadata_of_a_fallback_name_only_the_error_class(
    scripted: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(scripted.model),
        "fallback",
        lambda self, inputs, params, error: [0.0] * len(inputs),
        raising=False,
    )
    response = post(
        create_client(scripted), "/predict", {"inputs": [{"do": "fail CANARY", "n": 1}]}
    )
    assert response.json()["metadata"]["fallback"] == "RuntimeError"
    assert "CANARY" not in response.text


def test_503_above_max_concurrency(scripted: Adapter, tmp_path: Path) -> None:
    app = create_app(scripted, Limits(max_concurrency=2))
    held = {"inputs": [{"do": f"until {tmp_path / 'go'}", "n": 1}]}
    with TestClient(app) as http:
        slow = threading.Thread(target=post, args=(http, "/predict", held))
        slow.start()
        wait_for_work(http, 1)
        assert post(http, "/predict", {"inputs": [QUICK]}).status_code == 200
        assert http.get("/health").json()["in_progress"] == 1
        second = threading.Thread(target=post, args=(http, "/predict", held))
        second.start()
        wait_for_work(http, 2)
        refused = post(http, "/predict", {"inputs": [QUICK]})
        assert (
            refused.status_code,
            refused.json()["error_code"],
            refused.headers["retry-after"],
        ) == (503, "BUSY", "1")
        assert http.get("/ping").status_code == 200
        (tmp_path / "go").touch()
        slow.join()
        second.join()
        health = http.get("/health").json()
        assert (health["status"], health["in_progress"], health["max_concurrency"]) == ("ok", 0, 2)
        assert post(http, "/predict", {"inputs": [QUICK]}).status_code == 200


def wait_for_work(http: TestClient, number: int) -> None:
    end = time.monotonic() + 10
    while http.get("/health").json()["in_progress"] != number:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_504_keeps_the_slot_until_the_model_returns(
    scripted: Adapter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with TestClient(create_app(scripted, Limits(max_concurrency=1, timeout=0.5))) as http:
        late = post(http, "/predict", {"inputs": [{"do": f"until {tmp_path / 'go'}", "n": 1}]})
        assert (late.status_code, late.json()["error_code"]) == (504, "MODEL_TOO_SLOW")
        assert post(http, "/predict", {"inputs": [QUICK]}).status_code == 503
        (tmp_path / "go").touch()
        wait_for_work(http, 0)
        assert post(http, "/predict", {"inputs": [QUICK]}).status_code == 200
    assert "did not respond within 0.5 s" in caplog.text


def test_a_failing_chat_server_is_502(
    make_chat_adapter: Callable[..., Adapter], caplog: pytest.LogCaptureFixture
) -> None:
    with ChatServer(
        [
            answer("hello"),
            status(
                400, {"error": {"message": "CANARY", "type": None, "param": None, "code": None}}
            ),
        ]
    ) as server:
        http = create_client(make_chat_adapter(server))
        assert post(http, "/predict", {"inputs": [HELLO]}).json()["prediction"] == [
            {"response": "hello"}
        ]
        failed = post(http, "/predict", {"inputs": [HELLO]})
    assert (failed.status_code, failed.json()["error_code"]) == (502, "UPSTREAM_FAILED")
    assert "CANARY" not in failed.text + caplog.text


def test_metrics_count_requests_by_path_and_status(table: Adapter) -> None:
    http = create_client(table)
    post(http, "/predict", {"inputs": [ROW]})
    post(http, "/predict", "x")
    post(http, "/invocations", {"inputs": [ROW]})
    text = http.get("/metrics").text
    assert 'modelpact_requests_total{path="/predict",status="200"} 1.0' in text
    assert 'modelpact_requests_total{path="/predict",status="400"} 1.0' in text
    assert 'modelpact_request_seconds_count{path="/invocations"} 1.0' in text
    assert "modelpact_requests_in_progress 0.0" in text


def test_information_routes(table: Adapter) -> None:
    http = create_client(table)
    assert (http.get("/ping").status_code, http.get("/ping").text) == (200, "\n")
    assert http.get("/version").text == mlflow.__version__
    assert http.get("/health").json()["model"] == table.uri
    assert http.get("/signature").json()["digest"] == digest(table.signature)
    assert (http.get("/predict").status_code, http.get("/nothing").status_code) == (405, 404)


def test_two_models_in_a_user_application(table: Adapter, nested: Adapter) -> None:
    app = FastAPI()
    app.include_router(create_router(table, Limits(max_bytes=100)), prefix="/houses")
    app.include_router(create_router(nested), prefix="/people")
    http = TestClient(app)
    assert post(http, "/houses/predict", {"inputs": [ROW]}).status_code == 200
    assert post(http, "/people/predict", {"inputs": [PERSON]}).status_code == 200
    assert post(http, "/houses/predict", {"inputs": [ROW] * 10}).status_code == 413
    names = [
        operation["operationId"]
        for path in app.openapi()["paths"].values()
        for operation in path.values()
    ]
    assert {"houses_predict", "people_predict", "people_invocations"} <= set(names)
    assert len(set(names)) == len(names)


def test_values_without_a_json_form() -> None:
    from modelpact.datatypes import to_json

    frame = pd.DataFrame(
        {
            "when": [pd.Timestamp("2024-01-02"), pd.NaT],
            "number": pd.array([1, None], dtype="Int64"),
            "text": pd.array(["a", None], dtype="string"),
            "array": [np.array([1.0, np.nan]), np.array([])],
            "bytes": [b"\x00\x01", None],
        }
    )
    first = {
        "when": "2024-01-02T00:00:00",
        "number": 1,
        "text": "a",
        "array": [1.0, None],
        "bytes": "AAE=",
    }
    assert to_json(frame) == [
        first,
        {"when": None, "number": None, "text": None, "array": [], "bytes": None},
    ]
    assert to_json(np.array([[True, False]])) == [[True, False]]
    assert (
        json.dumps(to_json({"a": (np.int64(3), np.float32("inf"), {"b": np.str_("x")})}))
        == '{"a": [3, null, {"b": "x"}]}'
    )


def test_every_status_is_tested() -> None:
    """Here, in test_limits.py, or in cli/tasks/test_serve.py; a new one needs a test."""
    assert set(STATUS_DESCRIPTIONS) == {400, 408, 413, 415, 422, 500, 502, 503, 504}
