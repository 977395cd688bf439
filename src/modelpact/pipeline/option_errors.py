"""Errors for invalid options of a step; the command line and `publish` share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import ConfigError
from modelpact.security.secrets import redact_values
from modelpact.security.text_redaction import is_sensitive

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["invalid_options"]


def invalid_options(
    group: str,
    choice: str | None,
    keys: Sequence[str],
    top_level: Sequence[str],
    error: Exception,
) -> ConfigError:
    """Return the error for options of a step that Pydantic or the class itself rejected.

    Args:
        group: The config group, such as `signer`.
        choice: The name of the option, if it is known.
        keys: The names of the class's options.
        top_level: Names of the whole configuration, such as `seed`, that no step has.
        error: What was raised.
    """
    from pydantic import ValidationError

    option = f"{group}={choice}" if choice else group
    cause = _innermost_cause(error)
    if not isinstance(cause, ValidationError):
        return ConfigError(
            f"cannot build {option}: {type(cause).__name__}: {truncate(cause, 300)}",
            remedy="Check its values.",
            group=group,
        )
    lines = []
    for fault in cause.errors():
        path = ".".join(str(part) for part in (group, *fault["loc"])).removesuffix(".[key]")
        lines.append(f"  {path}: {_describe(fault, keys, top_level)}")
    return ConfigError(
        "\n".join([f"invalid configuration of {option}:", *lines]),
        remedy=f"Valid keys: {', '.join(keys)}." if keys else f"{option} has no keys.",
        group=group,
    )


def _innermost_cause(error: BaseException) -> BaseException:
    """Return Pydantic's error, which may be inside of one of Hydra's, or the first cause."""
    from pydantic import ValidationError

    while error.__cause__ is not None and not isinstance(error, ValidationError):
        error = error.__cause__
    return error


def _describe(fault: ErrorDetails, keys: Sequence[str], top_level: Sequence[str]) -> str:
    """Return the text of one fault that Pydantic found, without the value of a secret."""
    if fault["type"] == "extra_forbidden":
        name = str(fault["loc"][-1])
        if name in top_level:
            return f"unknown key; {name} is a key of the top level: {name}=..."
        return f"unknown key{did_you_mean(name, keys)}"
    if fault["type"] == "missing":
        return "required key is missing"
    if not fault["loc"]:
        # A validator of the whole class, which words its own text.
        return str(fault["msg"]).removeprefix("Value error, ")
    return _describe_value(fault)


def _describe_value(fault: ErrorDetails) -> str:
    text = f"{fault['msg'][0].lower()}{fault['msg'][1:]}"
    if fault["loc"][-1] == "[key]":
        return f"the name {fault['input']!r} is not text"
    if is_sensitive(list(map(str, fault["loc"])), fault["input"]):
        return f"{redact_values(text, [str(fault['input'])])} (the value is hidden)"
    text += f", got {truncate(repr(fault['input']))}"
    if fault["type"] != "string_type":
        return text
    if isinstance(fault["input"], (bool, int, float)):
        # Quoted for the shell, and for Hydra.
        text += f"""; as text, write '"{fault["input"]}"'"""
    if isinstance(fault["input"], dict):
        name = ".".join([str(fault["loc"][-1]), *map(str, list(fault["input"])[:1])])
        text += f"; write a name with a dot as {{{name}: ...}}"
    return text
