"""From rows to conversations: what a caller gives becomes the `messages` of a request."""

from __future__ import annotations

import enum
import functools
import json
import math
import string
from collections.abc import Iterator, Mapping
from typing import Any

from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import InputsError, ModelConfigError

__all__ = ["Message", "conversation", "fields", "rows"]

Message = dict[str, Any]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def conversation(
    row: Any, number: int, *, system: str | None = None, template: str | None = None
) -> list[Message]:
    """The conversation that a row is.

    Args:
        row: A text; a list of messages; or a dict with `messages`, with what the template names, or with a single text.
        number: Which row it is, for errors.
        system: A system message, where the conversation has none.
        template: The user's message, with a row's columns in braces.

    Raises:
        InputsError: The row is none of these.
        ModelConfigError: The template is malformed.

    Example:
        >>> conversation("Hello", 0, system="Be brief.")
        [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Hello'}]
    """
    messages = _of_row(row, number, template)
    try:
        json.dumps(messages, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused(
            number,
            f"it cannot be sent as JSON: {truncate(error)}",
            "Give texts, numbers, lists and dicts.",
        ) from None
    if system is not None and not any(
        message["role"] in {"system", "developer"} for message in messages
    ):
        return [{"role": "system", "content": system}, *messages]
    return messages


@functools.lru_cache
def fields(template: str) -> tuple[str, ...]:
    """The columns that a template names, in their order, each once.

    Raises:
        ModelConfigError: A brace is not closed, or stands around something else than a column's name.

    Example:
        >>> fields("Translate into {language}: {text}")
        ('language', 'text')
    """
    try:
        parsed = [part[1:] for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ModelConfigError(
            f"template: {error}",
            remedy="A brace that is meant as one is written twice: {{ and }}.",
            keys=["template"],
        ) from None
    found = []
    for name, form, conversion in parsed:
        if not name or name.isdecimal() or form or conversion or set(name) & set(".[]"):
            written = f"{name}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}"
            raise ModelConfigError(
                f"template: {{{written}}} names no column",
                remedy="Write a column's name in braces, {text}; a brace that is meant as one is written twice.",
                keys=["template"],
            )
        found.append(str(name))
    return tuple(dict.fromkeys(found))


def rows(inputs: Any) -> Iterator[Any]:
    """The rows of a frame as dicts, of a list as they are; one text or one dict is one row.

    Raises:
        InputsError: It is neither a frame nor a list.

    Example:
        >>> list(rows("Hello"))
        ['Hello']
    """
    if hasattr(inputs, "columns"):
        names = [str(name) for name in inputs.columns]
        columns = [inputs[name].tolist() for name in inputs.columns]
        yield from (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    elif isinstance(inputs, (str, Mapping)):
        yield inputs
    elif hasattr(inputs, "tolist"):
        yield from _plain(inputs)
    elif isinstance(inputs, (list, tuple)):
        yield from inputs
    else:
        raise InputsError(
            f"a chat model takes a frame or a list, not a {type(inputs).__name__}",
            remedy="Give a list of texts.",
            failures=[],
        )


def _of_row(row: Any, number: int, template: str | None) -> list[Message]:
    wanted = None if template is None else fields(template)
    row = row.model_dump() if hasattr(row, "model_dump") else row
    if isinstance(row, Mapping):
        if row.get("messages") is not None:
            return _messages(_plain(row["messages"]), number)
        if wanted is None and len(row) == 1:
            return [_user(next(iter(row.values())), number)]
        if template is None or wanted is None:
            raise _refused(
                number,
                f"it has the columns {', '.join(map(str, row))}",
                "Name one messages, or set model.template.",
            )
    elif isinstance(row, str):
        if template is None or wanted is None:
            return [_user(row, number)]
        if len(wanted) != 1:
            raise _refused(
                number,
                f"it is one text, and the template wants {', '.join(wanted)}",
                "Give a dict, or a frame.",
            )
        row = {wanted[0]: row}
    else:
        return _messages(_plain(row), number)
    missing = [name for name in wanted if _is_missing(row.get(name))]
    if missing:
        raise _refused(
            number,
            f"it has no {missing[0]}{did_you_mean(missing[0], list(map(str, row)))}",
            "The template wants it: see model.template.",
        )
    return [{"role": "user", "content": template.format(**{name: row[name] for name in wanted})}]


def _user(text: Any, number: int) -> Message:
    if not isinstance(text, str):
        raise _refused(number, f"its text is {_kind(text)}", "Give a text, or messages.")
    return {"role": "user", "content": text}


def _messages(messages: Any, number: int) -> list[Message]:
    if not isinstance(messages, list) or not messages:
        raise _refused(
            number,
            f"its messages are {_kind(messages)}",
            'Write [{"role": "user", "content": "..."}].',
        )
    return [_message(message, number, place) for place, message in enumerate(messages)]


def _message(message: Any, number: int, place: int) -> Message:
    if not isinstance(message, Mapping):
        raise _refused(
            number,
            f"messages.{place} is {_kind(message)}",
            'Write {"role": "user", "content": "..."}.',
        )
    role = message.get("role")
    if role not in ROLES:
        wrong = (
            "has no role"
            if role is None
            else f"has the role {truncate(repr(role), 40)}{did_you_mean(str(role), ROLES)}"
        )
        raise _refused(number, f"messages.{place} {wrong}", f"The roles: {', '.join(ROLES)}.")
    kept = {key: value for key, value in message.items() if not _is_missing(value)}
    if kept.get("tool_calls") == []:
        del kept["tool_calls"]
    if "content" not in kept and "tool_calls" not in kept:
        raise _refused(
            number,
            f"messages.{place} has no content",
            "Only an assistant that calls tools may leave it out.",
        )
    if not isinstance(kept.get("content", ""), (str, list)):
        raise _refused(
            number,
            f"the content of messages.{place} is {_kind(kept['content'])}",
            "Give a text, or a list of parts.",
        )
    return kept


def _refused(number: int, what: str, remedy: str) -> InputsError:
    return InputsError(f"row {number}: {what}", remedy=remedy, failures=[], row=number)


def _kind(value: Any) -> str:
    if _is_missing(value):
        return "missing"
    return (
        "empty" if isinstance(value, list) and not value else f"of the type {type(value).__name__}"
    )


def _is_missing(value: Any) -> bool:
    """Whether it is None, or one of the ways in which pandas writes that."""
    return (
        value is None
        or type(value).__name__ in {"NAType", "NaTType"}
        or (isinstance(value, float) and math.isnan(value))
    )


def _plain(value: Any) -> Any:
    """Arrays as lists, at every depth: pandas and MLflow hand nested data over as arrays."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, enum.Enum):
        return value.value
    return _plain(value.model_dump()) if hasattr(value, "model_dump") else value
