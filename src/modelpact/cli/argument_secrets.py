"""Rejects literal secrets in command-line arguments, before Hydra repeats them in files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from modelpact.security.secrets import contains_key, literal_error, reject_literals
from modelpact.security.text_redaction import redact_text

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

__all__ = ["refuse_literals"]

_SUSPECT = re.compile(
    r"key|token|secret|pass|pw|cred|auth|bearer|cookie|header|jwt|://", re.IGNORECASE
)
"""Each name of a secret contains one of these; an argument without them needs no parsing."""


def refuse_literals(arguments: Iterable[str], source: str = "the command line") -> None:
    """Reject arguments that contain a literal secret.

    Args:
        arguments: Overrides and flags, as Hydra accepts them.
        source: The origin of the arguments, for the message.

    Raises:
        SecretError: The message names the place, not the value.
    """
    for number, argument in enumerate(arguments, start=1):
        if _SUSPECT.search(argument) or contains_key(argument):
            _check_argument(argument, f"argument {number}", source)


def _check_argument(argument: str, name: str, source: str) -> None:
    key, equals, value = argument.lstrip("-+~").partition("=")
    if contains_key(key):
        raise literal_error([name], source)
    override = None if argument.startswith("-") else _parse(argument)
    if override is not None:
        for item in _override_values(override):
            reject_literals(_nest(override.key_or_group, item), source=source)
        return
    if equals:
        reject_literals(_nest(key.partition("@")[0], value), source=source)
    # Hydra's message about an invalid argument would repeat it.
    if redact_text(argument) != argument:
        raise literal_error([key if equals else name], source)


def _parse(argument: str) -> Override | None:
    """Return the parsed override; None if it is invalid, which Hydra reports."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None


def _override_values(override: Override) -> list[object]:
    """Return the value of an override, or each value that it sweeps over."""
    from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, RangeSweep

    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return [_unquote(item) for item in value.list]
    if isinstance(value, RangeSweep):
        return [value.start, value.stop]
    if isinstance(value, IntervalSweep):
        return [value.start, value.end]
    if isinstance(value, Glob):
        return [*value.include, *value.exclude]
    return [value]


def _unquote(value: object) -> object:
    from hydra.core.override_parser.types import QuotedString

    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_unquote(item) for item in value]
    if isinstance(value, dict):
        return {_unquote(key): _unquote(item) for key, item in value.items()}
    return value


def _nest(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested
