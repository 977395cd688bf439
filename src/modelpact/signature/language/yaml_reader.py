"""YAML text as plain data, with the line of every place, and the faults that YAML itself hides or words badly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import yaml  # type: ignore[import-untyped, unused-ignore]
from mlflow.exceptions import MlflowException
from mlflow.types.schema import ParamSchema, Schema

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.language.issues import Problems

__all__ = ["Unreadable", "read_document", "read_stored"]

_Stored = TypeVar("_Stored", Schema, ParamSchema)


class Unreadable:
    """Stands where a part of a document could not be read; the fault is already noted."""


_HINTS = [
    (
        re.compile(r"[{,][^{},]*\w\?\s*:"),
        'inside {...} YAML wants a key with a ? quoted: {"orcid?": string}',
    ),
    (re.compile(r"\*\s*:"), 'YAML wants the star of a map quoted: {"*": double}'),
    (re.compile(r"[\]}]\s*="), 'YAML wants this whole text quoted: stop: "[string] = []"'),
    (
        re.compile(r"\w\[[^\]]*\]"),
        'inside {...} or [...] YAML wants a tensor quoted: "float32[-1, 3]"',
    ),
    (re.compile(r"=.*:"), "YAML wants a default with a colon quoted: stop: 'string = a: b'"),
    (re.compile(r"\t"), "YAML is indented with spaces, never with tabs"),
]
"""What people meant when YAML stumbles over a line: the first that fits is said."""


def read_document(text: str, place: FieldPath, problems: Problems) -> Any:
    """The plain data of a YAML text; every fault of the text is noted in `problems`.

    Args:
        text: One YAML document; JSON is YAML too.
        place: Where the text stands in the signature.
        problems: Takes the faults, and the line of each place when the text is a whole file (`place` is empty).

    Returns:
        Dicts, lists and scalars; `Unreadable` when nothing could be made of the text.
    """
    loader = yaml.SafeLoader(text) if text.isprintable() or _readable(text) else None
    if loader is None:
        problems.add(place, "the text has characters that YAML does not allow")
        return Unreadable
    try:
        node = loader.get_single_node()
        return (
            None if node is None else _Reader(loader, problems, whole=not place).read(node, place)
        )
    except yaml.MarkedYAMLError as error:
        problems.add(place, _explained(error, text), _line_of(error) if not place else None)
    except RecursionError:
        problems.add(place, "nested too deeply")
    finally:
        loader.dispose()
    return Unreadable


def _readable(text: str) -> bool:
    return yaml.reader.Reader.NON_PRINTABLE.search(text) is None


def _line_of(error: yaml.MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else None


def _explained(error: yaml.MarkedYAMLError, text: str) -> str:
    line = _line_of(error)
    written = text.splitlines()[line - 1] if line and line <= len(text.splitlines()) else text
    hint = next((hint for pattern, hint in _HINTS if pattern.search(written)), None)
    reason = error.problem or "it cannot be read"
    reason = f"{error.context}, {reason}" if error.context and reason.startswith("but") else reason
    return f"not YAML: {reason}, at {preview(written.strip())}" + (f"; {hint}" if hint else "")


class _Reader:
    """Turns YAML nodes into plain data, noting lines and faults on the way."""

    def __init__(self, loader: yaml.SafeLoader, problems: Problems, *, whole: bool) -> None:
        self.loader = loader
        self.problems = problems
        self.whole = whole
        self.open: set[int] = (
            set()
        )  # the nodes being read: one that meets itself is an anchor inside its own value

    def read(self, node: yaml.Node, place: FieldPath) -> Any:
        if self.whole:
            self.problems.lines.setdefault(place, node.start_mark.line + 1)
        if id(node) in self.open:
            self.problems.add(place, "an anchor that contains itself")
            return Unreadable
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                return [self.read(item, (*place, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, place)
        finally:
            self.open.discard(id(node))

    def _scalar(self, node: yaml.Node, place: FieldPath) -> Any:
        try:
            return self.loader.construct_object(node, deep=True)
        except (
            yaml.MarkedYAMLError,
            ValueError,
        ) as error:  # an unknown tag; a date such as 2024-13-45
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self.problems.add(place, f"YAML cannot read {preview(node.value)}: {reason}")
            return Unreadable

    def _mapping(self, node: yaml.MappingNode, place: FieldPath) -> Any:
        found: dict[Any, Any] = {}
        before = len(self.problems)
        first: dict[tuple[type, Any], int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                self.problems.add(place, "merge keys (<<) are not read here; write the entries out")
                continue
            key = (
                self._scalar(key_node, place)
                if isinstance(key_node, yaml.ScalarNode)
                else Unreadable
            )
            if key is Unreadable:
                self.problems.add(place, "a key must be text")
                continue
            line = key_node.start_mark.line + 1
            if (type(key), key) in first:
                where = f", first in line {first[type(key), key]}" if self.whole else ""
                self.problems.add(
                    (*place, key),
                    f"the key {preview(key)} is given twice{where}",
                    line if self.whole else None,
                )
            first.setdefault((type(key), key), line)
            if self.whole:
                self.problems.lines.setdefault((*place, key), line)
            value = self.read(value_node, (*place, key))
            found.setdefault(key, value)
        return found if found or len(self.problems) == before else Unreadable


def read_stored(value: Any, read: Callable[[str], _Stored]) -> _Stored | None:
    """What MLflow makes of its own JSON text, in which it may have stored what nobody should write (names given twice)."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return None
    try:
        items = json.loads(value)
        return read(value) if items and all(isinstance(item, dict) for item in items) else None
    except (ValueError, MlflowException, KeyError, TypeError, AttributeError, RecursionError):
        return None  # not MLflow's, or broken: read as people write it, which says what is wrong
