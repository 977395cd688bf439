"""Server failures: reason codes, numbers of requests, and retries."""

from __future__ import annotations

import re
import time
import traceback
from datetime import UTC, datetime, timedelta

import pytest

from modelpact.errors import ChatError
from modelpact.models.chat.attempt_errors import REASONS, AttemptError, parse_retry_after
from tests.support.chat_models import KEY, chat, fails, texts
from tests.support.fake_chat_server import (
    Behaviour,
    ChatServer,
    Reply,
    Request,
    answer,
    big,
    disconnect,
    empty_choices,
    hang,
    null_content,
    raw,
    redirect,
    status,
    stream,
    truncated,
    wrong_type,
)
from tests.support.many_cases import sample_params

FAILURES = [
    # behaviour, reason code, requests with max_retries=2, status, pattern of the message
    ("400", status(400), "bad_request", 1, 400, "status 400: Invalid request."),
    ("401", status(401), "unauthorized", 1, 401, "rejected the API key.*status 401"),
    ("403", status(403), "unauthorized", 1, 403, "status 403"),
    ("404", status(404), "not_found", 1, 404, "does not know the model.*does not exist"),
    ("408", status(408), "timeout", 3, 408, "after 3 attempts: status 408"),
    ("413", status(413), "bad_request", 1, 413, "status 413"),
    ("422", status(422, {"detail": "bad field"}), "bad_request", 1, 422, "bad field"),
    (
        "429",
        status(429),
        "rate_limited",
        3,
        429,
        "after 3 attempts: status 429: Rate limit reached",
    ),
    (
        "429 with Retry-After",
        status(429, retry_after=0),
        "rate_limited",
        3,
        429,
        "after 3 attempts",
    ),
    (
        "429 longer than the budget",
        status(429, retry_after=60),
        "rate_limited",
        1,
        429,
        "waiting 60 s .* exceed model.budget=10",
    ),
    ("500", status(500), "server_error", 3, 500, "after 3 attempts: status 500"),
    ("500 in plain text", status(500, "boom"), "server_error", 3, 500, "status 500: boom"),
    (
        "502 in HTML",
        raw("<html>Bad</html>", "text/html", 502),
        "server_error",
        3,
        502,
        "<html>Bad</html>",
    ),
    ("503", status(503), "server_error", 3, 503, "currently overloaded"),
    (
        "500 with 10 MB",
        status(500, "x" * 10_000_000),
        "too_large",
        1,
        None,
        "max_response_bytes=4000000",
    ),
    ("a hang", hang(), "timeout", 3, None, "after 3 attempts: no response within 0.3 s"),
    ("a disconnect half-way", disconnect(), "disconnected", 1, None, "the connection was lost"),
    ("a disconnect at once", disconnect(None), "disconnected", 1, None, "the connection was lost"),
    ("truncated JSON", truncated(), "malformed", 1, None, r"not JSON; they begin with '{\"id\"'?"),
    (
        "a wrong content type",
        wrong_type(),
        "malformed",
        1,
        None,
        "bytes of text/html are not JSON; they begin with '<html>",
    ),
    ("no body", raw(""), "malformed", 1, None, "0 bytes of application/json"),
    (
        "no UTF-8",
        Behaviour("x", lambda r: Reply(body=b"\xff\xfe")),
        "malformed",
        1,
        None,
        "not JSON",
    ),
    ("deep JSON", raw("[" * 100_000), "malformed", 1, None, "not JSON"),
    ("another JSON", raw('{"ok": true}'), "malformed", 1, None, "JSON without choices"),
    ("a list", raw("[]"), "malformed", 1, None, "JSON without choices"),
    (
        "an error with 200",
        raw('{"error": {"message": "no quota"}}'),
        "malformed",
        1,
        None,
        "with an error: .*no quota",
    ),
    ("a choice with no message", raw('{"choices": [{}]}'), "malformed", 1, None, "no message"),
    ("a choice that is none", raw('{"choices": [null]}'), "malformed", 1, None, "no message"),
    (
        "a content that is a number",
        raw('{"choices": [{"message": {"content": 5}}]}'),
        "malformed",
        1,
        None,
        "of type int",
    ),
    ("an empty choice list", empty_choices(), "empty", 1, None, "its list of choices is empty"),
    ("null content", null_content(), "empty", 1, None, "no text; finish reason 'stop'"),
    ("a filtered answer", null_content("content_filter"), "empty", 1, None, "'content_filter'"),
    (
        "a refusal",
        raw('{"choices": [{"message": {"refusal": "I will not"}}]}'),
        "empty",
        1,
        None,
        "refused: I will not",
    ),
    (
        "a redirect",
        redirect("http://127.0.0.1:9/v1"),
        "redirected",
        1,
        307,
        "redirect to http://127.0.0.1:9/v1",
    ),
    ("10 MB", big(), "too_large", 1, None, "more than model.max_response_bytes=4000000 bytes"),
]


