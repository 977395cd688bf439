from __future__ import annotations

import subprocess
import sys

import pytest

from modelpact.data import IrisData, digest_sample
from modelpact.types import Sample


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


@pytest.mark.slow
def test_another_process_computes_the_same_digest() -> None:
    code = (
        "import sys; from modelpact.data import IrisData, digest_sample; "
        "sys.stdout.write(digest_sample(IrisData(form='records').read()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found == digest_sample(IrisData(form="records").read())
