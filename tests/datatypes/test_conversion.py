"""Values in the container of another value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modelpact.datatypes import diff_values
from modelpact.datatypes.conversion import convert_like

VALUES = [1.0, 2.0, float("nan")]
ARRAY = np.array(VALUES)
FRAME = pd.DataFrame({"a": VALUES, "b": ["x", "y", "z"]})
TIMES = np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[s]")

SAME: list[tuple[Any, Any]] = [
    (VALUES, ARRAY),
    ([1.0, 2.0, None], ARRAY),
    (tuple(VALUES), ARRAY),
    (pd.Series(VALUES), ARRAY),
    (pa.array(VALUES), ARRAY),
    ([[value] for value in VALUES], ARRAY),
    (pd.DataFrame({"a": VALUES}), ARRAY),
    (VALUES, ARRAY.reshape(3, 1)),
    (VALUES, pd.Series(VALUES)),
    (ARRAY, pd.Series(VALUES, name="a")),
    (ARRAY, list(VALUES)),
    (FRAME.to_dict("records"), FRAME),
    (FRAME[["b", "a"]].to_dict("list"), FRAME),
    (pa.Table.from_pandas(FRAME), FRAME),
    ([[1.0, "x"], [2.0, "y"], [None, "z"]], FRAME),
    (VALUES, FRAME[["a"]]),
    (FRAME, FRAME.to_dict("records")),
    ({"a": VALUES}, {"a": ARRAY}),
    (["x", "y"], np.array(["x", "y"])),
    (["x", "y"], np.array(["x", "y"], dtype=object)),
    ([1, 2], np.array([1.0, 2.0])),
    ([1, 2], np.array([1, 2], dtype=np.int32)),
    (TIMES.tolist(), TIMES),
    ([True, False], np.array([True, False])),
]


@pytest.mark.parametrize("index", range(len(SAME)))
def test_equal_values_in_another_container_are_equal(index: int) -> None:
    given, prediction = SAME[index]
    converted = convert_like(given, prediction)
    assert diff_values(prediction, converted, rtol=1e-6, atol=1e-9) == ""


@pytest.mark.parametrize(
    ("given", "prediction", "difference"),
    [
        ([1.0, 3.0, None], ARRAY, "1 of 3 values differ"),
        ([1.0, 2.0], ARRAY, "the shape was (2,) and is (3,)"),
        (["x", "y", "z"], ARRAY, "the type was list and is ndarray"),
        ([{"a": 1.0}], FRAME, "the columns were ['a'] and are ['a', 'b']"),
        ({"c": VALUES}, {"a": ARRAY}, "the keys were ['c'] and are ['a']"),
        ("text", ARRAY, "the type was str and is ndarray"),
    ],
)
def test_other_values_differ(given: Any, prediction: Any, difference: str) -> None:
    converted = convert_like(given, prediction)
    assert diff_values(prediction, converted, rtol=1e-6, atol=1e-9) == difference


def test_close_integers_are_compared_as_floats() -> None:
    prediction = np.array([1.0 + 1e-12])
    assert diff_values(prediction, convert_like([1], prediction), rtol=1e-6, atol=0) == ""
