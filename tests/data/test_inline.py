from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from modelpact.data import InlineData
from modelpact.errors import DataError

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_rows_become_a_frame() -> None:
    pd.testing.assert_frame_equal(InlineData(inputs=ROWS).read().inputs, pd.DataFrame(ROWS))


def test_records_are_not_converted() -> None:
    assert InlineData(inputs=ROWS, form="records").read().inputs == ROWS


def test_nested_lists_become_a_tensor_of_the_dtype() -> None:
    inputs = InlineData(inputs=[[1, 2], [3, 4]], form="tensor", dtype="float32").read().inputs
    assert (inputs.dtype, inputs.tolist()) == (np.float32, [[1, 2], [3, 4]])


def test_targets_are_one_per_row() -> None:
    assert InlineData(inputs=ROWS, targets=["n", "y"], test_size=0).read().targets.tolist() == [
        "n",
        "y",
    ]


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (
            {"inputs": [[1, 2], [3]], "form": "tensor"},
            ["data.inputs cannot be converted to a tensor", "rows of equal shape"],
        ),
        (
            {"inputs": [["x"]], "form": "tensor"},
            ["data.inputs cannot be converted to a tensor", "'x'"],
        ),
        (
            {"inputs": [[1.0]], "form": "tensor", "dtype": "float33"},
            ["cannot be converted to a tensor", "float33", "a NumPy dtype"],
        ),
        (
            {"inputs": [{"a": []}, 3]},
            ["data.inputs cannot be converted to a frame", "data.form=records"],
        ),
        (
            {"inputs": ROWS, "targets": [1, [2]]},
            ["data.targets cannot be converted to an array", "equal shape"],
        ),
        ({"inputs": ROWS, "targets": [1]}, ["2 rows but 1 targets"]),
        ({"inputs": []}, ["InlineData has no rows"]),
        ({"inputs": [], "form": "records"}, ["InlineData has no rows"]),
        ({"inputs": [], "form": "tensor"}, ["InlineData has no rows"]),
    ],
)
def test_malformed_rows_are_rejected_with_the_remedy(
    options: dict[str, Any], texts: list[str]
) -> None:
    with pytest.raises(DataError) as caught:
        InlineData(**options).read()
    assert all(text in str(caught.value) for text in texts), str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{}, {"inputs": {"a": 1}}, {"inputs": ROWS, "form": "table"}, {"inputs": ROWS, "dtype": 64}],
)
def test_a_missing_or_invalid_option_is_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InlineData(**options)
