from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from modelpact.loaders import Adapter
from modelpact.serving import Limits, create_app
from tests.support.fake_chat_server import ChatServer, answer, echo, status, stream
from tests.support.served_models import HELLO, create_client, post

MakeChatAdapter = Callable[..., Adapter]


def events(text: str) -> list[tuple[str, Any]]:
    """Server-sent events, as a client reads them."""
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_a_prediction_is_streamed_in_pieces(make_chat_adapter: MakeChatAdapter) -> None:
    with ChatServer(stream(["Hel", "lo\n\n", "wörld"])) as server:
        response = post(
            create_client(make_chat_adapter(server)),
            "/predict/stream",
            {"inputs": [HELLO], "params": {"temperature": 0.5}},
        )
        assert server.requests[0].body["temperature"] == 0.5
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    *pieces, last = events(response.text)
    assert "".join(data["text"] for name, data in pieces if name == "text") == "Hello\n\nwörld"
    assert len(pieces) > 1
    assert last == ("done", {})


def test_errors_before_the_first_piece_have_a_status(make_chat_adapter: MakeChatAdapter) -> None:
    with ChatServer([status(400), echo()]) as server:
        http = create_client(make_chat_adapter(server))
        failed = post(http, "/predict/stream", {"inputs": [HELLO]})
        assert (failed.status_code, failed.json()["error_code"]) == (502, "UPSTREAM_FAILED")
        for body, wanted in [
            ({"inputs": [{"messages": "x"}]}, 422),
            ({"inputs": [HELLO, HELLO]}, 422),
            ({"inputs": [HELLO], "params": {"x": 1}}, 422),
            ("{", 400),
            ("null", 422),
        ]:
            assert post(http, "/predict/stream", body).status_code == wanted, body
        assert post(http, "/predict/stream", {"inputs": [HELLO]}, "text/csv").status_code == 415


@pytest.mark.parametrize("broken", ["cut", "end", "error"])
def test_later_errors_are_events(
    make_chat_adapter: MakeChatAdapter, broken: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with ChatServer(stream(["CAN", "ARY", "CAN", "ARY"], broken=broken)) as server:
        response = post(
            create_client(make_chat_adapter(server)), "/predict/stream", {"inputs": [HELLO]}
        )
    assert response.status_code == 200
    name, data = events(response.text)[-1]
    assert (name, data["error_code"]) == ("error", "UPSTREAM_FAILED")
    assert "status 502: ChatError at" in caplog.text
    assert "CAN" not in caplog.text


@pytest.mark.slow
def test_a_stream_is_in_progress_until_its_end(make_chat_adapter: MakeChatAdapter) -> None:
    with (
        ChatServer(stream(["a", "b", "c"], delay=0.2)) as server,
        TestClient(create_app(make_chat_adapter(server), Limits())) as http,
    ):
        assert events(post(http, "/predict/stream", {"inputs": [HELLO]}).text)[-1] == ("done", {})
        assert http.get("/health").json()["in_progress"] == 0


def test_an_empty_prediction_ends_the_stream(make_chat_adapter: MakeChatAdapter) -> None:
    with ChatServer(answer("")) as server:
        response = post(
            create_client(make_chat_adapter(server)), "/predict/stream", {"inputs": [HELLO]}
        )
    assert response.status_code in {200, 502}
    if response.status_code == 200:
        assert events(response.text)[-1] == ("done", {})


def test_a_missing_first_piece_is_504(make_chat_adapter: MakeChatAdapter) -> None:
    with (
        ChatServer(answer("late", delay=0.6)) as server,
        TestClient(create_app(make_chat_adapter(server), Limits(timeout=0.1))) as http,
    ):
        assert post(http, "/predict/stream", {"inputs": [HELLO]}).status_code == 504
        end = time.monotonic() + 10
        while http.get("/health").json()["in_progress"]:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_a_model_without_streaming_has_no_stream_route(table: Adapter) -> None:
    assert post(create_client(table), "/predict/stream", {"inputs": []}).status_code == 404
