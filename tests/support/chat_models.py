"""Builders of chat models, and helpers to call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelpact.errors import ChatError
from modelpact.models import ChatModel
from tests.support.fake_chat_server import Behaviour, ChatServer, Request, answer

KEY = "sk-" + "canary-7Q2wErTy9uIoPa5SdF1g"
"""A key that may only appear in the headers of requests."""

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Graz"}'},
}


def chat(server: ChatServer | str, kind: type[ChatModel] = ChatModel, **settings: Any) -> Any:
    """Return a chat model for a server without keys."""
    url = server if isinstance(server, str) else server.base_url
    return kind(
        **{
            "model": "gpt",
            "base_url": url,
            "api_key": None,
            "timeout": 5.0,
            "budget": 10.0,
            **settings,
        }
    )


def fails(
    model: ChatModel,
    inputs: Any = "Hello",
    params: dict[str, Any] | None = None,
    *,
    streamed: bool = False,
) -> ChatError:
    """Return the ChatError that a call raises."""
    with pytest.raises(ChatError) as caught:
        texts(model, inputs, params, streamed=streamed)
    return caught.value


def texts(
    model: ChatModel,
    inputs: Any = "Hello",
    params: dict[str, Any] | None = None,
    *,
    streamed: bool = False,
) -> list[str]:
    """Return the texts of the responses; streamed for one row only."""
    if streamed:
        return ["".join(model.predict_stream(inputs, params))]
    found: list[str] = model.predict(inputs, params)["response"].tolist()
    return found


def said(request: Request) -> str:
    """Return the content of the last message of a request."""
    content: str = request.body["messages"][-1]["content"]
    return content


def by_text(
    behaviours: dict[str, Behaviour], otherwise: Behaviour | None = None
) -> Callable[[Request], Behaviour]:
    """Return a script with a behaviour per text."""
    return lambda request: behaviours.get(said(request), otherwise or answer(said(request)))
