"""Secrets in JSON whose value is not next to its name: in table cells and nested objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from modelpact.security.credentials import is_secret_name
from modelpact.security.leak_scan.entropy import is_random
from modelpact.security.secrets import join_keys

__all__ = ["MAX_SIZE", "find_in_json"]

MAX_SIZE = 8 << 20
"""Bytes of a document; larger ones are scanned as text only."""

_CANDIDATE = re.compile(
    rb'(?i)"columns"|(?:key|token|secret|pass|pwd|pw|cred|auth|cookie|jwt|bearer)'
    rb'[\w.-]{0,60}"\s{0,20}:\s{0,20}[\[{]'
)
_VALUE_KEYS = frozenset({"content", "data", "default", "key", "raw", "string", "text", "value"})
"""Keys of the value in an object that describes one."""


def find_in_json(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the path and the name of each value that looks like a key.

    Values are found in table columns and in objects with the name of a secret.

    Example:
        >>> list(find_in_json(b'{"columns": ["age", "token"], "data": [[7, "q7Zx2mPv9KfT"]]}'))
        [('data.0.1', 'token')]
    """
    if len(data) > MAX_SIZE or _CANDIDATE.search(data) is None:
        return
    try:
        yield from _walk(json.loads(data), "", "")
    except (ValueError, RecursionError):
        return


def _walk(value: object, place: str, name: str) -> Iterator[tuple[str, str]]:
    """Walk through a value; `name` is the name of the secret that it is nested under."""
    if isinstance(value, dict):
        yield from _find_in_table(value.get("columns"), value.get("data"), place)
        for key, item in value.items():
            yield from _walk(item, join_keys(place, key), _inner_name(key, item, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, join_keys(place, index), name)
    elif name and isinstance(value, str) and is_random(value.strip("'\"")):
        yield place, name


def _inner_name(key: str, item: object, name: str) -> str:
    is_nested = isinstance(item, (dict, list))
    if is_nested and is_secret_name(key):
        return key
    return name if is_nested or key in _VALUE_KEYS else ""


def _find_in_table(columns: object, rows: object, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(columns, list) or not isinstance(rows, list):
        return
    names = _secret_columns(columns)
    for number, row in enumerate(rows):
        for index in _find_random_cells(row, names):
            yield join_keys(place, f"data.{number}.{index}"), names[index]


def _secret_columns(columns: list[object]) -> dict[int, str]:
    return {
        index: name
        for index, name in enumerate(columns)
        if isinstance(name, str) and is_secret_name(name)
    }


def _find_random_cells(row: object, indices: Iterable[int]) -> Iterator[int]:
    cells = row if isinstance(row, list) else []
    for index in indices:
        cell = cells[index] if index < len(cells) else None
        if isinstance(cell, str) and is_random(cell):
            yield index
