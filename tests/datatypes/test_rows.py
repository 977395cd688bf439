from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from modelpact.datatypes import count_rows, take_rows

FRAME = pd.DataFrame({"a": [1, 2, 3]}, index=[7, 8, 9])


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (FRAME, 3),
        (FRAME[:0], 0),
        (FRAME["a"], 3),
        (np.zeros((4, 2)), 4),
        (np.zeros((0, 2)), 0),
        (np.array(5), 1),
        ({"x": np.zeros((4, 2)), "y": np.zeros(4)}, 4),
        ({"x": [1, 2], "y": "text"}, 1),
        ({"x": np.float64(1)}, 1),
        ({}, 1),
        ([1, 2], 2),
        ([], 0),
        ("text", 1),
        (None, 1),
    ],
    ids=repr,
)
def test_rows_are_the_first_axis(inputs: Any, expected: int) -> None:
    assert count_rows(inputs) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (FRAME, pd.DataFrame({"a": [3, 1]})),
        (FRAME["a"], pd.Series([3, 1], name="a")),
        (np.arange(6).reshape(3, 2), np.array([[4, 5], [0, 1]])),
        ({"x": np.arange(3), "y": np.eye(3)}, {"x": np.array([2, 0]), "y": np.eye(3)[::-2]}),
        (["a", "b", "c"], ["c", "a"]),
        ({"x": [1, 2, 3]}, {"x": [1, 2, 3]}),
        ("text", "text"),
    ],
    ids=repr,
)
def test_take_rows_keeps_the_given_order_and_the_type(inputs: Any, expected: Any) -> None:
    taken = take_rows(inputs, (2, 0))
    assert type(taken) is type(inputs)
    assert str(taken) == str(expected)


@pytest.mark.parametrize("inputs", [FRAME, np.arange(3), [1, 2, 3]], ids=["frame", "array", "list"])
def test_a_missing_row_raises_an_index_error(inputs: Any) -> None:
    with pytest.raises(IndexError):
        take_rows(inputs, [3])


def test_an_empty_selection_has_no_rows() -> None:
    assert count_rows(take_rows(FRAME, [])) == 0
    assert take_rows([1, 2], []) == []
