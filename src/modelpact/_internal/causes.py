"""The chain of exceptions that an exception was raised from."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["iter_causes"]


def iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, then what it was raised from, as a traceback shows it."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
