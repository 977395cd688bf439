"""The settings of a chat model, and the server endpoints that they define."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, ValidationError, model_validator

from modelpact._internal.step import Step
from modelpact._internal.text import did_you_mean
from modelpact.errors import ModelConfigError
from modelpact.models.chat.messages import template_columns
from modelpact.security import secrets

__all__ = ["PROTOCOL", "REQUEST_PARAMS", "ChatSettings", "Endpoint"]

PROTOCOL = 1
"""The version of `model_config.json`."""

REQUEST_PARAMS = (
    "temperature",
    "max_tokens",
    "top_p",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
)
"""Settings that are sent under their own names, and that inference params can override."""

_FALLBACK_KEYS = ("model", "base_url", "api_key", "headers", "extra_body", *REQUEST_PARAMS)

_RESERVED_KEYS = frozenset({"model", "messages", "stream", "response_format", *REQUEST_PARAMS})


class ChatSettings(Step):
    """The configuration of a chat model, in YAML and in `model_config.json`.

    Attributes:
        model: Name of the model on the server.
        api_key: Reference to the key, `env:NAME`, resolved at the first call; None for a server
            without keys.
        base_url: URL of the server including `/v1`, or a reference, `env:NAME`.
        system: System message for conversations that have none.
        template: User message with column names in braces: `Translate into {language}: {text}`.
        temperature: Randomness, 0 to 2; None leaves this and the following to the server.
        max_tokens: Maximum length of a response, in tokens.
        top_p: Nucleus sampling: share of the probability mass, above 0, up to 1.
        stop: Stop sequence, or a list of up to four.
        seed: Seed for reproducible responses, if the server supports it.
        frequency_penalty: Penalty for frequent tokens, -2 to 2.
        presence_penalty: Penalty for tokens that occurred before, -2 to 2.
        response_format: None for text; a schema such as `{name: string, age: long}` for JSON that
            is checked against it; or a value of OpenAI's API, `{type: json_object}`.
        headers: Headers to send; each value is a reference, `env:NAME`.
        extra_body: Further keys of the request body.
        timeout: Seconds per attempt.
        max_retries: Retries per row after status 429, status 5xx and timeouts.
        budget: Seconds per row, including retries and fallbacks.
        max_concurrency: Number of rows in flight at once.
        fallbacks: Models to try in order after a failure, as changes to these settings. A fallback
            on another server needs its own `api_key`.
        on_error: `raise` raises at the first row that fails; `row` writes the message to a column
            `error` and continues.
        max_response_bytes: Maximum size of a response body.
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
    def _check_settings(self) -> ChatSettings:
        secrets.reject_literals(self.model_dump(), "model")
        if isinstance(self.stop, list) and len(self.stop) > 4:
            raise ValueError("stop accepts up to four strings")
        if not secrets.referenced_variable(self.base_url):
            _check_url(self.base_url)
        if self.template is not None:
            template_columns(self.template)
        reserved = sorted(_RESERVED_KEYS & set(self.extra_body or {}))
        if reserved:
            raise ValueError(f"extra_body: {reserved[0]} cannot be set here")
        self.endpoints()
        return self

    def setting_values(self) -> dict[str, Any]:
        """Return the values of all settings by name, without the fields of a subclass."""
        return {name: getattr(self, name) for name in ChatSettings.option_fields()}

    def with_changes(self, changes: Mapping[str, Any]) -> ChatSettings:
        """Return these settings with some of them replaced.

        Raises:
            ModelConfigError: A name is unknown or a value is invalid; all of them are listed.
            SecretError: A value is a literal key.
        """
        values = self.setting_values()
        unknown = [str(key) for key in changes if key not in values]
        if unknown:
            raise ModelConfigError(
                "; ".join(
                    f"unknown chat model setting {key!r}{did_you_mean(key, values)}"
                    for key in unknown
                ),
                remedy=f"Settings: {', '.join(values)}.",
                keys=unknown,
            )
        try:
            return ChatSettings(**{**values, **changes})
        except ValidationError as error:
            messages = _validation_messages(error)
            keys = [re.split(r"[.: ]", message)[0] for message in messages]
            # Not chained: Pydantic's message repeats the values.
            raise ModelConfigError("; ".join(messages), keys=keys) from None

    def endpoints(self) -> list[Endpoint]:
        """Return the configured endpoint, then those of the fallbacks.

        Raises:
            ValueError: A fallback is malformed.
        """
        fallbacks = [
            self._fallback_endpoint(fallback, f"fallbacks.{index}")
            for index, fallback in enumerate(self.fallbacks)
        ]
        return [self._endpoint(self.headers), *fallbacks]

    def _endpoint(self, headers: Mapping[str, str] | None) -> Endpoint:
        request = {
            name: getattr(self, name)
            for name in REQUEST_PARAMS
            if getattr(self, name) not in (None, [])
        }
        return Endpoint(
            model=self.model or "",
            base_url=self.base_url,
            api_key=self.api_key,
            headers=headers or {},
            request={**request, **(self.extra_body or {})},
        )

    def _fallback_endpoint(self, fallback: dict[str, Any], place: str) -> Endpoint:
        _check_fallback_keys(fallback, place)
        values = {key: getattr(self, key) for key in _FALLBACK_KEYS}
        try:
            settings = ChatSettings(**{**values, **fallback})
        except ValidationError as error:
            messages = [f"{place}.{message}" for message in _validation_messages(error)]
            raise ValueError("; ".join(messages)) from None
        is_other_server = settings.base_url != self.base_url
        if is_other_server and self.api_key is not None and "api_key" not in fallback:
            raise ValueError(f"{place} is on another server and needs its own api_key (or null)")
        # The configured headers may contain keys of the configured server.
        default_headers = None if is_other_server else self.headers
        return settings._endpoint(fallback.get("headers", default_headers))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model on a server.

    Attributes:
        model: Name of the model on the server.
        base_url: URL of the server, or a reference to it.
        api_key: Reference to the key; None for a server without keys.
        headers: Headers to send, each value a reference.
        request: Keys of the request body, without the messages.
    """

    model: str
    base_url: str
    api_key: str | None
    headers: Mapping[str, str]
    request: Mapping[str, Any]

    def resolved_url(self) -> str:
        """Return the URL of the server, with a reference resolved.

        Raises:
            ModelConfigError: The variable is not set, or is not a URL.
            SecretError: The URL contains a password.
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


