"""What may name a registered model, an alias and a tag: what MLflow refuses, and what could not be used afterwards."""

from __future__ import annotations

import posixpath
import re

from modelpact._internal.text import truncate
from modelpact.errors import ConfigError

__all__ = ["TAG_LENGTH", "check_alias", "check_name", "check_tag"]

TAG_LENGTH = 8_000
"""The longest value of a tag, in characters, that every store of MLflow's keeps whole."""


def check_name(name: str) -> None:
    """Refuse what cannot be registered, or cannot be written in a model's URI afterwards.

    Raises:
        ConfigError: It cannot name a registered model.
    """
    told = ""
    if not name.strip() or re.search(r"[/:@?]", name) or len(name) > 256:
        told = "Use 1 to 256 characters without '/', ':', '@', '?' and control characters: name=my-model."
    elif not name.isprintable() or name != name.strip():
        told = "Use characters that can be seen, with no blanks at the ends: name=my-model."
    elif name in {".", ".."}:
        told = "It would be a folder: name=my-model."
    elif "'" in name and '"' in name:
        told = "Use one kind of quotes: MLflow cannot search for a name with both."
    if told:
        raise ConfigError(
            f"name={truncate(repr(name))} cannot name a registered model",
            remedy=told,
        )


def check_alias(alias: str, key: str) -> None:
    """Refuse what MLflow would refuse as an alias.

    Args:
        alias: What it is called.
        key: Where it was given.

    Raises:
        ConfigError: It cannot be one.
    """
    reserved = re.fullmatch(r"v\d+", alias, re.IGNORECASE) or alias.lower() == "latest"
    if not re.fullmatch(r"[\w\-]{1,255}", alias) or reserved:
        raise ConfigError(
            f"{key}: {truncate(repr(alias))} cannot be an alias",
            remedy="Use 1 to 255 letters, digits, '_' and '-'; MLflow keeps 'latest' and v1, v2, ... to itself.",
        )


def check_tag(key: str, value: str) -> None:
    """Refuse what MLflow would refuse as a tag, or would not keep whole, and what modelpact sets itself.

    Raises:
        ConfigError: It cannot be put on a version.
    """
    told = ""
    if key.startswith("modelpact."):
        told = (
            "Those that begin with modelpact. are set when a version is made: choose another name."
        )
    elif (
        not re.fullmatch(r"[/\w.\- :]{1,250}", key)
        or posixpath.normpath(key) != key
        or key.startswith(("..", "/"))
        or key == "."
    ):
        told = "Use 1 to 250 letters, digits, '_', '-', '.', ' ', ':' and '/', and no path such as '../x'."
    elif len(value) > TAG_LENGTH:
        told = f"It has {len(value)} characters, and may have {TAG_LENGTH}: keep long texts as a file of the run."
    elif any("\ud800" <= character <= "\udfff" for character in value):
        told = "It holds half a character: write it as UTF-8."
    if told:
        raise ConfigError(
            f"register.tags: {truncate(repr(key))} cannot be a tag",
            remedy=told,
        )
