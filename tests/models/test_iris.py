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


def test_classifies_most_held_out_flowers(model: IrisModel, sample: Sample) -> None:
    assert sample.holdout is not None
    answers = model.predict(sample.holdout.inputs)
    assert all(type(answer) is str for answer in answers)
    assert sum(a == t for a, t in zip(answers, sample.holdout.targets, strict=True)) >= 27


def test_dicts_and_flowers_with_fields_in_any_order_are_equal(
    model: IrisModel, sample: Sample
) -> None:
    dicts = sample.inputs[:5]
    turned: list[Any] = [dict(reversed(flower.items())) for flower in dicts]
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
def test_an_invalid_flower_is_rejected_by_field(
    model: IrisModel, sample: Sample, change: dict[str, Any], place: str
) -> None:
    with pytest.raises(ValidationError, match=place):
        model.predict([{**sample.inputs[0], **change}])  # type: ignore[list-item]


def test_the_fitted_state_survives_dump_and_load(
    model: IrisModel, sample: Sample, tmp_path: Path
) -> None:
    model.dump(tmp_path)
    again = IrisModel(**model.options())
    again.load(tmp_path)
    assert again.predict(sample.inputs) == model.predict(sample.inputs)


def test_stronger_regularization_gives_smaller_weights(sample: Sample) -> None:
    weak, strong = IrisModel(regularization=0.1), IrisModel(regularization=100.0)
    for model in (weak, strong):
        model.fit(sample.inputs, sample.targets)
    assert abs(strong.fitted_estimator.coef_).sum() < abs(weak.fitted_estimator.coef_).sum()


@pytest.mark.parametrize("value", [0.0, -1.0, "1"])
def test_an_invalid_regularization_is_rejected(value: Any) -> None:
    with pytest.raises(ValidationError, match="regularization"):
        IrisModel(regularization=value)
