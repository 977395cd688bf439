"""What a model tells about one call, beside its prediction: it reaches `Outputs.metadata`, also through MLflow's own wrappers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["add_metadata", "collect_metadata"]

_facts: ContextVar[dict[str, Any] | None] = ContextVar("facts", default=None)


@contextlib.contextmanager
def collect_metadata() -> Iterator[dict[str, Any]]:
    """Collect what the model tells while it is asked.

    Example:
        >>> with collect_metadata() as facts:
        ...     add_metadata(tokens=7)
        >>> facts
        {'tokens': 7}
    """
    facts: dict[str, Any] = {}
    token = _facts.set(facts)
    try:
        yield facts
    finally:
        _facts.reset(token)


def add_metadata(**facts: Any) -> None:
    """Add facts about the call that is being answered; nothing happens where nobody collects them."""
    collecting = _facts.get()
    if collecting is not None:
        collecting.update(facts)
