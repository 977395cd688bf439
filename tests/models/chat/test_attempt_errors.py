"""Every way in which a server fails: the reason, how many requests it cost, and what recovers."""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from modelpact.errors import ChatError, ModelConfigError, SecretError
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
    redirect,
    status,
    stream,
    truncated,
    wrong_type,
)


def raw(body: str, kind: str = "application/json", code: int = 200) -> Behaviour:
    """Just these bytes."""
    return Behaviour("raw", lambda request: Reply(code, body.encode(), {"content-type": kind}))


FAILURES = [
    # what the server does, the reason, the requests with max_retries=2, the status, words of the message
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
    [row[1:] for row in FAILURES],
    ids=[row[0] for row in FAILURES],
)
def test_a_failure_has_its_name_and_its_number_of_requests(
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


@pytest.mark.parametrize("name", RECOVERING)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_passes_is_waited_for(name: str, streamed: bool) -> None:
    with ChatServer([RECOVERING[name], answer("at last")]) as server:
        model = chat(server, timeout=1.0 if name == "a hang" else 5.0)
        assert texts(model, streamed=streamed) == ["at last"]
    assert server.count == 2
    between = server.requests[1].received - server.requests[0].received
    low, high = {
        "429 in a second": (1.0, 2.5),
        "429 with a date": (0.9, 4.0),
        "a hang": (1.0, 2.5),
    }.get(name, (0.0, 2.0))
    assert low <= between <= high


def test_what_does_not_pass_is_not_asked_again() -> None:
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


def test_no_retries_are_no_retries() -> None:
    with ChatServer([status(500), answer()]) as server:
        assert fails(chat(server, max_retries=0)).attempts == 1
    assert server.count == 1


def test_a_server_that_is_not_there_is_named_with_what_to_do() -> None:
    with ChatServer() as server:
        url = server.base_url
    error = fails(chat(url))
    assert (error.reason, error.attempts) == ("unreachable", 1)
    assert error.message.startswith("cannot connect to the server: ")
    assert f"(model gpt at {url}/)" in error.message
    assert "Start the server, or set model.base_url (examples/litellm" in str(error)


def test_a_name_that_is_no_host_is_named() -> None:
    error = fails(chat("http://no-such-host.invalid/v1"))
    assert error.reason == "unreachable"


def standing_still(request: Request) -> Reply:
    """A piece, and no other one for longer than the client waits; only comments, which keep the connection open."""
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
def test_a_stream_that_breaks_after_its_first_piece_is_not_begun_again(
    script: Behaviour, reason: str
) -> None:
    pieces = []
    with ChatServer(script) as server:
        source = chat(server, max_retries=2).predict_stream("Hello")
        with pytest.raises(ChatError) as caught:
            pieces.extend(iter(source))
    assert (caught.value.reason, caught.value.attempts, server.count) == (reason, 1, 1)


def test_a_stream_that_stands_still_is_given_up() -> None:
    with ChatServer(Behaviour("standing still", standing_still)) as server:
        source = chat(server, timeout=0.45).predict_stream("Hello")
        assert next(source) == "a "
        with pytest.raises(ChatError, match=r"the stream stalled for 0\.45 s") as caught:
            next(source)
    assert (caught.value.reason, server.count) == ("timeout", 1)


@pytest.mark.parametrize(
    ("script", "reason", "count"),
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
)
def test_a_stream_that_does_not_begin_has_the_same_names(
    script: Behaviour, reason: str, count: int
) -> None:
    with ChatServer(script) as server:
        error = fails(chat(server, max_retries=2), streamed=True)
    assert (error.reason, server.count) == (reason, count)


class TestKeys:
    """A key goes to the configured server, and nowhere else."""

    @pytest.mark.parametrize("streamed", [False, True])
    @pytest.mark.parametrize("code", [301, 302, 307, 308])
    def test_a_redirect_to_another_server_gets_no_request(self, code: int, streamed: bool) -> None:
        with (
            ChatServer() as other,
            ChatServer(redirect(other.base_url + "/chat/completions", code)) as server,
        ):
            error = fails(
                chat(server, api_key="env:KEY", headers={"X-Team": "env:KEY"}), streamed=streamed
            )
        assert error.reason == "redirected"
        assert other.base_url in error.message
        assert (server.count, other.count) == (1, 0)

    def test_a_redirect_to_an_address_with_a_password_does_not_show_it(self) -> None:
        with ChatServer(redirect(f"http://ann:hunter2@localhost/?key={KEY}")) as server:
            assert "hunter2" not in str(fails(chat(server)))

    def test_a_fallback_on_another_server_does_not_get_the_first_ones_key(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTHER", "other-key-123")
        with ChatServer() as other, ChatServer(status(500)) as server:
            with pytest.raises(ValueError, match="needs its own api_key"):
                chat(server, api_key="env:KEY", fallbacks=[{"base_url": other.base_url}])
            fallback = {"base_url": other.base_url, "api_key": "env:OTHER"}
            chat(
                server,
                api_key="env:KEY",
                headers={"X-Team": "env:KEY"},
                max_retries=0,
                fallbacks=[fallback],
            ).predict("Hello")
            chat(
                server, api_key="env:KEY", max_retries=0, fallbacks=[{**fallback, "api_key": None}]
            ).predict("Hello")
        assert [request.headers.get("authorization") for request in other.requests] == [
            "Bearer " + "other-key-123",
            None,
        ]
        assert KEY not in str([request.headers for request in other.requests])

    def test_a_variable_is_looked_up_at_the_first_call(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with ChatServer(key="late-key-123") as server:
            model = chat(server, api_key="env:LATE")
            with pytest.raises(
                ModelConfigError, match=r"model\.api_key: the variable LATE is not set"
            ) as caught:
                model.predict("Hello")
            assert "export LATE=..." in str(caught.value)
            with pytest.raises(ModelConfigError, match="LATE is not set"):
                list(model.predict_stream("Hello"))
            assert server.count == 0
            monkeypatch.setenv("LATE", "late-key-123")
            assert model.predict("Hello").response[0] == "ok"

    @pytest.mark.parametrize("on_error", ["raise", "row"])
    def test_a_fallbacks_variable_too(self, on_error: str) -> None:
        with ChatServer() as server:
            model = chat(
                server, on_error=on_error, fallbacks=[{"model": "b", "api_key": "env:LATE"}]
            )
            with pytest.raises(ModelConfigError, match="LATE is not set"):
                model.predict(["a", "b"])
        assert server.count == 0

    @pytest.mark.parametrize(
        "value", [" key", "key\n", "", "ke\ny-hunter2", "schlüssel-hunter2", "key\x00hunter2"]
    )
    @pytest.mark.parametrize("place", ["api_key", "headers"])
    def test_a_value_that_cannot_be_sent_is_told_without_it(
        self, value: str, place: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.environ", {"ODD": value})
        given = {"api_key": "env:ODD"} if place == "api_key" else {"headers": {"X-Team": "env:ODD"}}
        with ChatServer() as server, pytest.raises(ModelConfigError, match="ODD") as caught:
            chat(server, **given).predict("Hello")
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        assert server.count == 0

    def test_an_address_from_a_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with ChatServer() as server:
            monkeypatch.setenv("URL", server.base_url)
            assert chat("env:URL").predict("Hello").response[0] == "ok"
        monkeypatch.setenv("URL", "localhost")
        with pytest.raises(ModelConfigError, match="env:URL: base_url is not a URL"):
            chat("env:URL").predict("Hello")
        monkeypatch.setenv("URL", "http://ann:hunter2@localhost/v1")
        with pytest.raises(SecretError) as caught:
            chat("env:URL").predict("Hello")
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))

    def test_without_a_key_there_is_no_header(self) -> None:
        with ChatServer() as server:
            chat(server).predict("Hello")
            chat(server, headers={"Authorization": "env:KEY"}).predict("Hello")
        assert [request.headers.get("authorization") for request in server.requests] == [None, KEY]

    def test_the_sdks_own_variables_send_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
            monkeypatch.setenv(name, "canary-" + name)
        monkeypatch.setenv(
            "OPENAI_CUSTOM_HEADERS",
            "X-Mine: canary-custom\nAuthorization: Bearer " + "canary-authorization",
        )
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        with ChatServer() as server:
            chat(server).predict("Hello")
            chat(server, api_key="env:KEY").predict("Hello")
            list(chat(server, api_key="env:KEY").predict_stream("Hello"))
        assert "canary-O" not in str(server.requests)
        assert "canary-custom" not in str(server.requests)
        authorized = [request.headers.get("authorization") for request in server.requests]
        assert authorized == [None, f"Bearer {KEY}", f"Bearer {KEY}"]

    REPEATING: list[Callable[[str], Behaviour]] = [
        lambda key: status(401, {"error": {"message": f"Incorrect key {key}"}}),
        lambda key: status(400, "x" * 285 + key),
        lambda key: status(500, {"detail": key}),
        lambda key: raw(f'{{"error": "{key}"}}'),
        lambda key: raw(f'{{"error": "{"x" * 185}{key}"}}'),
        lambda key: raw(f"<p>{key}</p>", "text/html"),
        lambda key: raw("x" * 20 + key),
        lambda key: raw("<p>", f"text/{key}"),
        lambda key: raw(
            f'{{"choices": [{{"message": {{"refusal": "{key}"}}, "finish_reason": "{key}"}}]}}'
        ),
        lambda key: raw(
            f'{{"choices": [{{"message": {{"content": null}}, "finish_reason": "{key}"}}]}}'
        ),
        lambda key: redirect(f"http://localhost/{key}?key={key}"),
        lambda key: raw(f'data: {{"error": {{"message": "{key}"}}}}\n\n', "text/event-stream"),
        lambda key: raw(f"data: {{{key}\n\n", "text/event-stream"),
        lambda key: Behaviour("odd", lambda request: Reply(200, b"", {"odd": f"{key}\x00"})),
    ]

    @pytest.mark.parametrize("streamed", [False, True])
    @pytest.mark.parametrize("number", range(len(REPEATING)))
    def test_a_server_that_repeats_the_key_does_not_get_it_into_any_text(
        self, number: int, streamed: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        caplog.set_level(logging.DEBUG, "openai")
        with ChatServer(self.REPEATING[number](KEY)) as server:
            error = fails(chat(server, api_key="env:KEY", max_retries=1), streamed=streamed)
        logging.getLogger("test").error("failed", exc_info=error)
        assert "ChatError" in caplog.text
        assert KEY[:12] not in f"{caplog.text}{error!r}{vars(error)}"

    def test_nor_does_one_that_refuses_it(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with ChatServer(key="another", repeats_key=True) as server:
            model = chat(server, api_key="env:KEY", on_error="row")
            outputs = model.predict(["a", "b"])
        assert server.count == 2
        assert KEY[:12] not in str(outputs.to_dict()) + caplog.text
        assert "Incorrect API key provided: [redacted]" in outputs.error[0]


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
