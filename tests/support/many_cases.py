"""Many small cases in one test: a test for each of thousands takes longer than the cases do."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import TypeVar

import pytest

T = TypeVar("T")

SHOWN = 10
"""How many failures are shown with their traceback; of the rest the last line is."""


def holds_for_each(check: Callable[[T], None], cases: Mapping[str, T]) -> None:
    """Check every case, then fail once, with the name of each case that failed and the reason."""
    assert cases
    told: list[str] = []
    for name, case in cases.items():
        try:
            check(case)
        except (Exception, pytest.fail.Exception) as error:
            lines = (
                traceback.format_exception(error)
                if len(told) < SHOWN
                else traceback.format_exception_only(error)
            )
            told.append(f"{name}\n{''.join(lines)}")
    if told:
        pytest.fail(
            f"{len(told)} of {len(cases)} cases failed:\n\n" + "\n".join(told), pytrace=False
        )


def by_name(cases: list[tuple[str, T]]) -> dict[str, T]:
    """The cases by name, of which no two may be the same."""
    named = dict(cases)
    assert len(named) == len(cases), "two cases have one name"
    return named
