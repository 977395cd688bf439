"""The help of one option: its keys with types, defaults and comments, and an example."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Any

from modelpact._internal.text import truncate
from modelpact.cli.config_groups import (
    find_option,
    list_groups,
    list_options,
    read_option,
    unknown_option,
)
from modelpact.cli.option_schemas import read_schema

__all__ = ["describe_option"]

NAMES = {"string": "text", "array": "list", "object": "mapping", "boolean": "true | false"}
"""Names of JSON Schema's types; the others keep theirs."""


def describe_option(group: str, option: str, folders: Sequence[Traversable]) -> str:
    """Return the help of an option.

    Args:
        group: The group.
        option: The option.
        folders: The folders to search after modelpact's own.

    Raises:
        ConfigError: The option does not exist.
    """
    file = find_option(group, option, folders)
    if file is None:
        raise unknown_option(group, option, list_options(group))
    content, comments = read_option(group, option, folders)
    if "_target_" not in content:
        # A recipe or a contract, which explains itself.
        return f"{group}={option}:\n\n{textwrap.indent(file.read_text(encoding='utf-8'), '  ')}"
    properties = json.loads(read_schema(group, option) or "{}").get("properties", {})
    steps, lines = [], [f"{group}={option}: {comments.pop('')}", ""]
    for key, value in content.items():
        if key in list_groups() and value == f"${{{key}}}":
            steps.append(f"{key}=")
        elif key != "_target_":
            text = "..." if value == "???" else truncate(_format(value))
            kind = _describe_type(properties.get(key, {}))
            required = "required" if value == "???" else ""
            notes = ", ".join(filter(None, [kind, required]))
            lines.append(f"  {f'{group}.{key}={text}':<30}  {notes}".rstrip())
            lines += textwrap.wrap(
                comments.get(key, ""), 96, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
    if steps:
        lines.append(f"  steps: {', '.join(steps)}")
    example = comments.get("Example") or _make_example(group, option, content)
    return "\n".join([*lines, "", f"Example: {example}", ""])


def _make_example(group: str, option: str, content: Mapping[str, Any]) -> str:
    """Return a command that sets the first key whose default needs no quotes."""
    for key, value in content.items():
        if value is not None and re.fullmatch(r"\w[\w./:-]*", _format(value)) and key[0] != "_":
            return f"modelpact {group}={option} {group}.{key}={_format(value)}"
    return f"modelpact {group}={option}"


def _format(value: object) -> str:
    """Return a value as Hydra reads it on the command line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_format(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_format, value)) + "]"
    return value if isinstance(value, str) and value else json.dumps(value)


def _describe_type(schema: Mapping[str, Any]) -> str:
    """Return the type of a value in words; an empty string if it is not known."""
    if "anyOf" in schema:
        return " | ".join(filter(None, dict.fromkeys(map(_describe_type, schema["anyOf"]))))
    if "enum" in schema:
        return " | ".join(text if text.isidentifier() else repr(text) for text in schema["enum"])
    # `const` is the only value of its type; a reference is the alternative of an interpolation.
    kind = str(schema.get("const", schema.get("type", "")))
    return NAMES.get(kind, kind)
