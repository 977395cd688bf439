"""`RunRecorder`: records the stages, durations and facts of a run, which become its receipt."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

from modelpact._internal.guards import convert_errors
from modelpact._internal.signals import signal_received
from modelpact.errors import PactError
from modelpact.security.leak_scan import redact
from modelpact.types import Receipt

__all__ = ["RunRecorder"]

MAX_LENGTH = 10_000
"""Characters of another library's message that are kept."""


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
            with convert_errors(functools.partial(self._convert, name)):
                yield
        except SystemExit as error:
            # A step that ends the program would end a whole sweep, perhaps with status 0.
            if signal_received():
                raise
            raise self._stage_error(name, error) from error
        finally:
            self._seconds[name] = time.perf_counter() - started
        self.current_stage = None

    def _convert(self, name: str, error: Exception) -> PactError | None:
        if isinstance(error, PactError):
            error.message, error.remedy = redact(error.message), redact(error.remedy)
            return None
        return self._stage_error(name, error)

    def _stage_error(self, name: str, error: BaseException) -> PactError:
        text = redact(str(error).strip())[:MAX_LENGTH]
        return self._errors[name](
            f"{name} failed: {type(error).__name__}: {text}",
            remedy="The cause is chained; on the command line, HYDRA_FULL_ERROR=1 prints it.",
        )

    def build_receipt(self, error: BaseException | None = None) -> Receipt:
        """Build the receipt of a run, or of one that an error ended, from what was recorded."""
        return Receipt(
            status="ok" if error is None else "failed",
            stage=None if error is None else self.current_stage,
            error=None if error is None else _describe(error),
            seconds={name: round(seconds, 6) for name, seconds in self._seconds.items()},
            **self.facts,
        )


def _describe(error: BaseException) -> str:
    name, text = type(error).__name__, redact(str(error))
    return f"{name}: {text}" if text else name
