"""Many rows and several servers: order, limits, fallbacks and metadata."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelpact.errors import ChatError, InputsError
from modelpact.models import ChatModel
from modelpact.models.call_metadata import collect_metadata
from tests.support.chat_models import CALL, by_text, chat, fails, said, texts
from tests.support.fake_chat_server import (
    Behaviour,
    ChatServer,
    Request,
    answer,
    echo,
    hang,
    null_content,
    status,
)

ROWS = [f"row {number}" for number in range(60)]


def jittered(request: Request) -> Behaviour:
    """Echo after a random delay."""
    return echo(random.uniform(0, 0.1))


def told(model: ChatModel, inputs: object = "Hello") -> list[dict[str, object]]:
    """Return the metadata of each row."""
    with collect_metadata() as facts:
        model.predict(inputs)
    rows: list[dict[str, object]] = facts["rows"]
    return rows


def test_responses_are_in_the_order_of_the_rows() -> None:
    with ChatServer(jittered) as server:
        assert texts(chat(server), ROWS) == ROWS
    assert server.count == len(ROWS)
    assert [said(request) for request in server.requests] != ROWS or server.peak > 1


@pytest.mark.parametrize("most", [1, 7])
def test_rows_in_flight_are_limited(most: int) -> None:
    with ChatServer(echo(0.01)) as server:
        assert texts(chat(server, max_concurrency=most), ROWS) == ROWS
    assert server.peak == most


def test_rows_are_sent_concurrently() -> None:
    with ChatServer(echo(0.2)) as server:
        started = time.monotonic()
        texts(chat(server), ROWS)
        assert time.monotonic() - started < 9  # one after the other: 12
    assert server.peak > 10


def test_no_rows_send_no_requests() -> None:
    with ChatServer() as server:
        assert texts(chat(server), []) == []
    assert server.count == 0


def test_on_error_raise_stops_at_the_first_error_and_names_the_row() -> None:
    with ChatServer(by_text({"row 5": status(401)}, echo(0.05))) as server:
        error = fails(chat(server, max_concurrency=3), ROWS)
    assert error.message.startswith("row 5: the server rejected the API key: status 401")
    assert (error.row, error.reason, error.attempts) == (5, "unauthorized", 1)
    assert server.count < 15


def test_on_error_row_returns_the_good_rows_and_each_error() -> None:
    bad = {"row 1": status(400), "row 3": status(500), "row 5": null_content()}
    with ChatServer(by_text(bad)) as server:
        model = chat(server, on_error="row", max_retries=1)
        outputs = model.predict([*ROWS[:6], 7])
        rows = told(model, [*ROWS[:6], 7])
    assert list(outputs.columns) == ["response", "error"]
    assert outputs.response.tolist()[::2][:3] == ROWS[:6:2]
    assert outputs.response.isna().tolist() == [False, True, False, True, False, True, True]
    assert outputs.error[0] is None
    assert outputs.error[1].startswith("row 1: the server rejected the request: status 400")
    assert outputs.error[3].startswith("row 3: the server failed after 2 attempts: status 500")
    assert outputs.error[5].startswith("row 5: the response is empty")
    assert outputs.error[6] == "row 6: its messages are of type int"
    assert rows[1] == {"error": "bad_request", "attempts": 1, "status": 400}
    assert rows[3] == {"error": "server_error", "attempts": 2, "status": 500}
    assert rows[6] == {"error": "inputs"}
    assert rows[0]["finish_reason"] == "stop"
    assert server.count == 14


def test_on_error_row_has_an_error_column_without_errors() -> None:
    with ChatServer() as server:
        assert chat(server, on_error="row").predict("Hello").to_dict("list") == {
            "response": ["ok"],
            "error": [None],
        }


def test_responses_before_a_server_failure_are_kept() -> None:
    rows = [f"row {number}" for number in range(200)]
    with ChatServer(echo(0.1)) as server:
        model = chat(server, on_error="row", max_concurrency=20, budget=10.0)

        def stop() -> None:
            _until(lambda: server.count >= 100)
            server.stop()

        killer = threading.Thread(target=stop)
        killer.start()
        started = time.monotonic()
        outputs = model.predict(rows)
        spent = time.monotonic() - started
        killer.join()
    good = outputs[outputs.error.isna()]
    bad = outputs[outputs.error.notna()]
    assert 60 <= len(good) < 140
    assert good.response.tolist() == [rows[number] for number in good.index]
    assert len(bad) == 200 - len(good)
    assert all(error.startswith(f"row {number}: ") for number, error in bad.error.items())
    assert {error.split(": ")[1] for error in bad.error} <= {
        "cannot connect to the server",
        "the connection was lost",
    }
    assert spent < 10


def _until(condition: object) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.005)


def test_the_metadata_of_a_row_describe_its_requests() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
    with ChatServer(
        [status(500), answer("Hi", usage=usage, finish_reason="length", model="gpt-2026")]
    ) as server:
        (row,) = told(chat(server))
    assert 0 < row.pop("seconds") < 5  # type: ignore[operator]
    assert row == {
        "model": "gpt-2026",
        "finish_reason": "length",
        "prompt_tokens": 7,
        "completion_tokens": 4,
        "attempts": 2,
    }


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": None}])
def test_token_counts_are_optional(usage: dict[str, object]) -> None:
    with ChatServer(answer(usage=usage)) as server:
        (row,) = told(chat(server))
    assert "prompt_tokens" not in row
    assert "completion_tokens" not in row


def test_tool_calls_are_in_the_metadata() -> None:
    with ChatServer(answer(None, tool_calls=[CALL], finish_reason="tool_calls")) as server:
        model = chat(server)
        assert texts(model) == [""]
        (row,) = told(model)
    assert (row["tool_calls"], row["finish_reason"]) == ([CALL], "tool_calls")


def test_fallbacks_are_tried_in_order() -> None:
    def by_model(request: Request) -> Behaviour:
        return {"gpt": status(500), "b": status(404), "c": answer("from c")}[request.body["model"]]

    fallbacks = [
        {"model": "b", "temperature": 0.5},
        {"model": "c", "max_tokens": 9},
        {"model": "d"},
    ]
    with ChatServer(by_model) as server:
        model = chat(server, max_retries=1, seed=3, fallbacks=fallbacks)
        (row,) = told(model)
    assert [body["model"] for body in server.bodies] == ["gpt", "gpt", "b", "c"]
    assert [body.get("temperature") for body in server.bodies] == [None, None, 0.5, None]
    assert [body.get("seed") for body in server.bodies] == [3, 3, 3, 3]
    assert (row["fallback"], row["model"], row["attempts"]) == (1, "c", 4)


def test_a_fallback_can_stream() -> None:
    with ChatServer(
        lambda request: status(404) if request.body["model"] == "gpt" else answer("it is me")
    ) as server:
        assert texts(chat(server, fallbacks=[{"model": "b"}]), streamed=True) == ["it is me"]
    assert server.count == 2


def test_the_error_names_every_server_that_failed() -> None:
    with ChatServer(
        lambda request: status(401) if request.body["model"] == "gpt" else status(503)
    ) as server:
        error = fails(chat(server, max_retries=1, fallbacks=[{"model": "b"}]))
    assert (error.reason, error.status, error.attempts, server.count) == ("unauthorized", 401, 3, 3)
    first, second, remedy = str(error).splitlines()
    assert first.startswith("the server rejected the API key: status 401")
    assert second.startswith("  then the server failed after 2 attempts: status 503")
    assert "(model b at" in second
    assert remedy == "Check the variable that model.api_key names."


@pytest.mark.slow
def test_no_fallback_is_tried_after_the_budget() -> None:
    with ChatServer(hang()) as server:
        error = fails(chat(server, budget=1.5, fallbacks=[{"model": "b"}]))
    assert (error.reason, server.count) == ("timeout", 1)


def test_params_are_sent_to_the_fallbacks() -> None:
    with ChatServer([status(404), answer()]) as server:
        texts(
            chat(server, fallbacks=[{"model": "b", "temperature": 1.0}]),
            "Hello",
            {"temperature": 0.5},
        )
    assert [body["temperature"] for body in server.bodies] == [0.5, 0.5]


def test_connections_are_reused_and_closed_with_the_model() -> None:
    with ChatServer() as server:
        model = chat(server, max_concurrency=4)
        for _ in range(5):
            model.predict(ROWS[:8])
        assert 1 <= len(server._writers) <= 4
        del model
        _until(lambda: not server._writers)
        assert len(server._writers) == 0


def test_another_configuration_closes_the_old_connections() -> None:
    with ChatServer() as server, ChatServer() as other:
        model = chat(server)
        model.predict("Hello")
        model.load_context({"base_url": other.base_url})
        _until(lambda: not server._writers)
        assert len(server._writers) == 0
        model.predict("Hello")
    assert other.count == 1


class TestStreams:
    """Streamed responses."""

    def test_pieces_arrive_as_they_are_sent(self) -> None:
        from tests.support.fake_chat_server import stream

        moments = []
        with ChatServer(stream(["a ", "b ", "c "], delay=0.1)) as server:
            for piece in chat(server, temperature=0.5).predict_stream(["Hello"], {"max_tokens": 9}):
                moments.append((piece, time.monotonic()))
        assert [piece for piece, _ in moments] == ["a ", "b ", "c "]
        assert moments[-1][1] - moments[0][1] > 0.15
        (body,) = server.bodies
        assert (body["stream"], body["temperature"], body["max_tokens"]) == (True, 0.5, 9)

    def test_stopping_early_closes_the_source(self) -> None:
        from tests.support.fake_chat_server import stream

        with ChatServer(stream(["a "] * 100, delay=0.05)) as server:
            source = chat(server).predict_stream("Hello")
            assert next(source) == "a "
            source.close()
            _until(lambda: not server._writers)
            assert len(server._writers) == 0

    @pytest.mark.parametrize(
        ("inputs", "words"), [(["a", "b"], "there are 2"), ([], "there are 0"), ([7], "row 0: ")]
    )
    def test_a_stream_needs_one_valid_row(self, inputs: object, words: str) -> None:
        with ChatServer() as server, pytest.raises(InputsError, match=words):
            texts(chat(server), inputs, streamed=True)
        assert server.count == 0

    def test_streams_run_concurrently(self) -> None:
        with ChatServer(echo(0.1)) as server:
            model = chat(server)
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda row: texts(model, row, streamed=True), ROWS[:8]))
        assert found == [[row] for row in ROWS[:8]]
        assert server.peak > 1


def test_an_error_can_be_pickled() -> None:
    import pickle

    with ChatServer(status(401)) as server:
        error = fails(chat(server))
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, ChatError)
    assert (str(again), again.reason) == (str(error), "unauthorized")