def _check_fallback_keys(fallback: Mapping[str, Any], place: str) -> None:
    for key in fallback:
        if key not in _FALLBACK_KEYS:
            suggestion = did_you_mean(key, _FALLBACK_KEYS)
            raise ValueError(f"{place}.{key}: unknown key of a fallback{suggestion}")
    if "model" not in fallback and "base_url" not in fallback:
        raise ValueError(f"{place} sets neither model nor base_url")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_valid_port = parts.port is None or parts.port > 0
    except ValueError:
        is_valid_port = False
    if not (is_valid_port and parts.scheme in {"http", "https"} and parts.hostname):
        raise ValueError("base_url is not a URL: write http://localhost:4000/v1, or env:NAME")


def _validation_messages(error: ValidationError) -> list[str]:
    """Return one message per invalid setting, with its key and without its value."""
    messages: dict[str, str] = {}
    for issue in error.errors(include_input=False):
        # Pydantic adds the branches of a union to the location.
        parts = map(str, issue["loc"])
        place = ".".join(part for part in parts if not part.startswith(("str", "list[")))
        text = issue["msg"]
        if issue["type"] == "value_error":
            text = str(issue["ctx"]["error"].args[0])
        messages.setdefault(place, f"{place}: {text[0].lower()}{text[1:]}" if place else text)
    return list(messages.values())
