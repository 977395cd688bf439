"""Paths of failures as a client may see them again: with names of the contract, and without keys that the client made up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["PathRedactor"]

_CUT = 40
"""So many characters of a name are in a path."""


class PathRedactor:
    """What a contract knows of paths.

    Args:
        signature: The contract.

    Example:
        >>> from modelpact.signature import parse
        >>> places = PathRedactor(parse({"inputs": {"scores": {"*": "double"}, "tags": ["string"]}}))
        >>> places.shown("scores.anne@example.com"), places.shown("tags[2]"), places.shown("secret")
        ('scores.*', 'tags[2]', '')
    """

    def __init__(self, signature: Signature) -> None:
        self._roots: dict[str, Any] = {}
        for schema in (signature.outputs, signature.inputs):
            for place, spec in enumerate(schema.inputs if schema is not None else ()):
                name = (
                    spec.name
                    if isinstance(spec.name, str)
                    else f"column {place if spec.name is None else spec.name}"
                )
                self._roots[name[:_CUT]] = spec.type
        for param in signature.params or ():
            self._roots[param.name[:_CUT]] = param.dtype

    def shown(self, path: str) -> str:
        """A path up to where the client's own keys begin; a key of a map is a `*`."""
        found = _longest(path, self._roots)
        if found is None:
            return ""
        return found + _below(path[len(found) :], self._roots[found])


def _longest(path: str, names: dict[str, Any]) -> str | None:
    """The name that a path begins with."""
    fitting = [
        name
        for name in names
        if path.startswith(name) and path[len(name) : len(name) + 1] in {"", ".", "["}
    ]
    return max(fitting, key=len, default=None)


def _below(rest: str, kind: Any) -> str:
    from mlflow.types.schema import Array, Map, Object

    indices = re.match(r"(\[\d+\])*", rest)
    text = indices[0] if indices else ""
    rest = rest[len(text) :]
    while isinstance(kind, Array):
        kind = kind.dtype
    if not rest.startswith("."):
        return text
    if isinstance(kind, Map):
        return f"{text}.*"
    if isinstance(kind, Object):
        properties = {prop.name[:_CUT]: prop.dtype for prop in kind.properties}
        name = _longest(rest[1:], properties)
        if name is not None:
            return f"{text}.{name}{_below(rest[1 + len(name) :], properties[name])}"
    return text
