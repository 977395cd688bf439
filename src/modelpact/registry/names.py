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
    remedy = ""
    if not name.strip() or not re.fullmatch(r"[^/:@?]{1,256}", name):
        remedy = (
            "Use 1 to 256 characters without '/', ':', '@', '?' and control characters: "
            "name=my-model."
        )
    elif not name.isprintable() or name != name.strip():
        remedy = "Use printable characters, without leading or trailing blanks: name=my-model."
    elif name in {".", ".."}:
        remedy = "The name would denote a folder; use a name such as name=my-model."
    elif "'" in name and '"' in name:
        remedy = "Use one kind of quotes; MLflow cannot search for a name with both."
    if remedy:
        raise ConfigError(
            f"name={truncate(repr(name))} is not a valid name of a registered model", remedy=remedy
        )


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
    remedy, text = "", str(value)
    if not isinstance(value, (str, int, float, bool)):
        remedy = f"Its value is a {type(value).__name__}; use a string, a number or a boolean."
    elif key.startswith("modelpact."):
        remedy = "Tags that start with 'modelpact.' are set by modelpact; use another name."
    elif not re.fullmatch(r"[/\w.\- :]{1,250}", key) or not _is_relative_path(key):
        remedy = (
            "Use 1 to 250 letters, digits, '_', '-', '.', ' ', ':' and '/', "
            "and no path such as '../x'."
        )
    elif len(text) > MAX_TAG_LENGTH:
        remedy = (
            f"Its value has {len(text)} characters, the maximum is {MAX_TAG_LENGTH}; "
            "log long texts as an artifact of the run."
        )
    elif has_surrogates(text):
        remedy = "Its value has unpaired surrogates; use valid Unicode text."
    if remedy:
        raise ConfigError(f"register.tags: {truncate(repr(key))} is not a valid tag", remedy=remedy)


def _is_relative_path(key: str) -> bool:
    return posixpath.normpath(key) == key and not key.startswith(("..", "/")) and key != "."
