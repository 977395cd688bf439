"""`ChatModel`: a prompt and a chat server, published like any other model."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import PrivateAttr

from modelpact._internal.step import Inputs, Params
from modelpact.errors import ChatError, InputsError, ModelConfigError, PactError
from modelpact.models.base import Model, read_config
from modelpact.models.call_metadata import add_metadata
from modelpact.models.chat.attempt_errors import AttemptError
from modelpact.models.chat.client import Client, Completion, RetryState
from modelpact.models.chat.event_loop import iterate_sync, map_concurrently, run_coroutine
from modelpact.models.chat.messages import Message, build_messages, iter_rows
from modelpact.models.chat.progress_bar import row_progress
from modelpact.models.chat.response_format import (
    FormatMismatch,
    ResponseFormat,
    parse_response_format,
)
from modelpact.models.chat.settings import PROTOCOL, REQUEST_PARAMS, ChatSettings

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.types.schema import Schema

__all__ = ["ChatModel"]

RowResult = tuple[Any, Completion] | PactError
"""The value of a row and the completion it comes from, or the error of the row."""


class ChatModel(ChatSettings, Model):
    """Sends one conversation per row to a chat server, many at once.

    The fields are those of `ChatSettings`. A `model_config.json` (`saver.config_file`,
    `load_context`) replaces those that it contains. The model is saved as code and JSON with
    references to keys, never with a key.

    A subclass with type hints on `predict` returns a list: strings for `-> list[str]`, and for
    `-> list[Person]` JSON that is requested by the schema of `Person` and checked against it.
    """

    extra_requirements: ClassVar[tuple[str, ...]] = ("openai",)
    deterministic: ClassVar[bool] = False
    takes_any_form: ClassVar[bool] = True

    _settings: ChatSettings | None = PrivateAttr(default=None)
    _client: tuple[int, Client] | None = PrivateAttr(default=None)

    @property
    def settings(self) -> ChatSettings:
        """The settings in effect: the fields, with the changes of `load_context`."""
        return self if self._settings is None else self._settings

    def load_context(self, config: Mapping[str, Any] | str | Path | None) -> None:
        """Change the settings, from a `model_config.json` or a mapping.

        Raises:
            ModelConfigError: The configuration is missing or invalid; the message has the file,
                the line and the key.
            ModelConfigNotFound: The file does not exist.
            SecretError: The configuration contains a literal key.
        """
        changes = read_config(config)
        try:
            settings = self._apply_config(changes)
        except PactError as error:
            if isinstance(config, (str, Path)):
                _add_location(error, Path(config))
            raise
        self._context, self._settings, self._client = changes, settings, None

    def _apply_config(self, config: Mapping[str, Any]) -> ChatSettings:
        protocol = config.get("protocol", PROTOCOL)
        if protocol != PROTOCOL:
            raise ModelConfigError(
                f"protocol is {protocol!r}, but this release reads {PROTOCOL}", keys=["protocol"]
            )
        return self.with_changes({key: config[key] for key in config if key != "protocol"})

    def overridable_config(self) -> dict[str, Any]:
        return self.settings.setting_values()

    def unused_modules(self) -> tuple[str, ...]:
        unused: tuple[str, ...] = ("modelpact.models.input_forms",)
        if self.settings.response_format is None and not self._has_own_predict():
            unused += ("modelpact.models.chat.response_schema",)
        return unused

    def load(self, folder: Path) -> None:
        # MLflow adds what is imported here to the requirements; a missing package is found early.
        import openai  # noqa: F401

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        """Return one response per row.

        Args:
            inputs: A DataFrame `(n_rows, n_columns)` with a column `messages`, the columns of the
                template, or a single column of strings; or a list of strings, of lists of
                messages, or of dicts with such keys.
            params: Settings for this call: temperature, max_tokens, top_p, stop, seed,
                frequency_penalty, presence_penalty. None means as configured.

        Returns:
            A DataFrame `(n_rows, 1)` with the column `response`, or with the columns of
            `response_format`. With `on_error=row` it has a column `error`, None for rows without
            an error. A list if `predict` has type hints.

        Raises:
            InputsError: A row or a param is malformed; no request was sent.
            ModelConfigError: The model is not set, or a referenced variable is not set.
            ChatError: A row failed, with `on_error=raise`.
        """
        hinted = self._hinted_outputs()
        response_format = parse_response_format(self.settings.response_format, hinted)
        if self.settings.on_error == "row" and hinted is not None:
            raise ModelConfigError(
                "on_error=row needs a DataFrame with a column for errors, but a predict with type "
                "hints returns a list",
                remedy="Remove the hints and use signer=explicit, or set model.on_error=raise.",
            )
        request = self._request_params(params, response_format)
        conversations = [
            self._build_messages(row, number) for number, row in enumerate(iter_rows(inputs))
        ]
        results = self._complete_rows(conversations, request, response_format)
        add_metadata(rows=[_row_metadata(result) for result in results])
        if hinted is not None:
            return [_value(result) for result in results]
        return self._to_frame(results, response_format)

    def predict_stream(self, inputs: Inputs, params: Params | None = None) -> Iterator[str]:
        """Yield the response to one row, piece by piece.

        Args:
            inputs: One row, in any form that `predict` accepts.
            params: Settings for this call, as in `predict`.

        Yields:
            The next piece of text.

        Raises:
            InputsError: There is not exactly one row, or it is malformed.
            ModelConfigError: The model is not set, or a referenced variable is not set.
            ChatError: The request failed, or the stream ended early.
        """
        rows = list(iter_rows(inputs))
        if len(rows) != 1:
            raise InputsError(
                f"a stream takes one row, but there are {len(rows)}",
                remedy="Stream the rows one by one.",
                failures=[],
            )
        settings = self.settings
        response_format = parse_response_format(settings.response_format, self._hinted_outputs())
        request = self._request_params(params, response_format)
        messages = build_messages(rows[0], 0, system=settings.system, template=settings.template)
        yield from iterate_sync(self._connect().stream(messages, request))

    def _has_own_predict(self) -> bool:
        return type(self).predict is not ChatModel.predict

    def _hinted_outputs(self) -> Schema | None:
        """Return the outputs in the type hints of a subclass, as a schema."""
        if not self._has_own_predict():
            return None
        from modelpact.models.chat.response_schema import hinted_outputs

        return hinted_outputs(type(self).predict)

    def _request_params(
        self, params: Params | None, response_format: ResponseFormat | None
    ) -> dict[str, Any]:
        """Return the keys that the params and the response format add to a request."""
        request: dict[str, Any] = {}
        for name, value in (params or {}).items():
            if name not in REQUEST_PARAMS:
                raise InputsError(
                    f"a chat model has no param {name!r}",
                    remedy=f"Params: {', '.join(REQUEST_PARAMS)}.",
                    failures=[],
                )
            # NumPy scalars and arrays cannot be sent as JSON.
            plain = value.tolist() if hasattr(value, "tolist") else value
            if plain not in (None, []):
                request[name] = plain
        try:
            self.settings.with_changes(request)
        except ModelConfigError as error:
            raise InputsError(f"params.{error.message}", remedy=error.remedy, failures=[]) from None
        if response_format is not None:
            request["response_format"] = response_format.request
        return request

    def _build_messages(self, row: Any, number: int) -> list[Message] | InputsError:
        settings = self.settings
        try:
            return build_messages(row, number, system=settings.system, template=settings.template)
        except InputsError as error:
            if settings.on_error == "raise":
                raise
            return error

    def _complete_rows(
        self,
        conversations: list[list[Message] | InputsError],
        request: dict[str, Any],
        response_format: ResponseFormat | None,
    ) -> list[RowResult]:
        client = self._connect()
        n_rows = len(conversations)

        async def complete(number: int, messages: list[Message] | InputsError) -> RowResult:
            if isinstance(messages, InputsError):
                return messages
            state = client.start_row(f"row {number}: " if n_rows > 1 else "")
            try:
                return await _complete_row(client, messages, request, response_format, state)
            except ChatError as error:
                error.row = number
                if self.settings.on_error == "raise":
                    raise
                return error

        with row_progress(n_rows) as advance:
            max_concurrency = self.settings.max_concurrency
            return run_coroutine(
                map_concurrently(complete, conversations, max_concurrency, advance)
            )

    def _connect(self) -> Client:
        if self.settings.model is None:
            raise ModelConfigError(
                "the chat model is not configured: model.model is not set",
                remedy="Set model.model=<name on the server>, or give a file: "
                "saver.config_file=model_config.json.",
            )
        # A forked process must not use its parent's connections.
        if self._client is None or self._client[0] != os.getpid():
            self._client = (os.getpid(), Client(self.settings))
        return self._client[1]

    def _to_frame(
        self, results: list[RowResult], response_format: ResponseFormat | None
    ) -> pd.DataFrame:
        import pandas as pd

        columns = _to_columns(results, response_format)
        if self.settings.on_error == "row":
            columns["error"] = [
                result.message if isinstance(result, PactError) else None for result in results
            ]
        # Columns with missing values need the dtype object, or pandas replaces None by NaN.
        return pd.DataFrame(
            {
                name: pd.Series(column, dtype=object) if None in column else column
                for name, column in columns.items()
            }
        )


async def _complete_row(
    client: Client,
    messages: list[Message],
    request: dict[str, Any],
    response_format: ResponseFormat | None,
    state: RetryState,
) -> tuple[Any, Completion]:
    """Return the value of one row. A response in the wrong format is corrected once."""
    first = await client.complete(messages, request, state)
    if response_format is None or first.tool_calls:
        return first.text, first
    try:
        return response_format.parse(first.text), first
    except FormatMismatch as mismatch:
        correction = response_format.correction_messages(messages, first.text, mismatch)
    second = (await client.complete(correction, request, state)).add_tokens(first)
    try:
        return response_format.parse(second.text), second
    except FormatMismatch as mismatch:
        is_cut = second.finish_reason == "length"
        cut = ", and it was cut off at max_tokens" if is_cut else ""
        error = AttemptError("format_mismatch", f"{mismatch}{cut}, also after a correction")
        raise error.to_chat_error(
            row_label=state.row_label, attempts=state.attempts, endpoint=f"model {second.model}"
        ) from mismatch


def _value(result: RowResult) -> Any:
    return None if isinstance(result, PactError) else result[0]


def _to_columns(
    results: list[RowResult], response_format: ResponseFormat | None
) -> dict[str, list[Any]]:
    values = [_value(result) for result in results]
    if response_format is None or not response_format.columns:
        return {"response": values}
    return {
        name: [None if value is None else value.get(name) for value in values]
        for name in response_format.columns
    }


def _row_metadata(result: RowResult) -> dict[str, Any]:
    if not isinstance(result, PactError):
        return result[1].metadata()
    if not isinstance(result, ChatError):
        return {"error": "inputs"}
    metadata: dict[str, Any] = {"error": result.reason}
    if result.attempts is not None:
        metadata["attempts"] = result.attempts
    if result.status is not None:
        metadata["status"] = result.status
    return metadata


def _add_location(error: PactError, path: Path) -> None:
    """Add the file and the line of an invalid key to an error."""
    keys = list(getattr(error, "keys", ()))
    if not keys:
        places = getattr(error, "places", ())
        keys = [place.split(".")[1] for place in places if "." in place]
    line = _find_line(path, keys)
    location = f"{path}, line {line}" if line else str(path)
    error.message = f"{location}: {error.message}"
    if isinstance(error, ModelConfigError):
        error.path, error.line = str(path), line


def _find_line(path: Path, keys: list[str]) -> int | None:
    """Return the number of the first line that sets one of the keys, or None."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if any(re.search(rf'"{re.escape(key)}"\s*:', line) for key in keys):
            return number
    return None
