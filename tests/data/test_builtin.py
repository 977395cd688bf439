from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.metrics import get_scorer_names

from modelpact.data import DataSource, DiabetesData, DigitsData, IrisData


def test_diabetes_is_a_frame_of_doubles_with_a_numeric_target() -> None:
    sample = DiabetesData(test_size=0).read()
    expected = load_diabetes(as_frame=True)
    pd.testing.assert_frame_equal(sample.inputs, expected.data)
    assert sample.inputs.shape == (442, 10)
    assert set(sample.inputs.dtypes) == {np.dtype("float64")}
    assert sample.targets.tolist() == expected.target.tolist()


def test_iris_has_short_column_names_and_species_for_labels() -> None:
    sample = IrisData(test_size=0).read()
    assert list(sample.inputs.columns) == [
        "sepal_length",
        "sepal_width",
        "petal_length",
        "petal_width",
    ]
    assert sample.inputs.shape == (150, 4)
    assert {str(label) for label in sample.targets} == {"setosa", "versicolor", "virginica"}
    assert sample.inputs.to_numpy().tolist() == load_iris().data.tolist()


def test_iris_as_records_is_the_same_rows_as_dicts() -> None:
    frame, records = IrisData().read(), IrisData(form="records").read()
    assert records.inputs == frame.inputs.to_dict("records")
    assert records.holdout is not None
    assert frame.holdout is not None
    assert records.holdout.inputs == frame.holdout.inputs.to_dict("records")
    assert records.targets.tolist() == frame.targets.tolist()


def test_digits_are_float32_images_with_digit_targets() -> None:
    sample = DigitsData(test_size=0).read()
    assert sample.inputs.shape == (1797, 8, 8)
    assert sample.inputs.dtype == np.float32
    assert (sample.inputs.min(), sample.inputs.max()) == (0, 16)
    assert np.array_equal(sample.inputs.reshape(1797, 64), load_digits().data)
    assert sorted(set(sample.targets.tolist())) == list(range(10))


@pytest.mark.parametrize(
    ("source", "name", "n_rows"),
    [(DiabetesData(), "diabetes", 442), (IrisData(), "iris", 150), (DigitsData(), "digits", 1797)],
)
def test_each_has_a_name_a_holdout_and_valid_scorers(
    source: DataSource, name: str, n_rows: int
) -> None:
    sample = source.read()
    assert source.name == name
    assert sample.holdout is not None
    assert (len(sample.inputs), len(sample.holdout.inputs)) == (
        n_rows - round(n_rows * 0.2),
        round(n_rows * 0.2),
    )
    assert source.metrics
    assert set(source.metrics) <= set(get_scorer_names())
