from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.base import clone

from modelpact._internal import requirements
from modelpact.data import DigitsData
from modelpact.models import TensorModel
from modelpact.types import Sample


@pytest.fixture(scope="module")
def digits() -> Sample:
    """The first images, enough to learn something from."""
    sample = DigitsData(test_size=0).read()
    return Sample(sample.inputs[:400], sample.targets[:400])


@pytest.fixture(scope="module")
def model(digits: Sample) -> TensorModel:
    """A small network that was fitted."""
    model = TensorModel(hidden=32, max_iter=1000)
    model.fit(digits.inputs, digits.targets)
    return model


def test_predicts_the_probability_of_each_class(model: TensorModel, digits: Sample) -> None:
    answer = model.predict(digits.inputs)
    assert (answer.dtype, answer.shape) == (np.float32, (400, 10))
    assert np.allclose(answer.sum(axis=1), 1, atol=1e-5)
    assert (answer.argmax(axis=1) == digits.targets).mean() > 0.9


def test_a_single_image_has_the_same_prediction_as_in_a_batch(
    model: TensorModel, digits: Sample
) -> None:
    assert np.allclose(
        model.predict(digits.inputs[5:6])[0], model.predict(digits.inputs)[5], atol=1e-6
    )


def test_the_same_seed_gives_the_same_network(model: TensorModel, digits: Sample) -> None:
    again, other = (
        TensorModel(hidden=32, max_iter=1000),
        TensorModel(hidden=32, max_iter=1000, seed=1),
    )
    for each in (again, other):
        each.fit(digits.inputs, digits.targets)
    expected = model.predict(digits.inputs)
    assert np.array_equal(again.predict(digits.inputs), expected)
    assert not np.array_equal(other.predict(digits.inputs), expected)


def test_the_fitted_state_survives_dump_and_load(
    model: TensorModel, digits: Sample, tmp_path: Path
) -> None:
    model.dump(tmp_path)
    again = TensorModel(**model.options())
    again.load(tmp_path)
    assert np.array_equal(again.predict(digits.inputs), model.predict(digits.inputs))


def test_mlflows_sklearn_flavor_saves_the_fitted_estimator(model: TensorModel) -> None:
    assert model.flavors == ("sklearn",)
    classes = requirements.find_classes(model.native_model())
    assert classes is not None
    assert not [module for module, _ in classes if module.startswith("modelpact")]
    network = clone(model.native_model())[-1].get_params()
    assert (network["hidden_layer_sizes"], network["max_iter"]) == ((32,), 1000)


def test_black_images_do_not_divide_by_zero() -> None:
    images = np.zeros((4, 2, 2), dtype="float32")
    model = TensorModel(hidden=2, max_iter=1000)
    model.fit(images, [0, 1, 0, 1])
    assert np.isfinite(model.predict(images)).all()


@pytest.mark.parametrize(
    "options", [{"hidden": 0}, {"max_iter": 0}, {"seed": -1}, {"hidden": 1.5}, {"layers": 2}]
)
def test_invalid_sizes_are_rejected(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TensorModel(**options)
