"""`Journal`: what a run has done so far: stages, seconds and facts; it ends as a `Receipt`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from modelpact._internal.text import truncate
from modelpact.errors import PactError
from modelpact.types import Receipt

__all__ = ["Journal"]


class Journal:
    """Keeps the account of one run.

    Args:
        errors: The stages, each with the error that says it failed.
        observe: Called with the name of each stage as it begins.
        facts: Fields of the receipt that are known from the start.
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
        self.current: str | None = None

    def note(self, **facts: Any) -> None:
        """Add fields of the receipt."""
        self.facts.update(facts)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; an error of somebody else's becomes this stage's own, with the cause chained.

        Raises:
            PactError: The stage failed.
        """
        self.current = name
        if self._observe is not None:
            self._observe(name)
        started = time.perf_counter()
        try:
            yield
        except PactError:
            raise
        except Exception as error:
            raise self._errors[name](
                f"{name} failed: {type(error).__name__}: {truncate(error, 300)}",
                remedy="The whole traceback is in the job's log; HYDRA_FULL_ERROR=1 prints it.",
            ) from error
        finally:
            self._seconds[name] = time.perf_counter() - started
        self.current = None

    def receipt(
        self, status: Literal["ok", "failed"], error: BaseException | None = None
    ) -> Receipt:
        """The account as it stands."""
        text = (
            None
            if error is None
            else f"{type(error).__name__}: {error}"
            if str(error)
            else type(error).__name__
        )
        seconds = {name: round(spent, 6) for name, spent in self._seconds.items()}
        stage = self.current if status == "failed" else None
        return Receipt(status=status, stage=stage, error=text, seconds=seconds, **self.facts)
