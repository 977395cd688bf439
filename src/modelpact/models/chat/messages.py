"""Conversion of input rows to the `messages` of a request."""

from __future__ import annotations

import enum
import functools
import json
import math
import re
import string
from collections.abc import Iterator, Mapping
from typing import Any

from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import InputsError, ModelConfigError

__all__ = ["Message", "build_messages", "iter_rows", "template_columns"]

Message = dict[str, Any]

_COLUMN = re.compile(r"(?!\d+\Z)[^.\[\]!:]+")

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def build_messages(
    row: object, number: int, *, system: str | None = None, template: str | None = None
) -> list[Message]:
    """Return the conversation of one row.

    Args:
        row: A string, a list of messages, or a dict with `messages`, with the columns of the
            template, or with a single string.
        number: Number of the row, for error messages.
        system: System message to add if the conversation has none.
        template: User message with column names in braces.

    Raises:
        InputsError: The row is malformed.
        ModelConfigError: The template is malformed.

    Example:
        >>> build_messages("Hello", 0, system="Be brief.")
        [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Hello'}]
    """
    messages = _row_messages(row, number, template)
    try:
        json.dumps(messages, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _row_error(
            number,
            f"it cannot be encoded as JSON: {truncate(error)}",
            "Use strings, numbers, lists and dicts.",
        ) from None
    has_system = any(message["role"] in {"system", "developer"} for message in messages)
    if system is not None and not has_system:
        return [{"role": "system", "content": system}, *messages]
    return messages


@functools.lru_cache
def template_columns(template: str) -> tuple[str, ...]:
    """Return the column names in a template, in order and without duplicates.

    Raises:
        ModelConfigError: A brace is not closed, or does not contain a column name.

    Example:
        >>> template_columns("Translate into {language}: {text}")
        ('language', 'text')
    """
    try:
        parts = [part[1:] for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ModelConfigError(
            f"template: {error}",
            remedy="Write a literal brace twice: {{ and }}.",
            keys=["template"],
        ) from None
    columns = []
    for name, format_spec, conversion in parts:
        column = f"{name}{f'!{conversion}' if conversion else ''}"
        column += f":{format_spec}" if format_spec else ""
        if not _COLUMN.fullmatch(column):
            raise ModelConfigError(
                f"template: {{{column}}} is not a column name",
                remedy="Write a column name in braces: {text}. Write a literal brace twice.",
                keys=["template"],
            )
        columns.append(column)
    return tuple(dict.fromkeys(columns))


def iter_rows(inputs: Any) -> Iterator[Any]:
    """Yield the rows of a DataFrame as dicts, and of a list as they are.

    A single string or dict is one row.

    Raises:
        InputsError: The inputs are of another type.

    Example:
        >>> list(iter_rows("Hello"))
        ['Hello']
    """
    if hasattr(inputs, "columns"):
        names = [str(name) for name in inputs.columns]
        columns = [inputs[name].tolist() for name in inputs.columns]
        yield from (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    elif isinstance(inputs, (str, Mapping)):
        yield inputs
    elif hasattr(inputs, "tolist"):
        yield from _to_plain(inputs)
    elif isinstance(inputs, (list, tuple)):
        yield from inputs
    else:
        raise InputsError(
            f"a chat model accepts a DataFrame or a list, not {type(inputs).__name__}",
            remedy="Pass a list of strings.",
            failures=[],
        )


def _row_messages(row: Any, number: int, template: str | None) -> list[Message]:
    if hasattr(row, "model_dump"):
        row = row.model_dump()
    if isinstance(row, Mapping) and row.get("messages") is not None:
        return _check_messages(_to_plain(row["messages"]), number)
    if not isinstance(row, (Mapping, str)):
        return _check_messages(_to_plain(row), number)
    content = (
        _single_text(row, number) if template is None else _fill_template(template, row, number)
    )
    return [{"role": "user", "content": content}]


def _single_text(row: Mapping[str, object] | str, number: int) -> str:
    if isinstance(row, str):
        return row
    if len(row) != 1:
        raise _row_error(
            number,
            f"it has the columns {', '.join(map(str, row))}",
            "Name one of them `messages`, or set model.template.",
        )
    text = next(iter(row.values()))
    if not isinstance(text, str):
        raise _row_error(
            number, f"its text is {_describe(text)}", "Pass a string, or a list of messages."
        )
    return text


def _fill_template(template: str, row: Mapping[str, object] | str, number: int) -> str:
    columns = template_columns(template)
    if isinstance(row, str):
        if len(columns) != 1:
            raise _row_error(
                number,
                f"it is a single string, but the template needs {', '.join(columns)}",
                "Pass a dict, or a DataFrame.",
            )
        row = {columns[0]: row}
    missing = [name for name in columns if _is_missing(row.get(name))]
    if missing:
        others = [str(name) for name in row if name != missing[0]]
        raise _row_error(
            number,
            f"column {missing[0]!r} is missing{did_you_mean(missing[0], others)}",
            "The template needs it (model.template).",
        )
    return template.format_map(row)


def _check_messages(messages: object, number: int) -> list[Message]:
    if not isinstance(messages, list) or not messages:
        raise _row_error(
            number,
            f"its messages are {_describe(messages)}",
            'Write [{"role": "user", "content": "..."}].',
        )
    return [
        _check_message(message, number, f"messages.{index}")
        for index, message in enumerate(messages)
    ]


def _check_message(message: object, number: int, path: str) -> Message:
    if not isinstance(message, Mapping):
        raise _row_error(
            number, f"{path} is {_describe(message)}", 'Write {"role": "user", "content": "..."}.'
        )
    _check_role(message.get("role"), number, path)
    present = {key: value for key, value in message.items() if not _is_missing(value)}
    if present.get("tool_calls") == []:
        del present["tool_calls"]
    if "content" not in present and "tool_calls" not in present:
        raise _row_error(
            number, f"{path} has no content", "Only assistant messages with tool calls may omit it."
        )
    if not isinstance(present.get("content", ""), (str, list)):
        raise _row_error(
            number,
            f"the content of {path} is {_describe(present['content'])}",
            "Pass a string, or a list of content parts.",
        )
    return present


def _check_role(role: object, number: int, path: str) -> None:
    if role in ROLES:
        return
    problem = "has no role"
    if role is not None:
        shown = truncate(repr(role), 40)
        problem = f"has the unknown role {shown}{did_you_mean(role, ROLES)}"
    raise _row_error(number, f"{path} {problem}", f"Roles: {', '.join(ROLES)}.")


def _row_error(number: int, problem: str, remedy: str) -> InputsError:
    return InputsError(f"row {number}: {problem}", remedy=remedy, failures=[], row=number)


def _describe(value: object) -> str:
    if _is_missing(value):
        return "missing"
    return "empty" if value == [] else f"of type {type(value).__name__}"


def _is_missing(value: object) -> bool:
    """Return whether a value is None or one of the null values of pandas."""
    return (
        value is None
        or type(value).__name__ in {"NAType", "NaTType"}
        or (isinstance(value, float) and math.isnan(value))
    )


def _to_plain(value: Any) -> Any:
    """Convert nested arrays to lists; pandas and MLflow pass nested data as arrays."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, enum.Enum):
        return value.value
    return _to_plain(value.model_dump()) if hasattr(value, "model_dump") else value
