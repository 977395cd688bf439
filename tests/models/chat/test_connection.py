"""Keys are sent to the configured server only, and never appear in messages."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest

from modelpact.errors import ModelConfigError, SecretError
from tests.support.chat_models import KEY, chat, fails
from tests.support.fake_chat_server import (
    Behaviour,
    ChatServer,
    Reply,
    raw,
    redirect,
    status,
)
from tests.support.many_cases import sample_params


class TestKeys:
    """Keys are sent to the configured server only."""

    @pytest.mark.parametrize("streamed", [False, True])
    @pytest.mark.parametrize("code", [301, 302, 307, 308])
    def test_a_redirect_to_another_server_is_not_followed(self, code: int, streamed: bool) -> None:
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

    def test_a_redirect_to_a_url_with_a_password_does_not_show_it(self) -> None:
        with ChatServer(redirect(f"http://ann:hunter2@localhost/?key={KEY}")) as server:
            assert "hunter2" not in str(fails(chat(server)))

    def test_a_fallback_on_another_server_does_not_receive_the_key(
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

    def test_a_variable_is_resolved_at_the_first_call(
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
    def test_the_variable_of_a_fallback_is_resolved_at_the_first_call(self, on_error: str) -> None:
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
    def test_a_value_that_cannot_be_sent_is_reported_but_not_shown(
        self, value: str, place: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.environ", {"ODD": value})
        given = {"api_key": "env:ODD"} if place == "api_key" else {"headers": {"X-Team": "env:ODD"}}
        with ChatServer() as server, pytest.raises(ModelConfigError, match="ODD") as caught:
            chat(server, **given).predict("Hello")
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        assert server.count == 0

    def test_the_base_url_can_be_a_reference(self, monkeypatch: pytest.MonkeyPatch) -> None:
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

    def test_variables_of_the_sdk_are_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
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
    @pytest.mark.parametrize("number", sample_params(range(len(REPEATING)), every=3))
    def test_keys_repeated_by_the_server_are_not_shown(
        self, number: int, streamed: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        caplog.set_level(logging.DEBUG, "openai")
        with ChatServer(self.REPEATING[number](KEY)) as server:
            error = fails(chat(server, api_key="env:KEY", max_retries=1), streamed=streamed)
        logging.getLogger("test").error("failed", exc_info=error)
        assert "ChatError" in caplog.text
        assert KEY[:12] not in f"{caplog.text}{error!r}{vars(error)}"

    def test_rejected_keys_are_not_shown(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with ChatServer(key="another", repeats_key=True) as server:
            model = chat(server, api_key="env:KEY", on_error="row")
            outputs = model.predict(["a", "b"])
        assert server.count == 2
        assert KEY[:12] not in str(outputs.to_dict()) + caplog.text
        assert "Incorrect API key provided: [redacted]" in outputs.error[0]
