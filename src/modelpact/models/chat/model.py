"""`ChatModel`: a prompt and a server of OpenAI's protocol, as a model like any other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import PrivateAttr

from modelpact import signature
from modelpact.errors import ChatError, InputsError, ModelConfigError, PactError, SignError
from modelpact.models.base import Model, read_config
from modelpact.models.call_metadata import add_metadata
from modelpact.models.chat.attempt_errors import Failure
from modelpact.models.chat.client import Answer, Client, Course
from modelpact.models.chat.event_loop import each, iterate, run
from modelpact.models.chat.messages import Message, conversation, rows
from modelpact.models.chat.progress_bar import Progress
from modelpact.models.chat.settings import PROTOCOL, REQUEST, ChatSettings
from modelpact.models.chat.structured import Format, Misfit, format_of
from modelpact.types import Inputs, Params

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["ChatModel"]


class ChatModel(ChatSettings, Model):
    """Asks a server of OpenAI's protocol, one conversation a row, many at once.

    It is configured by the fields of `ChatSettings`; a `model_config.json` (`saver.config_file`, `load_context`) replaces those
    that it holds. It is saved as code and JSON, with references to keys and never a key.

    A subclass whose `predict` has type hints answers with what they say: `-> list[str]` for texts, `-> list[Person]` for JSON
    that is asked for by the schema of `Person` and checked against it.
    """

    extra_requirements: ClassVar[tuple[str, ...]] = ("openai",)
    deterministic: ClassVar[bool] = False

    _settings: ChatSettings | None = PrivateAttr(default=None)
    _client: tuple[int, Client] | None = PrivateAttr(default=None)

    @property
    def settings(self) -> ChatSettings:
        """The settings in force: the fields, or what `load_context` made of them."""
        return self if self._settings is None else self._settings

    def load_context(self, config: Mapping[str, Any] | str | Path | None) -> None:
        """Take up a configuration: a `model_config.json`, or what such a file holds.

        Raises:
            ModelConfigError: There is none, or it is broken; file, line and key are named.
            ModelConfigNotFound: The file does not exist.
            SecretError: It holds a literal key.
        """
        found = read_config(config)
        protocol = found.get("protocol", PROTOCOL)
        try:
            if protocol != PROTOCOL:
                raise ModelConfigError(
                    f"protocol is {protocol!r}; this release reads {PROTOCOL}", keys=["protocol"]
                )
            settings = self.but({key: value for key, value in found.items() if key != "protocol"})
        except PactError as error:
            if isinstance(config, (str, Path)):
                keys = list(getattr(error, "keys", ())) or [
                    place.split(".")[1] for place in getattr(error, "places", ()) if "." in place
                ]
                line = _line(Path(config), keys)
                error.message = f"{config}{f', line {line}' if line else ''}: {error.message}"
                if isinstance(error, ModelConfigError):
                    error.path, error.line = str(config), line
            raise
        self._context, self._settings, self._client = found, settings, None

    def overridable_config(self) -> dict[str, Any]:
        return {name: getattr(self.settings, name) for name in ChatSettings.option_fields()}

    def load(self, folder: Path) -> None:
        import openai  # noqa: F401  # so that it is among the requirements that MLflow finds, and its absence shows at once

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        """Answer each row.

        Args:
            inputs: A frame `(n_rows, n_columns)` with a column `messages`, with the columns that the template names, or with a
                single column of text; a list of texts, of lists of messages, or of dicts with such keys.
            params: Settings for this call: temperature, max_tokens, top_p, stop, seed, frequency_penalty, presence_penalty. None
                leaves one as it is configured.

        Returns:
            A frame `(n_rows, 1)` with the column `response`; with a `response_format` its columns; with `on_error=row` also the
            column `error`, None where all is well. A list where `predict` has type hints.

        Raises:
            InputsError: A row or a param is malformed; no request was sent.
            ModelConfigError: No model is configured, or a variable that is referred to is not set.
            ChatError: A row got no answer, with `on_error=raise`.
        """
        form = format_of(self.settings.response_format, self._hinted())
        if self.settings.on_error == "row" and self._hinted() is not None:
            raise ModelConfigError(
                "on_error=row needs a column for the errors, and a predict with type hints answers with a list",
                remedy="Drop the hints and sign with signer=explicit, or take on_error=raise.",
            )
        extra = self._extra(params, form)
        asked = [self._conversation(row, number) for number, row in enumerate(rows(inputs))]
        client = self._connected()
        many = len(asked) > 1

        async def answered(
            number: int, messages: list[Message] | InputsError
        ) -> tuple[Any, Answer] | PactError:
            if isinstance(messages, InputsError):
                return messages
            try:
                return await _ask(
                    client, messages, extra, form, client.course(f"row {number}: " if many else "")
                )
            except ChatError as error:
                error.row = number
                if self.settings.on_error == "raise":
                    raise
                return error

        with Progress(len(asked)) as progress:
            found = run(each(answered, asked, self.settings.max_concurrency, progress.advance))
        add_metadata(rows=[_facts(result) for result in found])
        return self._prediction(found, form)

    def predict_stream(self, inputs: Inputs, params: Params | None = None) -> Iterator[str]:
        """Answer one row, piece by piece.

        Args:
            inputs: One row, as `predict` takes it.
            params: Settings for this call, as `predict` takes them.

        Yields:
            The next piece of the answer's text.

        Raises:
            InputsError: There is more than one row, or it is malformed.
            ModelConfigError: No model is configured, or a variable that is referred to is not set.
            ChatError: There is no answer, or it broke off.
        """
        given = list(rows(inputs))
        if len(given) != 1:
            raise InputsError(
                f"a stream answers one row, and there are {len(given)}",
                remedy="Stream them one by one.",
                failures=[],
            )
        extra = self._extra(params, format_of(self.settings.response_format, self._hinted()))
        messages = conversation(
            given[0], 0, system=self.settings.system, template=self.settings.template
        )
        yield from iterate(self._connected().stream(messages, extra))

    def _hinted(self) -> Schema | None:
        if type(self).predict is ChatModel.predict:
            return None
        try:
            _, outputs = signature.from_predict(type(self).predict)
        except SignError:  # hints that MLflow cannot express
            return None
        return outputs

    def _extra(self, params: Params | None, form: Format | None) -> dict[str, Any]:
        given = {name: _native(value) for name, value in (params or {}).items()}
        unknown = [name for name in given if name not in REQUEST]
        if unknown:
            raise InputsError(
                f"a chat model has no param {unknown[0]}",
                remedy=f"Its params: {', '.join(REQUEST)}.",
                failures=[],
            )
        set_now = {
            name: value for name, value in given.items() if value is not None and value != []
        }
        try:
            if set_now:
                self.settings.but(set_now)
        except ModelConfigError as error:
            raise InputsError(f"params.{error.message}", remedy=error.remedy, failures=[]) from None
        return set_now if form is None else {**set_now, "response_format": form.request}

    def _conversation(self, row: Any, number: int) -> list[Message] | InputsError:
        try:
            return conversation(
                row, number, system=self.settings.system, template=self.settings.template
            )
        except InputsError as error:
            if self.settings.on_error == "raise":
                raise
            return error

    def _connected(self) -> Client:
        if self.settings.model is None:
            raise ModelConfigError(
                "the chat model has no configuration: model is not set",
                remedy="Set model.model=<its name on the server>, or give a file: saver.config_file=model_config.json.",
            )
        if self._client is None or self._client[0] != os.getpid():
            self._client = (os.getpid(), Client(self.settings))
        return self._client[1]

    def _prediction(self, found: list[tuple[Any, Answer] | PactError], form: Format | None) -> Any:
        values = [None if isinstance(result, PactError) else result[0] for result in found]
        if self._hinted() is not None:
            return values
        import pandas as pd

        if form is not None and form.columns:
            columns = {
                name: [None if value is None else value.get(name) for value in values]
                for name in form.columns
            }
        else:
            columns = {"response": values}
        if self.settings.on_error == "row":
            columns["error"] = [
                result.message if isinstance(result, PactError) else None for result in found
            ]
        gaps = {name for name, column in columns.items() if any(value is None for value in column)}
        return pd.DataFrame(
            {k: pd.Series(v, dtype=object) if k in gaps else v for k, v in columns.items()}
        )  # None, not NaN


async def _ask(
    client: Client,
    messages: list[Message],
    extra: dict[str, Any],
    form: Format | None,
    course: Course,
) -> tuple[Any, Answer]:
    """One row's value; an answer in the wrong form is sent back once."""
    answer = await client.ask(messages, extra, course)
    if form is None or answer.tool_calls:
        return answer.text, answer
    try:
        return form.read(answer.text), answer
    except Misfit as misfit:
        first, answer = (
            answer,
            await client.ask(form.again(messages, answer.text, misfit), extra, course),
        )
        answer = answer.after(first)
    try:
        return form.read(answer.text), answer
    except Misfit as misfit:
        cut = ", and it was cut off at max_tokens" if answer.finish_reason == "length" else ""
        failure = Failure("format_mismatch", f"{misfit}{cut}, also when asked again")
        raise failure.error(
            place=course.place, attempts=course.attempts, where=f"model {answer.model}"
        ) from misfit


def _facts(result: tuple[Any, Answer] | PactError) -> dict[str, Any]:
    if not isinstance(result, PactError):
        return result[1].facts()
    if not isinstance(result, ChatError):
        return {"error": "inputs"}
    facts = {"attempts": result.attempts, "status": result.status}
    return {"error": result.reason} | {k: v for k, v in facts.items() if v is not None}


def _native(value: Any) -> Any:
    return cast("Any", value).tolist() if hasattr(value, "tolist") else value


def _line(path: Path, keys: list[str]) -> int | None:
    """The number of the line on which the first of some keys stands."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if any(re.search(rf'"{re.escape(key)}"\s*:', line) for key in keys):
            return number
    return None
