"""Short waits between retries, and a key in the environment."""

from __future__ import annotations

import importlib

import pytest

from modelpact.models.chat import client
from tests.support.chat_models import KEY

# The first import of the SDK takes seconds, which must not count in tests that measure time.
importlib.import_module("openai.resources.chat.completions")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits between attempts, and set the variable KEY."""
    monkeypatch.setattr(client, "FIRST_WAIT", 0.02)
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
