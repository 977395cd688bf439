"""Chat models behind servers that speak OpenAI's protocol: OpenAI itself, LiteLLM, vLLM, Ollama and many more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.models.chat.model import ChatModel
    from modelpact.models.chat.settings import ChatSettings

__all__ = ["ChatModel", "ChatSettings"]

__getattr__ = lazy(
    __name__,
    {"ChatModel": ".model", "ChatSettings": ".settings"},
)
