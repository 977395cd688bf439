"""Chat models on servers with OpenAI's chat API: OpenAI, LiteLLM, vLLM, Ollama and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.models.chat.model import ChatModel
    from modelpact.models.chat.settings import ChatSettings

__all__ = ["ChatModel", "ChatSettings"]

__getattr__ = lazy(__name__, {"ChatModel": ".model", "ChatSettings": ".settings"})
