"""Removes the client's own keys from the paths of violations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from modelpact._internal.schema_kinds import list_specs
from modelpact.signature.field_path import format_column_path

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["PathRedactor"]

MAX_NAME_LENGTH = 40
"""Characters of a name that a path contains at most."""


class PathRedactor:
    """Reduces paths to names that the signature declares.

    Args:
        signature: The signature.

    Example:
        >>> from modelpact.signature import parse
        >>> redactor = PathRedactor(parse({"inputs": {"scores": {"*": "double"}}}))
        >>> redactor.redact("scores.anne@example.com"), redactor.redact("secret")
        ('scores.*', '')
    """

    def __init__(self, signature: Signature) -> None:
        # The type of every name that a path may begin with.
        self._roots: dict[str, object] = {}
        for schema in (signature.outputs, signature.inputs):
            for index, spec in enumerate(list_specs(schema)):
                label = index if spec.name is None else spec.name
                self._roots[format_column_path([label])] = spec.type
        for param in signature.params or ():
            self._roots[param.name[:MAX_NAME_LENGTH]] = param.dtype

    def redact(self, path: str) -> str:
        """Return a path up to the first key that is not declared; keys of maps become `*`."""
        root = _longest_prefix(path, self._roots)
        if root is None:
            return ""
        return root + _redact_below(path[len(root) :], self._roots[root])


def _longest_prefix(path: str, names: Iterable[str]) -> str | None:
    """Return the longest name that a path begins with."""
    matches = [
        name
        for name in names
        if path.startswith(name) and path[len(name) : len(name) + 1] in {"", ".", "["}
    ]
    return max(matches, key=len, default=None)


def _redact_below(path: str, kind: object) -> str:
    """Redact the part of a path below a value of an MLflow type."""
    from mlflow.types.schema import Array, Map, Object

    rest = re.sub(r"^(\[\d+\])+", "", path)
    text = path.removesuffix(rest)
    while isinstance(kind, Array):
        kind = kind.dtype
    if not rest.startswith("."):
        return text
    if isinstance(kind, Map):
        return f"{text}.*"
    if isinstance(kind, Object):
        properties = {prop.name[:MAX_NAME_LENGTH]: prop.dtype for prop in kind.properties}
        name = _longest_prefix(rest[1:], properties)
        if name is not None:
            return f"{text}.{name}{_redact_below(rest[1 + len(name) :], properties[name])}"
    return text
