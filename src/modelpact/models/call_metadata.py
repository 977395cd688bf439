"""Metadata of one call, added by the model and collected by the adapter into `Outputs.metadata`.

It is kept in a context variable, because MLflow's wrappers between the two pass predictions only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar, copy_context
from typing import Any

__all__ = ["add_metadata", "collect_metadata"]

_NAME = "modelpact.call_metadata"
_metadata: ContextVar[dict[str, Any]] = ContextVar(_NAME)


@contextlib.contextmanager
def collect_metadata() -> Iterator[dict[str, Any]]:
    """Collect the metadata that models add within the context.

    Example:
        >>> with collect_metadata() as metadata:
        ...     add_metadata(tokens=7)
        >>> metadata
        {'tokens': 7}
    """
    metadata: dict[str, Any] = {}
    token = _metadata.set(metadata)
    try:
        yield metadata
    finally:
        _metadata.reset(token)


def add_metadata(**metadata: Any) -> None:
    """Add metadata to the current call. It is dropped outside of `collect_metadata`."""
    # By name, because another release of modelpact than the one in the model may collect them.
    for variable, collected in copy_context().items():
        if variable.name == _NAME:
            collected.update(metadata)
