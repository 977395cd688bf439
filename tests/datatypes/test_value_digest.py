from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelpact.datatypes import digest_values

CELLS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    CELLS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


def copy_deeply(value: Any) -> Any:
    """Return an equal value that shares no objects."""
    if isinstance(value, dict):
        return {copy_deeply(key): copy_deeply(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return [copy_deeply(item) for item in value]
    return "".join(list(value)) if isinstance(value, str) else value


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(VALUES, min_size=1, max_size=4))
def test_equal_rows_have_equal_digests(
    rows: list[Any],
) -> None:
    again = copy_deeply(rows)
    assert digest_values(rows) == digest_values(again)
    array, other = np.empty(len(rows), dtype=object), np.empty(len(rows), dtype=object)
    array[:], other[:] = rows, again
    assert digest_values(0, array) == digest_values(0, other)
    assert digest_values(pd.DataFrame({"a": array})) == digest_values(pd.DataFrame({"a": other}))


def changed(frame: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    return frame.assign(**columns)


FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
WHEN = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FRAME, changed(FRAME, a=[1, 3])),
        (FRAME, changed(FRAME, a=[1.0, 2.0])),
        (FRAME, FRAME.rename(columns={"a": "c"})),
        (FRAME, FRAME[["b", "a"]]),
        (FRAME, FRAME[::-1]),
        (FRAME, FRAME[:1]),
        (FRAME, FRAME.to_dict("records")),
        (pd.DataFrame({"a": [1, "x"]}), pd.DataFrame({"a": ["1", "x"]}).astype(object)),
        (pd.DataFrame({"a": [[1], [2]]}), pd.DataFrame({"a": [[1], [3]]})),
        (pd.DataFrame({"a": [np.zeros(2)]}), pd.DataFrame({"a": [np.ones(2)]})),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(2), np.zeros(2, dtype="float32")),
        (np.zeros(2), [0.0, 0.0]),
        ({"x": np.zeros(2)}, {"x": np.ones(2)}),
        ({"x": np.zeros(2)}, {"y": np.zeros(2)}),
        ([{"a": WHEN}], [{"a": WHEN.replace(year=2025)}]),
        ([np.zeros(2000)], [np.r_[np.zeros(1000), 1, np.zeros(999)]]),
        ([b"x", [b"y"]], [[b"x"], b"y"]),
        ([1], ["1"]),
        (None, []),
    ],
)
def test_any_change_of_the_rows_changes_the_digest(one: Any, other: Any) -> None:
    assert digest_values(one) != digest_values(other)
    assert digest_values(0, one) != digest_values(0, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": np.zeros(2), "y": np.ones(2)}, {"y": np.ones(2), "x": np.zeros(2)}),
        ([{"a": WHEN, "b": 1}], [{"b": 1, "a": WHEN}]),
        (FRAME, FRAME.set_axis([7, 8])),
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    ],
    ids=["order of tensors", "order of keys", "index", "memory layout"],
)
def test_differences_that_do_not_affect_models_keep_the_digest(one: Any, other: Any) -> None:
    assert digest_values(one) == digest_values(other)
