"""A test of many cases fails if any case fails, and names each failed case."""

from __future__ import annotations

import pytest

from tests.support.many_cases import SHOWN, check_all_cases, unique_cases


def positive(number: int) -> None:
    assert number > 0, f"{number} is not positive"


def invert(number: int) -> None:
    _ = 1 / number


def test_every_case_is_checked() -> None:
    seen: list[int] = []
    check_all_cases(seen.append, {"one": 1, "two": 2, "three": 3})
    assert seen == [1, 2, 3]


def test_failed_cases_are_named_with_their_error() -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        check_all_cases(positive, {f"case {number}": number for number in range(-SHOWN - 2, 3)})
    message = str(caught.value)
    assert message.startswith(f"{SHOWN + 3} of {SHOWN + 5} cases failed")
    assert message.count("Traceback") == SHOWN
    assert all(
        f"case {number}\n" in message and f"{number} is not positive" in message
        for number in range(-SHOWN - 2, 1)
    )
    assert "case 1\n" not in message


def test_missing_and_other_errors_are_failures() -> None:
    def raises(number: int) -> None:
        with pytest.raises(ZeroDivisionError):
            _ = 1 / number

    with pytest.raises(pytest.fail.Exception, match="1 of 2 cases failed:\n\nfine"):
        check_all_cases(raises, {"zero": 0, "fine": 1})
    with pytest.raises(
        pytest.fail.Exception, match=r"(?s)1 of 2 cases failed:\n\nzero.*ZeroDivisionError"
    ):
        check_all_cases(invert, {"one": 1, "zero": 0})


def test_an_empty_list_of_cases_is_rejected() -> None:
    with pytest.raises(AssertionError):
        check_all_cases(positive, {})


def test_duplicate_case_names_are_rejected() -> None:
    assert unique_cases([("one", 1), ("two", 2)]) == {"one": 1, "two": 2}
    with pytest.raises(AssertionError, match="duplicate names of cases"):
        unique_cases([("one", 1), ("one", 2)])
