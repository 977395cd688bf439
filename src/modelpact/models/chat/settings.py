"""What a chat model is configured with, and the servers that follow from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, ValidationError, model_validator

from modelpact._internal.text import did_you_mean
from modelpact.errors import ModelConfigError
from modelpact.models.chat.messages import fields
from modelpact.security import secrets
from modelpact.types import Step

__all__ = ["PROTOCOL", "REQUEST", "ChatSettings", "Endpoint"]

PROTOCOL = 1
"""The version of `model_config.json`."""

REQUEST = (
    "temperature",
    "max_tokens",
    "top_p",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
)
"""The settings that go into a request under their own names, and that params may set for one call."""

_OF_A_FALLBACK = ("model", "base_url", "api_key", "headers", "extra_body", *REQUEST)


class ChatSettings(Step):
    """The configuration of a chat model, as it stands in YAML and in `model_config.json`.

    Attributes:
        model: The model's name on the server.
        api_key: A reference to the key, `env:NAME`, looked up when the model is first called; None for a server without keys.
        base_url: The server, up to and with `/v1`; also a reference, `env:NAME`.
        system: A system message put before every conversation that has none of its own.
        template: The user's message with a row's columns in braces: `Translate into {language}: {text}`.
        temperature: Randomness, 0 to 2; None leaves it, like all that follow, to the server.
        max_tokens: The longest answer, in tokens.
        top_p: Share of the probability mass to sample from, above 0, up to 1.
        stop: Where to stop: a text or up to four.
        seed: For answers that repeat themselves, where the server can.
        frequency_penalty: Against repetition, -2 to 2.
        presence_penalty: For new subjects, -2 to 2.
        response_format: None for text; a written schema such as `{name: string, age: long}` for JSON that is checked against it;
            or the protocol's own form, `{type: json_object}`.
        headers: Headers to send, each value a reference, `env:NAME`.
        extra_body: Whatever else the server takes, put into the request as it is.
        timeout: Seconds that one attempt may take.
        max_retries: How often a row is tried again after 429, 5xx and timeouts.
        budget: Seconds that one row may take, with its retries and fallbacks.
        max_concurrency: How many rows are under way at once.
        fallbacks: Other models to ask in turn when one fails: settings that differ from these. One on another server needs an
            `api_key` of its own.
        on_error: `raise` stops at the first row that fails; `row` answers the others and says in a column `error` what was wrong.
        max_response_bytes: The longest body that is read from a server.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    excluded_from_key: ClassVar[frozenset[str]] = frozenset(
        {"timeout", "max_retries", "budget", "max_concurrency", "max_response_bytes"}
    )

    model: str | None = Field(default=None, min_length=1)
    api_key: str | None = "env:OPENAI_API_KEY"
    base_url: str = "https://api.openai.com/v1"
    system: str | None = None
    template: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: str | list[str] | None = None
    seed: int | None = None
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    response_format: Any = None
    headers: dict[str, str] | None = None
    extra_body: dict[str, Any] | None = None
    timeout: float = Field(default=60.0, gt=0)
    max_retries: int = Field(default=3, ge=0)
    budget: float = Field(default=180.0, gt=0)
    max_concurrency: int = Field(default=100, ge=1)
    fallbacks: list[dict[str, Any]] = []
    on_error: Literal["raise", "row"] = "raise"
    max_response_bytes: int = Field(default=4_000_000, ge=1)

    @model_validator(mode="after")
    def _checked(self) -> ChatSettings:
        secrets.reject_literals(self.model_dump(), "model")
        if isinstance(self.stop, list) and len(self.stop) > 4:
            raise ValueError("stop takes up to four texts")
        if not secrets.referenced_variable(self.base_url):
            _check_url(self.base_url)
        if self.template is not None:
            fields(self.template)
        taken = sorted(
            {"model", "messages", "stream", "response_format", *REQUEST}
            & set(self.extra_body or {})
        )
        if taken:
            raise ValueError(f"extra_body: {taken[0]} is set by modelpact, not there")
        self.endpoints()
        return self

    def but(self, changes: Mapping[str, Any]) -> ChatSettings:
        """These settings with others in their places.

        Raises:
            ModelConfigError: A name is unknown or a value is wrong; each fault with its key.
            SecretError: A value is a literal key.
        """
        known = list(ChatSettings.option_fields())
        unknown = [str(key) for key in changes if key not in known]
        if unknown:
            raise ModelConfigError(
                "; ".join(
                    f"{key}: no such setting of a chat model{did_you_mean(key, known)}"
                    for key in unknown
                ),
                remedy=f"The settings: {', '.join(known)}.",
                keys=unknown,
            )
        mine = {name: getattr(self, name) for name in known}
        try:
            return ChatSettings(**{**mine, **changes})
        except ValidationError as error:
            faults = _faults(error)
            keys = [re.split(r"[.: ]", fault)[0] for fault in faults]
            raise ModelConfigError(
                "; ".join(faults), keys=keys
            ) from None  # its own text would repeat what was given

    def endpoints(self) -> list[Endpoint]:
        """The servers to ask, in their order: the configured one, then the fallbacks.

        Raises:
            ValueError: A fallback is malformed.
        """
        found = [
            Endpoint(
                self.model or "", self.base_url, self.api_key, self.headers or {}, self._request()
            )
        ]
        for index, fallback in enumerate(self.fallbacks):
            unknown = [str(key) for key in fallback if key not in _OF_A_FALLBACK]
            if unknown:
                raise ValueError(
                    f"fallbacks.{index}.{unknown[0]}: a fallback has no such key{did_you_mean(unknown[0], _OF_A_FALLBACK)}"
                )
            if "model" not in fallback and "base_url" not in fallback:
                raise ValueError(
                    f"fallbacks.{index} names neither another model nor another base_url"
                )
            found.append(self._fallback(fallback, index))
        return found

    def _fallback(self, fallback: dict[str, Any], index: int) -> Endpoint:
        try:
            changed = ChatSettings(
                **{**{key: getattr(self, key) for key in _OF_A_FALLBACK}, **fallback}
            )
        except ValidationError as error:
            raise ValueError(
                "; ".join(f"fallbacks.{index}.{fault}" for fault in _faults(error))
            ) from None
        elsewhere = changed.base_url != self.base_url
        if elsewhere and self.api_key is not None and "api_key" not in fallback:
            raise ValueError(
                f"fallbacks.{index} is another server and needs an api_key of its own (null for none)"
            )
        headers = fallback.get("headers", {} if elsewhere else self.headers)
        return Endpoint(
            changed.model or "",
            changed.base_url,
            changed.api_key,
            headers or {},
            changed._request(),
        )

    def _request(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in REQUEST}
        return {
            **{name: value for name, value in given.items() if value is not None and value != []},
            **(self.extra_body or {}),
        }


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model on a server, and what is sent to it; keys are references still."""

    model: str
    base_url: str
    api_key: str | None
    headers: Mapping[str, str]
    request: Mapping[str, Any]

    def resolved_url(self) -> str:
        """The server's address, with a reference looked up.

        Raises:
            ModelConfigError: The variable is not set, or is no address.
            SecretError: The address holds a password.
        """
        if not secrets.referenced_variable(self.base_url):
            return self.base_url
        url = secrets.resolve(self.base_url, "model.base_url")
        secrets.reject_literals({"base_url": url}, "model", source=self.base_url)
        try:
            _check_url(url)
        except ValueError as error:
            raise ModelConfigError(f"{self.base_url}: {error}") from None
        return url


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            "base_url is no address of a server: write http://localhost:4000/v1, or env:NAME"
        )


def _faults(error: ValidationError) -> list[str]:
    """What is wrong, each fault after its key, and none of the values."""
    found: dict[str, str] = {}
    for fault in error.errors(include_input=False):
        place = ".".join(
            str(part) for part in fault["loc"] if not str(part).startswith(("str", "list["))
        )
        text = (
            str(fault["ctx"]["error"].args[0]) if fault["type"] == "value_error" else fault["msg"]
        )
        found.setdefault(place, f"{place}: {text[0].lower()}{text[1:]}" if place else text)
    return list(found.values())