@pytest.mark.parametrize(
    ("script", "reason", "count", "code", "words"),
    sample_params([row[1:] for row in FAILURES], every=2),
    ids=[row[0] for row in FAILURES],
)
def test_a_failure_has_its_reason_and_number_of_requests(
    script: Behaviour, reason: str, count: int, code: int | None, words: str
) -> None:
    waiting = script.name.startswith("hang")
    with ChatServer(script, key=KEY) as server:
        started = time.monotonic()
        error = fails(
            chat(server, api_key="env:KEY", max_retries=2, timeout=0.3 if waiting else 5.0)
        )
        spent = time.monotonic() - started
    assert (error.reason, server.count, error.attempts, error.status) == (
        reason,
        count,
        count,
        code,
    )
    assert re.search(words, error.message), error.message
    assert f"(model gpt at {server.base_url}" in error.message
    assert error.remedy == REASONS[reason].remedy
    assert spent < 9
    assert KEY not in "".join(traceback.format_exception(error))
    assert len(error.message) < 1000


RECOVERING = {
    "429": status(429),
    "429 in a second": status(429, retry_after=1),
    "429 with a date": Behaviour(
        "dated",
        lambda r: status(429, retry_after=datetime.now(UTC) + timedelta(seconds=2)).reply(r),
    ),
    "429 in milliseconds": status(429, headers={"retry-after-ms": "50"}),
    "429 with nonsense": status(429, headers={"retry-after": "soon"}),
    "500": status(500),
    "503": status(503, retry_after=0),
    "a hang": hang(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECOVERING)
@pytest.mark.parametrize("streamed", [False, True])
def test_transient_failures_are_retried(name: str, streamed: bool) -> None:
    with ChatServer([RECOVERING[name], answer("at last")]) as server:
        model = chat(server, timeout=1.0 if name == "a hang" else 5.0)
        assert texts(model, streamed=streamed) == ["at last"]
    assert server.count == 2
    between = server.requests[1].received - server.requests[0].received
    low, high = {
        "429 in a second": (1.0, 2.5),
        "429 with a date": (0.9, 4.0),
        "a hang": (0.5, 2.5),
    }.get(name, (0.0, 2.0))
    assert low <= between <= high


def test_permanent_failures_are_not_retried() -> None:
    retryable = {code for code, reason in REASONS.items() if reason.is_retryable}
    assert retryable == {"rate_limited", "server_error", "timeout"}
    with ChatServer([disconnect(), answer()]) as server:
        fails(chat(server))
    assert server.count == 1


def test_retries_end_with_the_budget() -> None:
    with ChatServer(hang()) as server:
        started = time.monotonic()
        error = fails(chat(server, timeout=0.3, budget=0.7, max_retries=50))
        assert time.monotonic() - started < 4
    assert error.reason == "timeout"
    assert 2 <= server.count <= 4


def test_max_retries_0_disables_retries() -> None:
    with ChatServer([status(500), answer()]) as server:
        assert fails(chat(server, max_retries=0)).attempts == 1
    assert server.count == 1


def test_a_missing_server_is_named_with_the_remedy() -> None:
    with ChatServer() as server:
        url = server.base_url
    error = fails(chat(url))
    assert (error.reason, error.attempts) == ("unreachable", 1)
    assert error.message.startswith("cannot connect to the server: ")
    assert f"(model gpt at {url}/)" in error.message
    assert "Start the server, or set model.base_url (examples/litellm" in str(error)


def test_an_unknown_host_is_unreachable() -> None:
    error = fails(chat("http://no-such-host.invalid/v1"))
    assert error.reason == "unreachable"


def stalling(request: Request) -> Reply:
    """Send one piece, then only comments for longer than the client waits."""
    role, text, *rest = stream(["a ", "b "]).reply(request).pieces or ()
    return Reply(pieces=(role + text, b": wait\n\n", b": wait\n\n", *rest), pause=0.3)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (stream(list("abcdef"), broken="cut"), "disconnected"),
        (stream(list("abcdef"), broken="end"), "disconnected"),
        (stream(list("abcdef"), broken="error"), "server_error"),
    ],
)
def test_a_stream_that_breaks_after_its_first_piece_is_not_retried(
    script: Behaviour, reason: str
) -> None:
    pieces = []
    with ChatServer(script) as server:
        source = chat(server, max_retries=2).predict_stream("Hello")
        with pytest.raises(ChatError) as caught:
            pieces.extend(iter(source))
    assert (caught.value.reason, caught.value.attempts, server.count) == (reason, 1, 1)


