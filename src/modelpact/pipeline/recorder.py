"""`RunRecorder`: records the stages, durations and facts of a run, which become its receipt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from modelpact._internal.text import truncate
from modelpact.errors import PactError
from modelpact.types import Receipt

__all__ = ["RunRecorder"]


class RunRecorder:
    """Records one run.

    Args:
        errors: The error class of each stage.
        observe: A function that is called with the name of each stage when it starts.
        facts: Fields of the receipt that are known at the start.

    Attributes:
        facts: Fields of the receipt that have been recorded.
        current_stage: The stage that is running, or that failed; None between stages.
    """

    def __init__(
        self,
        errors: dict[str, type[PactError]],
        observe: Callable[[str], None] | None = None,
        **facts: Any,
    ) -> None:
        self._errors = errors
        self._observe = observe
        self._seconds: dict[str, float] = {}
        self.facts = facts
        self.current_stage: str | None = None

    def record(self, **facts: Any) -> None:
        """Add fields of the receipt."""
        self.facts.update(facts)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Run a stage: record its duration, and convert its errors to the class of the stage.

        Raises:
            PactError: The stage failed.
        """
        self.current_stage = name
        if self._observe is not None:
            self._observe(name)
        started = time.perf_counter()
        try:
            yield
        except PactError:
            raise
        # Steps call code of users and of libraries, which may raise anything.
        except Exception as error:
            raise self._errors[name](
                f"{name} failed: {type(error).__name__}: {truncate(error, 300)}",
                remedy="The full traceback is in the log of the job; HYDRA_FULL_ERROR=1 prints it.",
            ) from error
        finally:
            self._seconds[name] = time.perf_counter() - started
        self.current_stage = None

    def build_receipt(
        self, status: Literal["ok", "failed"], error: BaseException | None = None
    ) -> Receipt:
        """Build the receipt from what has been recorded so far."""
        return Receipt(
            status=status,
            stage=self.current_stage if status == "failed" else None,
            error=None if error is None else _describe(error),
            seconds={name: round(seconds, 6) for name, seconds in self._seconds.items()},
            **self.facts,
        )


def _describe(error: BaseException) -> str:
    name, text = type(error).__name__, str(error)
    return f"{name}: {text}" if text else name
