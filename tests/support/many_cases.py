"""Checks of many small cases in one test, which is faster than a test per case."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

SHOWN = 10
"""The number of failures shown with their traceback; for the rest, only the error is shown."""


def check_all_cases(check: Callable[[T], None], cases: Mapping[str, T]) -> None:
    """Check every case, then fail once with the name of each failed case and its error."""
    assert cases
    failures: list[str] = []
    for name, case in cases.items():
        try:
            check(case)
        except (Exception, pytest.fail.Exception) as error:
            lines = (
                traceback.format_exception(error)
                if len(failures) < SHOWN
                else traceback.format_exception_only(error)
            )
            failures.append(f"{name}\n{''.join(lines)}")
    if failures:
        title = f"{len(failures)} of {len(cases)} cases failed:\n\n"
        pytest.fail(title + "\n".join(failures), pytrace=False)


def sample_cases(cases: Mapping[str, T], every: int) -> dict[str, T]:
    """Return every n-th case, including the first: a sample for the fast tests."""
    return dict(list(cases.items())[::every])


def unique_cases(cases: list[tuple[str, T]]) -> dict[str, T]:
    """Return the cases by name, which must be unique."""
    named = dict(cases)
    assert len(named) == len(cases), "duplicate names of cases"
    return named


def sample_params(cases: Iterable[Any], every: int) -> list[Any]:
    """Return parameters of which every n-th, including the first, belongs to the fast tests.

    The others run with the exhaustive tests.

    Args:
        cases: The parameters of each case; a tuple for more than one.
        every: The n.
    """
    rows = [case if isinstance(case, tuple) else (case,) for case in cases]
    marks = [() if index % every == 0 else (pytest.mark.exhaustive,) for index in range(len(rows))]
    return [pytest.param(*row, marks=mark) for row, mark in zip(rows, marks, strict=True)]
