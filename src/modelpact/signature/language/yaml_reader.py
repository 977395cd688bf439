"""Reads YAML text as plain data, with the line of every value, and explains syntax errors."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Hashable
from typing import TypeVar

import yaml  # type: ignore[import-untyped, unused-ignore]
from mlflow.exceptions import MlflowException
from mlflow.types.schema import ParamSchema, Schema

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.issues import SpecIssues

__all__ = ["Unreadable", "read_document", "read_inline", "read_stored"]

_Stored = TypeVar("_Stored", Schema, ParamSchema)


MAX_REPEATED = 10_000
"""How many values may come from aliases: a few lines of YAML can stand for billions."""


class _TooManyAliasesError(Exception):
    """Aliases repeat too many values."""


class Unreadable:
    """A placeholder for a value that could not be read; the issue has been added."""


# The remedy for a line that YAML cannot read: the first pattern that matches.
_REMEDIES = [
    (
        re.compile(r"[{,][^{},]*\w\?\s*:"),
        'quote keys that end with ? inside {...}: {"orcid?": string}',
    ),
    (re.compile(r"\*\s*:"), 'quote the * of a map: {"*": double}'),
    (re.compile(r"[\]}]\s*="), 'quote the whole text: stop: "[string] = []"'),
    (re.compile(r"\w\[[^\]]*\]"), 'quote tensors inside {...} or [...]: "float32[-1, 3]"'),
    (re.compile(r"=.*:"), "quote defaults that contain a colon: stop: 'string = a: b'"),
    (re.compile(r"\t"), "indent with spaces, not tabs"),
]


def read_document(text: str, path: FieldPath, issues: SpecIssues) -> object:
    """Read a YAML document as plain data.

    Args:
        text: One YAML document; JSON is YAML too.
        path: The position of the text in the signature; empty if the text is a whole file.
        issues: Collects the issues; for a whole file also the line of each value.

    Returns:
        Dicts, lists and scalars; `Unreadable` if the text cannot be read at all.
    """
    if not text.isprintable() and yaml.reader.Reader.NON_PRINTABLE.search(text):
        issues.add(path, "the text contains characters that YAML does not allow")
        return Unreadable
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        return _NodeReader(loader, issues, is_file=not path).read(node, path)
    except yaml.MarkedYAMLError as error:
        issues.add(path, _explain(error, text), _find_line(error) if not path else None)
    except RecursionError:
        issues.add(path, "nested too deeply")
    except _TooManyAliasesError:
        text = f"aliases (*name) repeat more than {MAX_REPEATED:,} values; write them out"
        issues.add(path, text)
    finally:
        loader.dispose()
    return Unreadable


def read_inline(value: object, path: FieldPath, issues: SpecIssues) -> object:
    """Read a list or a mapping that is written as text; return other values unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return read_document(value, path, issues)
    return value


def _find_line(error: yaml.MarkedYAMLError) -> int | None:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else None


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    line = _find_line(error)
    lines = text.splitlines()
    source = lines[line - 1] if line and line <= len(lines) else text
    remedy = next((remedy for pattern, remedy in _REMEDIES if pattern.search(source)), None)
    message = f"invalid YAML: {_find_reason(error)}, at {preview(source.strip())}"
    return f"{message}; {remedy}" if remedy else message


def _find_reason(error: yaml.MarkedYAMLError) -> str:
    reason = error.problem or "it cannot be read"
    return f"{error.context}, {reason}" if error.context and reason.startswith("but") else reason


class _NodeReader:
    """Converts YAML nodes to plain data, and records lines and issues.

    Args:
        loader: Constructs the scalars.
        issues: Collects the issues, and the lines of a file.
        is_file: Whether the document is a whole file, so that its lines are worth recording.
    """

    def __init__(self, loader: yaml.SafeLoader, issues: SpecIssues, *, is_file: bool) -> None:
        self.loader = loader
        self.issues = issues
        self.is_file = is_file
        # The nodes being read, to detect an anchor that refers to itself.
        self.open_nodes: set[int] = set()
        self.seen_nodes: set[int] = set()
        self.n_repeated = 0

    def read(self, node: yaml.Node, path: FieldPath) -> object:
        """Return the data of a node, or `Unreadable` after adding an issue."""
        if self.is_file:
            self.issues.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.open_nodes:
            self.issues.add(path, "an anchor refers to itself")
            return Unreadable
        if id(node) in self.seen_nodes:
            self.n_repeated += 1
            if self.n_repeated > MAX_REPEATED:
                raise _TooManyAliasesError
        self.seen_nodes.add(id(node))
        self.open_nodes.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._read_mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._read_scalar(node, path)
        finally:
            self.open_nodes.discard(id(node))

    def _read_scalar(self, node: yaml.Node, path: FieldPath) -> object:
        try:
            return self.loader.construct_object(node, deep=True)
        except (yaml.MarkedYAMLError, ValueError) as error:
            # An unknown tag, or a date such as 2024-13-45.
            reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self.issues.add(path, f"invalid YAML value {preview(node.value)}: {reason}")
            return Unreadable

    def _read_mapping(self, node: yaml.MappingNode, path: FieldPath) -> object:
        data: dict[Hashable, object] = {}
        first_lines: dict[tuple[type, Hashable], int] = {}
        before = len(self.issues)
        for key_node, value_node in node.value:
            key = self._read_key(key_node, path)
            if key is Unreadable:
                continue
            # True and 1 are the same key for a dict.
            identity = type(key), key
            line = key_node.start_mark.line + 1
            if identity in first_lines:
                self._add_duplicate(key, path, line, first_lines[identity])
            first_lines.setdefault(identity, line)
            if self.is_file:
                self.issues.lines.setdefault((*path, key), line)
            value = self.read(value_node, (*path, key))
            data.setdefault(key, value)
        return data if data or len(self.issues) == before else Unreadable

    def _read_key(self, node: yaml.Node, path: FieldPath) -> object:
        if node.tag == "tag:yaml.org,2002:merge":
            text = "merge keys (<<) are not supported; write the entries out"
            self.issues.add(path, text)
            return Unreadable
        key = self._read_scalar(node, path) if isinstance(node, yaml.ScalarNode) else Unreadable
        if key is Unreadable:
            self.issues.add(path, "keys must be strings")
        return key

    def _add_duplicate(self, key: Hashable, path: FieldPath, line: int, first_line: int) -> None:
        text = f"duplicate key {preview(key)}"
        if self.is_file:
            self.issues.add((*path, key), f"{text}, first used on line {first_line}", line)
        else:
            self.issues.add((*path, key), text)


def read_stored(value: object, from_json: Callable[[str], _Stored]) -> _Stored | None:
    """Read MLflow's own JSON text, which may hold what the short form cannot (duplicate names).

    Args:
        value: A part of a signature.
        from_json: MLflow's function that reads the text.

    Returns:
        MLflow's schema; None if the value is not such a text, or is broken. It is then read like a
        written signature, which reports what is wrong.
    """
    errors = (ValueError, MlflowException, KeyError, TypeError, AttributeError, RecursionError)
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(*errors):
            items = json.loads(value)
            if items and all(isinstance(item, dict) for item in items):
                return from_json(value)
    return None
