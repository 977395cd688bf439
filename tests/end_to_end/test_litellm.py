"""A real LiteLLM proxy with mocked models: its responses and the requests that it receives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.support.litellm_proxy import Proxy

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
