"""References to environment variables, which stand in place of secrets: `env:NAME`."""

from __future__ import annotations

import os
import re

from modelpact.errors import ModelConfigError, SecretError

__all__ = [
    "INTERPOLATION",
    "REDACTED",
    "REMEDY",
    "VARIABLES",
    "is_harmless",
    "reads_environment",
    "referenced_variable",
    "remember_variables",
    "resolve",
]

REDACTED = "[redacted]"
"""The replacement of a secret."""

REMEDY = "Use a reference, env:NAME, and set the variable: export NAME=..."

INTERPOLATION = re.compile(r"\$\{[^{}]*(?:\$\{[^{}]*\}[^{}]*)*\}")
"""A whole interpolation of OmegaConf."""

_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ANY_REFERENCE = re.compile(r"(?<![\w.])env:([A-Za-z_][A-Za-z0-9_]*)")
_ENVIRONMENT_RESOLVER = re.compile(r"\$\{\s*(?:oc\.)?env\s*:\s*([A-Za-z_][A-Za-z0-9_]*)?")

VARIABLES: dict[str, bool] = {}
"""The variables that configurations refer to, and whether as `env:NAME`, not `${oc.env:NAME}`."""

_TYPE = re.compile(
    r"\[*(?:boolean|integer|long|float|double|string|binary|datetime|any)\]*"
    r"(?:\s*=\s*(?:null|''|\"\"|\[\]|-?[0-9.]+)?)?"
    r"|[a-z]+\d*\[[-\d, ]*\]"
)
"""The type of a column in a signature; a column may be called `token` or `password`."""


def referenced_variable(text: str) -> str | None:
    """Return the name of the environment variable that a reference names, or None.

    Example:
        >>> referenced_variable("env:OPENAI_API_KEY"), referenced_variable("${OPENAI_API_KEY}")
        ('OPENAI_API_KEY', 'OPENAI_API_KEY')
        >>> referenced_variable("abc") is None
        True
    """
    match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return (match[1] or match[2]) if match else None


def resolve(text: str, place: str) -> str:
    """Return the value of the environment variable that a reference names.

    Args:
        text: The reference, `env:NAME`.
        place: The configuration key of the reference, for messages: `model.api_key`.

    Raises:
        SecretError: The text is not a reference. The message does not contain the text.
        ModelConfigError: The variable is not set, is empty, or has leading or trailing whitespace.
    """
    name = referenced_variable(text)
    if name is None:
        raise SecretError(
            f"{place} is not a reference to an environment variable", remedy=REMEDY, places=[place]
        )
    value = os.environ.get(name, "")
    if not value:
        state = "is empty" if name in os.environ else "is not set"
        raise ModelConfigError(
            f"{place}: the variable {name} {state}",
            remedy=f"export {name}=...",
            variable=name,
            place=place,
        )
    if value != value.strip():
        raise ModelConfigError(
            f"{place}: the value of {name} has leading or trailing whitespace",
            remedy=f"Set it again without whitespace: export {name}=...",
            variable=name,
            place=place,
        )
    return value


def remember_variables(text: str) -> None:
    """Remember the environment variables that a configuration refers to, for the leak scan."""
    for name in _ANY_REFERENCE.findall(text):
        VARIABLES[name] = True
    for mentioned in _ENVIRONMENT_RESOLVER.findall(text):
        VARIABLES.setdefault(mentioned, False)


def reads_environment(text: str) -> bool:
    """Check whether a text has an interpolation that reads the environment, such as `oc.env`."""
    return _ENVIRONMENT_RESOLVER.search(text) is not None


def is_harmless(text: str) -> bool:
    """Check whether a text under the name of a secret is not a secret itself.

    That holds for an empty or missing value, references, an interpolation, and a declared type.

    Example:
        >>> is_harmless("env:OPENAI_API_KEY"), is_harmless("string"), is_harmless("abc")
        (True, True, False)
    """
    text = text.strip()
    if text in {"", "???", "null", REDACTED} or _TYPE.fullmatch(text):
        return True
    if INTERPOLATION.fullmatch(text):
        return not reads_environment(text)
    return all(referenced_variable(part.strip().removeprefix("\\")) for part in text.split(","))
