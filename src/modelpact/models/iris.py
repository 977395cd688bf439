"""A model whose contract is the type hints of its `predict`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from modelpact.models.sklearn import EstimatorModel
from modelpact.types import Params

__all__ = ["Flower", "IrisModel"]


class Flower(BaseModel):
    """The measurements of an iris, in cm."""

    model_config = ConfigDict(extra="forbid")

    sepal_length: float
    sepal_width: float
    petal_length: float
    petal_width: float


class IrisModel(EstimatorModel):
    """Names the species of irises, given as `Flower` objects or as dicts with its fields.

    Attributes:
        regularization: Strength of the L2 penalty of the logistic regression; scikit-learn's `1 / C`.
    """

    regularization: float = Field(default=1.0, gt=0)

    def fit(self, inputs: list[Flower], targets: Any) -> None:
        from sklearn.linear_model import LogisticRegression

        self._fitted = LogisticRegression(C=1 / self.regularization, max_iter=1000).fit(
            _matrix(inputs), targets
        )

    def predict(self, inputs: list[Flower], params: Params | None = None) -> list[str]:
        labels: list[str] = self.fitted.predict(_matrix(inputs)).tolist()
        return labels


def _matrix(inputs: list[Flower]) -> list[list[float]]:
    return [
        list(flower.model_dump().values())
        for flower in TypeAdapter(list[Flower]).validate_python(inputs)
    ]
