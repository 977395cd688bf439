"""The arguments of the command line, checked for secrets before Hydra reads them: it repeats them in files and messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from modelpact.security.secrets import contains_key, literal_error, redact_text, reject_literals

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

__all__ = ["refuse_literals"]

_SUSPECT = re.compile(
    r"key|token|secret|pass|pw|cred|auth|bearer|cookie|header|jwt|://", re.IGNORECASE
)
"""A part of every name of a secret: an argument that has none of them need not be parsed."""


def refuse_literals(arguments: Iterable[str], source: str = "the command line") -> None:
    """Refuse arguments that hold a secret itself.

    Args:
        arguments: Overrides as Hydra takes them, and its flags.
        source: Where they come from, for the message.

    Raises:
        SecretError: It names the place and no value.
    """
    for number, argument in enumerate(arguments, start=1):
        if _SUSPECT.search(argument) or contains_key(argument):
            _refuse(argument, f"argument {number}", source)


def _refuse(argument: str, name: str, source: str) -> None:
    key, equals, value = argument.lstrip("-+~").partition("=")
    if contains_key(key):
        raise literal_error([name], source)
    override = None if argument.startswith("-") else _parsed(argument)
    if override is not None:
        for one in _values(override):
            reject_literals(_nested(override.key_or_group, one), source=source)
        return
    if equals:
        reject_literals(_nested(key.partition("@")[0], value), source=source)
    if redact_text(argument) != argument:  # what Hydra would say about it repeats it
        raise literal_error([key if equals else name], source)


def _parsed(argument: str) -> Override | None:
    """The argument as Hydra reads it; None where it cannot, which it is left to say."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    try:
        return OverridesParser.create().parse_override(argument)
    except Exception:
        return None


def _values(override: Override) -> list[Any]:
    """The value of an override, or each one that it sweeps over."""
    from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, RangeSweep

    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return [_plain(item) for item in value.list]
    if isinstance(value, RangeSweep):
        return [value.start, value.stop]
    if isinstance(value, IntervalSweep):
        return [value.start, value.end]
    if isinstance(value, Glob):
        return [*value.include, *value.exclude]
    return [value]


def _plain(value: Any) -> Any:
    from hydra.core.override_parser.types import QuotedString

    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested
