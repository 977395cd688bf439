from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelpact.data import IrisData, digest_sample
from modelpact.types import Sample

CELLS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    CELLS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


def copied(value: Any) -> Any:
    """The same value, with no object in common with the other."""
    if isinstance(value, dict):
        return {copied(key): copied(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return "".join(list(value)) if isinstance(value, str) else value


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(VALUES, min_size=1, max_size=4))
def test_equal_rows_have_equal_digests(
    rows: list[Any],
) -> None:
    again = copied(rows)
    assert digest_sample(Sample(rows)) == digest_sample(Sample(again))
    array, other = np.empty(len(rows), dtype=object), np.empty(len(rows), dtype=object)
    array[:], other[:] = rows, again
    assert digest_sample(Sample(0, array)) == digest_sample(Sample(0, other))
    assert digest_sample(Sample(pd.DataFrame({"a": array}))) == digest_sample(
        Sample(pd.DataFrame({"a": other}))
    )


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
    assert digest_sample(Sample(one)) != digest_sample(Sample(other))
    assert digest_sample(Sample(0, one)) != digest_sample(Sample(0, other))


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
def test_differences_that_a_model_does_not_see_are_not_in_the_digest(one: Any, other: Any) -> None:
    assert digest_sample(Sample(one)) == digest_sample(Sample(other))


@pytest.mark.parametrize(
    "other",
    [
        Sample([1], [2], {"t": 1}),
        Sample([1], [2], holdout=Sample([3], [4])),
        Sample([1], [3]),
        Sample([2], [2]),
        Sample([1]),
    ],
)
def test_targets_params_and_held_out_rows_are_in_the_digest(other: Sample) -> None:
    assert digest_sample(other) != digest_sample(Sample([1], [2]))


def test_the_predictions_of_a_model_are_not_in_the_digest() -> None:
    sample = Sample([1], [2])
    assert digest_sample(sample.with_outputs([3])) == digest_sample(sample)


def test_another_process_computes_the_same_digest() -> None:
    code = "from modelpact.data import IrisData, digest_sample; import sys; sys.stdout.write(digest_sample(IrisData(form='records').read()))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found == digest_sample(IrisData(form="records").read())