def test_a_stalled_stream_times_out() -> None:
    with ChatServer(Behaviour("stalling", stalling)) as server:
        source = chat(server, timeout=0.45).predict_stream("Hello")
        assert next(source) == "a "
        with pytest.raises(ChatError, match=r"the stream stalled for 0\.45 s") as caught:
            next(source)
    assert (caught.value.reason, server.count) == ("timeout", 1)


@pytest.mark.parametrize(
    ("script", "reason", "count"),
    sample_params(
        [
            (status(401), "unauthorized", 1),
            (status(500), "server_error", 3),
            (wrong_type(), "malformed", 1),
            (raw('{"choices": [{"message": {"content": "whole"}}]}'), "malformed", 1),
            (raw("data: {broken\n\n", "text/event-stream"), "malformed", 1),
            (raw("data: null\n\n", "text/event-stream"), "malformed", 1),
            (raw('data: {"choices": 3}\n\n', "text/event-stream"), "malformed", 1),
            (raw("data: " + "[" * 100_000 + "\n\n", "text/event-stream"), "malformed", 1),
            (
                Behaviour(
                    "latin-1",
                    lambda request: Reply(
                        200, b"data: \xfc\n\n", {"content-type": "text/event-stream"}
                    ),
                ),
                "malformed",
                1,
            ),
            (raw("data: [DONE]\n\n", "text/event-stream"), "disconnected", 1),
            (raw("data: " + "x" * 5_000_000, "text/event-stream"), "too_large", 1),
            (
                raw('data: {"error": {"message": "overloaded"}}\n\n', "text/event-stream"),
                "server_error",
                3,
            ),
            (redirect("http://127.0.0.1:9/v1"), "redirected", 1),
            (disconnect(None), "disconnected", 1),
            (answer(None), "empty", 1),
        ],
        every=3,
    ),
)
def test_a_stream_that_does_not_start_has_the_same_reasons(
    script: Behaviour, reason: str, count: int
) -> None:
    with ChatServer(script) as server:
        error = fails(chat(server, max_retries=2), streamed=True)
    assert (error.reason, server.count) == (reason, count)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers) == seconds


def test_every_reason_has_a_remedy_and_a_title() -> None:
    for reason in REASONS:
        error = AttemptError(reason, "details").to_chat_error(
            row_label="row 3: ", attempts=2, endpoint="model m at u"
        )
        assert str(error).startswith("row 3: ")
        assert "after 2 attempts: details (model m at u)" in str(error)
