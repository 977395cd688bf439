from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelpact.data import IrisData
from modelpact.models import IrisModel
from modelpact.models.iris import Flower
from modelpact.types import Sample


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Irises as records."""
    return IrisData(form="records").read()


@pytest.fixture(scope="module")
def model(sample: Sample) -> IrisModel:
    """A model that was fitted on them."""
    model = IrisModel()
    model.fit(sample.inputs, sample.targets)
    return model


def test_it_names_most_flowers_that_it_never_saw(model: IrisModel, sample: Sample) -> None:
    assert sample.holdout is not None
    answers = model.predict(sample.holdout.inputs)
    assert all(type(answer) is str for answer in answers)
    assert sum(a == t for a, t in zip(answers, sample.holdout.targets, strict=True)) >= 27


def test_dicts_and_flowers_in_any_order_of_fields_are_the_same(
    model: IrisModel, sample: Sample
) -> None:
    dicts = sample.inputs[:5]
    turned = [dict(reversed(flower.items())) for flower in dicts]
    assert (
        model.predict(dicts)
        == model.predict([Flower(**flower) for flower in dicts])
        == model.predict(turned)
    )


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"sepal_length": "long"}, "sepal_length"),
        ({"sepal_length": None}, "sepal_length"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_what_is_no_flower_is_refused_by_field(
    model: IrisModel, sample: Sample, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(ValidationError, match=place):
        model.predict([{**sample.inputs[0], **change}])


def test_what_it_learned_survives_a_folder(
    model: IrisModel, sample: Sample, tmp_path: Path
) -> None:
    model.dump(tmp_path)
    again = IrisModel(**model.options())
    again.load(tmp_path)
    assert again.predict(sample.inputs) == model.predict(sample.inputs)


def test_stronger_regularization_learns_smaller_weights(sample: Sample) -> None:
    weak, strong = IrisModel(regularization=0.1), IrisModel(regularization=100.0)
    for model in (weak, strong):
        model.fit(sample.inputs, sample.targets)
    assert abs(strong.fitted_estimator.coef_).sum() < abs(weak.fitted_estimator.coef_).sum()


@pytest.mark.parametrize("value", [0.0, -1.0, "1"])
def test_a_regularization_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="regularization"):
        IrisModel(regularization=value)
