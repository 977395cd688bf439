"""A real LiteLLM proxy with mocked models: its responses, and chat models that call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.commands import CommandRunner, modelpact
from tests.support.litellm_proxy import Proxy
from tests.support.publishing import versions

__all__ = ["modelpact"]  # the fixture

pytestmark = pytest.mark.litellm

HELLO: list[Any] = [{"role": "user", "content": "Say hello"}]


@pytest.fixture
def client(litellm_proxy: Proxy) -> Iterator[openai.OpenAI]:
    """The SDK without retries."""
    with openai.OpenAI(
        base_url=litellm_proxy.base_url, api_key=litellm_proxy.key, max_retries=0
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("demo", "Hello from the proxy."),
        ("demo-json", '{"label": "greeting", "score": 0.9}'),
        ("demo-slow", "Sorry to keep you waiting."),
    ],
)
def test_returns_a_completion(model: str, text: str, client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO)
    assert completion.choices[0].message.content == text
    assert completion.choices[0].finish_reason == "stop"
    assert completion.model == model
    assert completion.usage is not None
    assert (
        completion.usage.total_tokens
        == completion.usage.prompt_tokens + completion.usage.completion_tokens
        > 0
    )


def test_a_fallback_responds_with_the_name_of_its_model(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="demo-fallback", messages=HELLO)
    assert completion.choices[0].message.content == "Hello from the proxy."
    assert completion.model == "demo"


def test_streams_a_completion(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="demo", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == "Hello from the proxy."
    assert len([text for text in texts if text]) > 1
    assert "stop" in [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [
        ("demo-limited", openai.RateLimitError, "RateLimitError"),
        ("demo-failing", openai.InternalServerError, "InternalServerError"),
        ("demo-long", openai.BadRequestError, "ContextWindowExceededError"),
        ("unknown", openai.BadRequestError, "Invalid model name passed in model=unknown"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_returns_the_status_of_the_error(
    model: str, error: type[openai.APIStatusError], says: str, stream: bool, client: openai.OpenAI
) -> None:
    for _ in range(3):  # no cooldown changes the response
        with pytest.raises(error, match=says):
            client.chat.completions.create(model=model, messages=HELLO, stream=stream)


def test_a_wrong_key_is_rejected(litellm_proxy: Proxy, client: openai.OpenAI) -> None:
    wrong = "sk-" + "wrong"  # LiteLLM requires this form
    with pytest.raises(openai.AuthenticationError) as caught:
        client.with_options(api_key=wrong).chat.completions.create(model="demo", messages=HELLO)
    assert caught.value.status_code == 401
    assert wrong not in str(caught.value)


def test_records_received_requests(litellm_proxy: Proxy, client: openai.OpenAI) -> None:
    before = len(litellm_proxy.received())
    client.chat.completions.create(
        model="demo", messages=HELLO, temperature=0.25, max_tokens=7, stop=["a"]
    )
    assert litellm_proxy.received()[before:] == [
        {"model": "demo", "messages": HELLO, "temperature": 0.25, "max_tokens": 7, "stop": ["a"]}
    ]


CALLER = """
import json, sys
import pandas as pd
from modelpact.loaders import CustomLoader
from modelpact.tracking import SqliteTracking

question = pd.DataFrame({"messages": [[{"role": "user", "content": "What is a signature?"}]]})
with SqliteTracking().open():
    adapter = CustomLoader().load("models:/chat/1")
answered = adapter.predict(question, {"temperature": 0.9, "max_tokens": 7})
pieces = list(adapter.predict_stream(question, {"temperature": 0.8}))
print(json.dumps([answered.prediction["response"].tolist(), answered.metadata["rows"], pieces]))
"""


@pytest.fixture
def proxy(litellm_proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The proxy, with its key in the variable of the example configuration."""
    monkeypatch.setenv("LITELLM_MASTER_KEY", litellm_proxy.key)
    return litellm_proxy


def test_a_published_model_predicts_and_streams_in_another_process(
    proxy: Proxy, modelpact: CommandRunner
) -> None:
    ended = modelpact("experiment=chat", f"model.base_url={proxy.base_url}")
    assert ended.status == 0, ended.err
    assert "registered chat version 1" in ended.out
    assert versions("chat") == [1]
    before = len(proxy.received())
    done = subprocess.run(
        [sys.executable, "-c", CALLER],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    texts, (row,), pieces = json.loads(done.stdout.splitlines()[-1])
    assert texts == ["Hello from the proxy."]
    assert "".join(pieces) == texts[0]
    assert len(pieces) > 1
    assert row["model"] == "demo"
    assert row["attempts"] == 1
    whole, streamed = proxy.received()[before:]
    assert whole == {
        "model": "demo",
        "messages": [
            {"role": "system", "content": "Answer in one sentence."},
            {"role": "user", "content": "What is a signature?"},
        ],
        "temperature": 0.9,
        "max_tokens": 7,
    }
    assert streamed["temperature"] == 0.8
    assert streamed["stream"] is True
    assert not [
        path
        for path in Path.cwd().rglob("*")
        if path.is_file() and proxy.key.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("demo-limited", "rate_limited"),
        ("demo-failing", "server_error"),
        ("demo-long", "bad_request"),
    ],
)
def test_errors_of_the_proxy_have_a_reason_and_trigger_the_fallback(
    model: str, reason: str, proxy: Proxy
) -> None:
    from modelpact.errors import ChatError
    from modelpact.models import ChatModel

    settings: dict[str, Any] = {
        "api_key": "env:LITELLM_MASTER_KEY",
        "base_url": proxy.base_url,
        "max_retries": 0,
    }
    with pytest.raises(ChatError) as caught:
        ChatModel(model=model, **settings).predict("hello")
    assert caught.value.reason == reason
    mended = ChatModel(model=model, fallbacks=[{"model": "demo"}], **settings).predict("hello")
    assert mended["response"].tolist() == ["Hello from the proxy."]


def test_a_response_format_requests_a_json_schema(proxy: Proxy) -> None:
    from modelpact.models import ChatModel

    model = ChatModel(
        model="demo-json",
        api_key="env:LITELLM_MASTER_KEY",
        base_url=proxy.base_url,
        response_format={"label": "string", "score": "double"},
    )
    assert model.predict("hello").to_dict("records") == [{"label": "greeting", "score": 0.9}]
    assert proxy.received()[-1]["response_format"]["type"] == "json_schema"
