"""What to type instead of an override that Hydra cannot parse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

__all__ = ["advise"]

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*|[+-]?[\d.]+", re.ASCII)
_FLAT_MAPPING = re.compile(r"\{[^{]*\}", re.DOTALL)
_ESCAPED = re.compile(r"([\\()\[\]{}:=,])")

_ESCAPES = {'"': '\\"', "": ""}

FROM_TEXT = (
    "data.params",
    "data.types",
    "register.tags",
    "signer.inputs",
    "signer.outputs",
    "signer.params",
)
"""Mappings that are read from YAML text as well, because Hydra has no syntax for some names."""

GENERIC = (
    "Quote a value that contains brackets, braces, commas or colons: "
    "'signer.outputs=\"float64[-1]\"'."
)


def advise(override: str) -> str:
    r"""Return what to type instead of an override that Hydra cannot parse.

    Example:
        >>> print(advise("data.target=price (EUR)"))
        Type: 'data.target="price (EUR)"'
    """
    key, _, value = override.partition("=")
    for candidate in _candidates(key, value) if key else ():
        if _parses(candidate):
            return f"Type: {shlex.quote(candidate)}"
    return GENERIC


def _candidates(key: str, value: str) -> Iterator[str]:
    prefix, name = _split_key(key)
    parsed = _parse_value(value)
    if name:
        key, parsed = prefix, {name: value if parsed is None else parsed}
    if parsed is not None:
        yield f"{key}={_to_hydra(parsed)}"
    if isinstance(parsed, dict) and key.lstrip("+") in FROM_TEXT:
        yield f"{key.lstrip('+')}={_quote(_to_yaml(parsed))}"
    elif not isinstance(parsed, dict) and value[:1] not in ("{", "["):
        yield f"{key}={_quote(value)}"


def _split_key(key: str) -> tuple[str, str]:
    """Split a key that Hydra cannot parse into the key of a step, and a name below it."""
    found = re.fullmatch(r"([+]{0,2}\w+\.\w+)\.(.+)", key, re.ASCII)
    if found is None or re.fullmatch(r"[\w.@/$-]+", found[2], re.ASCII):
        return key, ""
    return found[1], found[2]


def _parse_value(value: str) -> Any:
    """Return a value in braces or brackets as plain data; None for other values."""
    is_list = value.startswith("[") and value.endswith("]")
    if is_list and "{" not in value:
        return [item.strip().strip("'\"") for item in value[1:-1].split(",")]
    return _parse_yaml(value) if is_list or value.startswith("{") else None


def _parse_yaml(value: str) -> Any:
    """Return YAML as plain data, and names with any characters in a flat mapping; else None."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        # This loader returns text only: a number keeps its digits.
        return yaml.load(value, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError:
        if _FLAT_MAPPING.fullmatch(value) is None:
            return None
        pairs = (item.strip().rpartition(":") for item in value[1:-1].split(","))
        return {name: item.strip() for name, _, item in pairs}


def _to_hydra(value: Any) -> str:
    if isinstance(value, dict):
        items = (f"{_escape(key)}: {_to_hydra(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_to_hydra, value)) + "]"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _quote(text)


def _escape(key: str) -> str:
    return _ESCAPED.sub(r"\\\1", key)


def _quote(text: str) -> str:
    # A backslash is special in front of a quote only.
    return '"' + re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + _ESCAPES[found[2]], text) + '"'


def _to_yaml(value: Any) -> str:
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return text.strip()


def _parses(override: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True
