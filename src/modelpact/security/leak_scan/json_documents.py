"""JSON in which a value stands far from its name: the cells of a table, and what lies within an object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from modelpact.security.credentials import is_secret_name
from modelpact.security.leak_scan.entropy import is_random

__all__ = ["LARGEST", "find_in_json"]

LARGEST = 8 << 20
"""Bytes of a document, from which on it is only read as text."""

_WORTH = re.compile(
    rb"""(?i)"columns"|(?:key|token|secret|pass|pwd|pw|cred|auth|cookie|jwt|bearer)[\w.-]{0,60}"\s{0,20}:\s{0,20}[\[{]"""
)
_HOLDERS = frozenset({"content", "data", "default", "key", "raw", "string", "text", "value"})
"""What the value itself is called, in an object that stands for one."""


def find_in_json(data: bytes) -> Iterator[tuple[str, str]]:
    """The values that look like keys, in columns and objects with the names of keys: where each is, and that name.

    Example:
        >>> list(find_in_json(b'{"columns": ["age", "token"], "data": [[7, "q7Zx2mPv9KfT"]]}'))
        [('data.0.1', 'token')]
    """
    if len(data) > LARGEST or _WORTH.search(data) is None:
        return
    try:
        yield from _walk(json.loads(data), "", "")
    except (ValueError, RecursionError):
        return


def _walk(value: Any, place: str, under: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from _cells(value.get("columns"), value.get("data"), place)
        for key, item in value.items():
            nested = isinstance(item, (dict, list))
            name = (
                key
                if is_secret_name(key) and nested
                else under
                if key in _HOLDERS or nested
                else ""
            )
            yield from _walk(item, f"{place}.{key}" if place else key, name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, f"{place}.{number}" if place else str(number), under)
    elif under and isinstance(value, str) and is_random(value.strip("'\"")):
        yield place, under


def _cells(columns: Any, data: Any, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(columns, list) or not isinstance(data, list):
        return
    named = [
        (number, name)
        for number, name in enumerate(columns)
        if isinstance(name, str) and is_secret_name(name)
    ]
    for row, cells in enumerate(data if named else []):
        for number, name in named:
            if (
                isinstance(cells, list)
                and number < len(cells)
                and isinstance(cells[number], str)
                and is_random(cells[number])
            ):
                yield f"{place}.data.{row}.{number}".lstrip("."), name
