"""A test of many cases fails where any case fails, names each that does, and loses none."""

from __future__ import annotations

import pytest

from tests.support.many_cases import SHOWN, by_name, holds_for_each


def positive(number: int) -> None:
    assert number > 0, f"{number} is not positive"


def test_every_case_is_checked() -> None:
    seen: list[int] = []
    holds_for_each(seen.append, {"one": 1, "two": 2, "three": 3})
    assert seen == [1, 2, 3]


def test_each_case_that_fails_is_named_with_its_reason() -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        holds_for_each(positive, {f"case {number}": number for number in range(-SHOWN - 2, 3)})
    told = str(caught.value)
    assert told.startswith(f"{SHOWN + 3} of {SHOWN + 5} cases failed")
    assert told.count("Traceback") == SHOWN
    assert all(
        f"case {number}\n" in told and f"{number} is not positive" in told
        for number in range(-SHOWN - 2, 1)
    )
    assert "case 1\n" not in told


def test_what_is_not_raised_or_raised_otherwise_fails_too() -> None:
    def raises(number: int) -> None:
        with pytest.raises(ZeroDivisionError):
            _ = 1 / number

    with pytest.raises(pytest.fail.Exception, match="1 of 2 cases failed:\n\nfine"):
        holds_for_each(raises, {"zero": 0, "fine": 1})
    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)1 of 2 cases failed:\n\nzero.*ZeroDivisionError"
    ):
        holds_for_each(lambda number: 1 / number, {"one": 1, "zero": 0})


def test_no_cases_are_a_mistake() -> None:
    with pytest.raises(AssertionError):
        holds_for_each(positive, {})


def test_two_cases_of_one_name_are_a_mistake() -> None:
    assert by_name([("one", 1), ("two", 2)]) == {"one": 1, "two": 2}
    with pytest.raises(AssertionError, match="two cases have one name"):
        by_name([("one", 1), ("one", 2)])
