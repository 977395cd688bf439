"""The fake chat server responds like OpenAI, rejects invalid requests, and fails on demand."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import openai
import pytest

from tests.support.fake_chat_server import (
    Behaviour,
    ChatServer,
    Script,
    answer,
    big,
    disconnect,
    echo,
    empty_choices,
    hang,
    null_content,
    redirect,
    status,
    stream,
    truncated,
    wrong_type,
)
from tests.support.paths import import_environment

HELLO: list[Any] = [{"role": "user", "content": "Hello there"}]
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Graz"}'},
}
RIGHT, WRONG = "sk-" + "right", "sk-" + "wrong"
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@contextmanager
def talking(
    script: Script | None = None, *, timeout: float = 5, retries: int = 0, **options: Any
) -> Iterator[tuple[ChatServer, Any]]:
    """A server, and the SDK's `create` for it."""
    with (
        ChatServer(script, **options) as server,
        openai.OpenAI(
            base_url=server.base_url, api_key=RIGHT, timeout=timeout, max_retries=retries
        ) as client,
    ):

        def create(**fields: Any) -> Any:
            return client.chat.completions.create(**{"model": "gpt", "messages": HELLO, **fields})

        yield server, create


def post(
    server: ChatServer,
    body: object,
    path: str = "/v1/chat/completions",
    method: str = "POST",
    **headers: str,
) -> tuple[int, Any]:
    """A request with no SDK: the status and the parsed body."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(server.base_url.split(":")[2].split("/")[0]), timeout=5
    )
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, data, {"content-type": "application/json", **headers})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content)


def test_returns_a_completion_and_records_the_request() -> None:
    with talking(
        answer(
            "Good day to you",
            usage={"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11},
        )
    ) as (
        server,
        create,
    ):
        completion = create(temperature=0.5)
    assert completion.choices[0].message.content == "Good day to you"
    assert (completion.model, completion.usage.total_tokens, completion.object) == (
        "gpt",
        11,
        "chat.completion",
    )
    (request,) = server.requests
    assert request.body == {"model": "gpt", "messages": HELLO, "temperature": 0.5}
    assert (request.method, request.path, request.headers["authorization"]) == (
        "POST",
        "/v1/chat/completions",
        f"Bearer {RIGHT}",
    )
    assert (server.count, server.peak, server.refusals) == (1, 1, [])


def test_usage_counts_words_and_can_be_omitted() -> None:
    with talking([answer("one two three"), answer(usage={})]) as (_, create):
        assert dict(create().usage.to_dict()) == {
            "prompt_tokens": 2,
            "completion_tokens": 3,
            "total_tokens": 5,
        }
        assert create().usage is None


def test_scripted_responses_are_sent_in_order_and_the_last_one_repeats() -> None:
    with talking([answer("a"), status(500), echo()]) as (_, create):
        assert create().choices[0].message.content == "a"
        with pytest.raises(openai.InternalServerError):
            create()
        assert [create().choices[0].message.content for _ in range(2)] == ["Hello there"] * 2


def test_a_scripted_response_can_depend_on_the_request() -> None:
    with talking(lambda request: answer(request.body["model"].upper())) as (_, create):
        assert create(model="small").choices[0].message.content == "SMALL"


def test_returns_tool_calls() -> None:
    with talking(answer(None, tool_calls=[CALL], finish_reason="tool_calls")) as (_, create):
        whole = create(tools=[WEATHER]).choices[0]
        deltas = [chunk.choices[0] for chunk in create(tools=[WEATHER], stream=True)]
    assert (whole.finish_reason, whole.message.tool_calls[0].function.name) == (
        "tool_calls",
        "weather",
    )
    assert deltas[1].delta.tool_calls[0].function.arguments == CALL["function"]["arguments"]  # type: ignore[index]
    assert deltas[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "script", [answer("Hello my friend"), stream(["Hello ", "my ", "friend"], 0.01)]
)
def test_streams_on_request(script: Behaviour) -> None:
    with talking(script) as (_, create):
        chunks = list(create(stream=True, stream_options={"include_usage": True}))
        assert create().choices[0].message.content == "Hello my friend"
    assert [chunk.choices[0].delta.content for chunk in chunks[1:4]] == ["Hello ", "my ", "friend"]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 3


def test_a_stream_breaks_in_three_ways() -> None:
    texts = ["a", "b", "c", "d"]
    with talking(
        [stream(texts, broken=True), stream(texts, broken="end"), stream(texts, broken="error")]
    ) as (_, create):
        with pytest.raises(openai.APIConnectionError):
            list(create(stream=True))
        got = list(create(stream=True))
        assert "".join(chunk.choices[0].delta.content for chunk in got) == "ab"
        assert all(chunk.choices[0].finish_reason is None for chunk in got)
        with pytest.raises(openai.APIError, match="had an error"):
            list(create(stream=True))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (599, openai.InternalServerError),
    ],
)
def test_returns_an_error_status(code: int, error: type[openai.APIStatusError]) -> None:
    with talking(status(code)) as (_, create), pytest.raises(error) as caught:
        create()
    assert caught.value.status_code == code
    assert set(caught.value.body) == {"message", "type", "param", "code"}  # type: ignore[call-overload]


def test_sends_retry_after() -> None:
    date = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    with talking([status(429, retry_after=1.5), status(503, "busy", retry_after=date)]) as (
        _,
        create,
    ):
        with pytest.raises(openai.RateLimitError) as limited:
            create()
        with pytest.raises(openai.InternalServerError) as busy:
            create()
    assert limited.value.response.headers["retry-after"] == "1.5"
    assert busy.value.response.text == "busy"
    assert busy.value.response.headers["retry-after"] == "Wed, 02 Jan 2030 03:04:05 GMT"


def test_the_sdk_retries() -> None:
    with talking([status(429, retry_after=0.01), answer("at last")], retries=1) as (server, create):
        assert create().choices[0].message.content == "at last"
    assert server.count == 2
    assert server.requests[1].received > server.requests[0].received


@pytest.mark.parametrize("script", [disconnect(), disconnect(0), disconnect(None)])
def test_disconnects_in_the_middle_of_a_response(script: Behaviour) -> None:
    with (
        talking(script) as (server, create),
        pytest.raises((openai.APIConnectionError, openai.APIError)),
    ):
        create()
    assert server.count == 1


def test_hangs_until_the_client_disconnects() -> None:
    with talking(hang(30), timeout=0.2) as (server, create):
        with pytest.raises(openai.APITimeoutError):
            create()
        end = time.monotonic() + 5
        while server.abandoned == 0 and time.monotonic() < end:
            time.sleep(0.02)
    assert server.abandoned == 1


def test_sends_malformed_bodies() -> None:
    with talking(
        [truncated(), wrong_type(), empty_choices(), null_content(), null_content("length")]
    ) as (_, create):
        with pytest.raises(json.JSONDecodeError):
            create()
        assert isinstance(create(), str)  # the SDK hands a page of HTML to the caller
        assert create().choices == []
        assert create().choices[0].message.content is None
        assert create().choices[0].finish_reason == "length"


def test_redirects_and_receives_the_key_on_the_same_host() -> None:
    with (
        ChatServer(answer("elsewhere")) as other,
        talking(redirect(other.base_url + "/chat/completions")) as (_, create),
    ):
        assert create().choices[0].message.content == "elsewhere"
    assert other.bodies == [{"model": "gpt", "messages": HELLO}]


def test_sends_large_responses() -> None:
    with talking(big(3)) as (_, create):
        assert len(create().choices[0].message.content) == 3_000_000


def test_rejects_a_wrong_key() -> None:
    with talking(key=f"{RIGHT}-0123456789") as (server, create):
        with pytest.raises(openai.AuthenticationError) as short:
            create()
        assert post(server, {}, authorization=f"Bearer {WRONG}-0123456789")[1]["error"][
            "message"
        ].startswith("Incorrect API key provided: sk-w***********6789.")
        assert post(server, {})[0] == 401
        assert (
            post(
                server,
                {"model": "gpt", "messages": HELLO},
                authorization=f"Bearer {RIGHT}-0123456789",
            )[0]
            == 200
        )
    assert short.value.code == "invalid_api_key"
    assert RIGHT not in str(short.value)
    with (
        talking(key="another", repeats_key=True) as (_, create),
        pytest.raises(openai.AuthenticationError, match=RIGHT),
    ):
        create()


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"unknown": 1}, "unknown"),
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [*HELLO, {"role": "user", "content": "x", "id": 1}]}, "messages[1].id"),
        ({"messages": [{"role": "user", "content": "x", "name": "two words"}]}, "messages[0].name"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]},
            "messages[0].content[0].image_url",
        ),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "call_1"}]}, "role 'tool'"),
        ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.0}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
        ({"stop": 3}, "stop"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"seed": 1.5}, "seed"),
        ({"n": 0}, "n"),
        ({"stream": 1}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": None}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "json"}}, "response_format.type"),
        ({"response_format": {"type": "json_object"}}, "word 'json'"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
            "response_format.json_schema.schema",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a b", "schema": {}},
                }
            },
            "response_format.json_schema.name",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "strict": True, "schema": {"type": "object"}},
                }
            },
            "additionalProperties",
        ),
    ],
)
def test_rejects_requests_that_the_real_api_rejects(fields: dict[str, Any], place: str) -> None:
    with ChatServer() as server:
        code, body = post(server, {"model": "gpt", "messages": HELLO, **fields})
    assert code == 400
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert place == body["error"]["param"] or place in body["error"]["message"]
    assert server.refusals == [body["error"]["message"]]


def test_accepts_every_valid_field() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    messages = [
        {"role": "system", "content": "Answer in JSON."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
        {"role": "user", "content": "And now?", "name": "ann"},
    ]
    with talking(echo()) as (_, create):
        completion = create(
            messages=messages,
            temperature=2,
            top_p=0,
            max_tokens=1,
            seed=0,
            stop=["a", "b"],
            n=2,
            user="ann",
            tools=[WEATHER],
            tool_choice="auto",
            presence_penalty=None,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": schema, "strict": True},
            },
        )
        assert (
            create(messages=messages, response_format={"type": "json_object"})
            .choices[0]
            .message.content
            == "And now?"
        )
    assert [choice.message.content for choice in completion.choices] == ["And now?"] * 2


def test_rejects_requests_that_are_not_chat_requests() -> None:
    good = {"model": "gpt", "messages": HELLO}
    with ChatServer() as server:
        assert post(server, good, path="/chat/completions")[0] == 404
        assert post(server, good, path="/v1/models", method="GET")[0] == 404
        assert post(server, good, method="PUT")[0] == 405
        assert post(server, good, **{"content-type": "text/plain"})[0] == 400
        for body in (b"[]", b"{", b'{"temperature": NaN}', b"\xff"):
            assert post(server, body)[0] == 400
        assert (
            post(server, {"messages": HELLO})[1]["error"]["message"]
            == "you must provide a model parameter"
        )
        assert post(server, {"model": "gpt"})[1]["error"]["param"] == "messages"
        assert post(server, good)[0] == 200


@pytest.mark.slow
def test_connections_are_reused_and_200_requests_wait_in_parallel() -> None:
    async def ask() -> None:
        async with openai.AsyncOpenAI(
            base_url=server.base_url, api_key="any", max_retries=0
        ) as client:
            await asyncio.gather(
                *(client.chat.completions.create(model="gpt", messages=HELLO) for _ in range(200))
            )

    with ChatServer(answer(delay=2), record=False) as server:
        asyncio.run(ask())
    assert server.count == 200
    assert server.peak == 200
    assert server.requests == []


def test_a_stopped_server_closes_its_port() -> None:
    with talking(hang(30), timeout=30) as (server, create):
        timer = threading.Timer(0.2, server.stop)
        timer.start()
        with pytest.raises(openai.APIConnectionError) as caught:
            create()
        timer.join()
        assert not isinstance(caught.value, openai.APITimeoutError)
        with pytest.raises(openai.APIConnectionError):
            create()
    assert server.count == 1


def test_runs_in_a_separate_process() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.support.fake_chat_server",
        "--text",
        "apart",
    ]
    with subprocess.Popen(
        command, env=import_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with openai.OpenAI(base_url=url, api_key="any") as client:
            assert (
                client.chat.completions.create(model="gpt", messages=HELLO)
                .choices[0]
                .message.content
                == "apart"
            )
        out, _ = process.communicate()
    assert json.loads(out) == {"count": 1, "peak": 1, "refused": 0}
