"""Valid names of registered models, aliases and tags."""

from __future__ import annotations

import posixpath
import re

from modelpact._internal.characters import has_surrogates
from modelpact._internal.text import truncate
from modelpact.errors import ConfigError

__all__ = ["MAX_TAG_LENGTH", "check_alias", "check_name", "check_tag"]

MAX_TAG_LENGTH = 8_000
"""Characters of a tag's value that every MLflow store keeps."""


def check_name(name: str) -> None:
    """Reject a name that cannot be registered, or cannot be used in a model's URI.

    Raises:
        ConfigError: The name is invalid.
    """
    remedy = _find_name_remedy(name)
    if remedy:
        raise ConfigError(
            f"name={truncate(repr(name))} is not a valid name of a registered model", remedy=remedy
        )


def _find_name_remedy(name: str) -> str:
    """Return how to correct a name; empty for a valid name."""
    if not name.strip() or not re.fullmatch(r"[^/:@?]{1,256}", name):
        return (
            "Use 1 to 256 characters without '/', ':', '@', '?' and control characters: "
            "name=my-model."
        )
    if not name.isprintable() or name != name.strip():
        return "Use printable characters, without leading or trailing blanks: name=my-model."
    if name in {".", ".."}:
        return "The name would denote a folder; use a name such as name=my-model."
    if {"'", '"'} <= set(name):
        return "Use one kind of quotes; MLflow cannot search for a name with both."
    return ""


def check_alias(alias: str, key: str) -> None:
    """Reject an alias that MLflow does not accept.

    Args:
        alias: The alias.
        key: The configuration key that it comes from.

    Raises:
        ConfigError: The alias is invalid.
    """
    reserved = re.fullmatch(r"v\d+", alias, re.IGNORECASE) or alias.lower() == "latest"
    if not re.fullmatch(r"[\w\-]{1,255}", alias) or reserved:
        raise ConfigError(
            f"{key}: {truncate(repr(alias))} is not a valid alias",
            remedy="Use 1 to 255 letters, digits, '_' and '-'; "
            "MLflow reserves 'latest' and v1, v2, ...",
        )


def check_tag(key: str, value: object) -> None:
    """Reject a tag that MLflow does not accept or would truncate, and the tags of modelpact.

    Raises:
        ConfigError: The tag is invalid.
    """
    remedy = _find_value_remedy(value)
    if key.startswith("modelpact."):
        remedy = "Tags that start with 'modelpact.' are set by modelpact; use another name."
    elif not re.fullmatch(r"[/\w.\- :]{1,250}", key) or not _is_relative_path(key):
        remedy = (
            "Use 1 to 250 letters, digits, '_', '-', '.', ' ', ':' and '/', "
            "and no path such as '../x'."
        )
    if remedy:
        raise ConfigError(f"register.tags: {truncate(repr(key))} is not a valid tag", remedy=remedy)


def _find_value_remedy(value: object) -> str:
    """Return how to correct the value of a tag; empty for a valid value."""
    if not isinstance(value, (str, int, float, bool)):
        return f"Its value is a {type(value).__name__}; use a string, a number or a boolean."
    text = str(value)
    if len(text) > MAX_TAG_LENGTH:
        return (
            f"Its value has {len(text)} characters, the maximum is {MAX_TAG_LENGTH}; "
            "log long texts as an artifact of the run."
        )
    if has_surrogates(text):
        return "Its value has unpaired surrogates; use valid Unicode text."
    return ""


def _is_relative_path(key: str) -> bool:
    return posixpath.normpath(key) == key and not key.startswith(("..", "/")) and key != "."
