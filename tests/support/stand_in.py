"""A replacement for the LiteLLM proxy of examples/litellm in pages that start it: the same models and responses, on the fake server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.fake_chat_server import Behaviour, ChatServer, Request, answer, status, stream

CONFIG = Path(__file__).parents[2] / "examples" / "litellm" / "config.yaml"
STATUS = {
    "litellm.RateLimitError": 429,
    "litellm.InternalServerError": 500,
    "litellm.ContextWindowExceededError": 400,
}
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}


@contextmanager
def running() -> Iterator[ChatServer]:
    """Run the server during the block, with its key in the environment.

    It has a free port. Requests of a page to http://localhost:4000 reach the server because it is the HTTP proxy of the environment.
    Requests to 127.0.0.1 do not.
    """
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    mocks = {each["model_name"]: each["litellm_params"] for each in config["model_list"]}
    (fallbacks,) = config["router_settings"]["fallbacks"]
    key = f"sk-{secrets.token_hex(16)}"
    with (
        ChatServer(lambda request: _behaviour(request, mocks, fallbacks), key=key) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "all_proxy"):
            patch.delenv(name, raising=False)
        patch.setenv("http_proxy", server.base_url.removesuffix("/v1"))
        patch.setenv("no_proxy", "127.0.0.1")
        patch.setenv("LITELLM_MASTER_KEY", key)
        yield server


def _behaviour(
    request: Request, mocks: dict[str, Any], fallbacks: dict[str, list[str]]
) -> Behaviour:
    asked = request.body["model"]
    if asked not in mocks:
        return status(
            400, _error(f"/chat/completions: Invalid model name passed in model={asked}.")
        )
    name = fallbacks.get(asked, [asked])[0]
    said, delay = mocks[name]["mock_response"], mocks[name].get("mock_delay", 0)
    if said in STATUS:
        return status(STATUS[said], _error(f"{said}: this is a mock"))
    if request.body.get("stream"):
        return stream([said[start : start + 3] for start in range(0, len(said), 3)])
    return answer(said, delay, model=name, usage=USAGE)


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": None, "param": None, "code": None}}
