"""`IrisModel`, an example of a model whose signature is the type hints of its `predict`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from modelpact._internal.step import Params
from modelpact.models.sklearn import EstimatorModel

__all__ = ["Flower", "IrisModel"]


class Flower(BaseModel):
    """The measurements of an iris flower, in cm."""

    model_config = ConfigDict(extra="forbid")

    sepal_length: float
    sepal_width: float
    petal_length: float
    petal_width: float


class IrisModel(EstimatorModel):
    """Predicts the species of iris flowers, given as `Flower` objects or as dicts.

    Attributes:
        regularization: Strength of the L2 penalty of the logistic regression: `1 / C`.
    """

    regularization: float = Field(default=1.0, gt=0)

    def fit(self, inputs: list[Flower], targets: Any) -> None:
        from sklearn.linear_model import LogisticRegression

        estimator = LogisticRegression(C=1 / self.regularization, max_iter=1000)
        self._estimator = estimator.fit(_to_matrix(inputs), targets)

    def predict(self, inputs: list[Flower], params: Params | None = None) -> list[str]:
        labels: list[str] = self.fitted_estimator.predict(_to_matrix(inputs)).tolist()
        return labels


def _to_matrix(inputs: list[Flower]) -> list[list[float]]:
    flowers = TypeAdapter(list[Flower]).validate_python(inputs)
    return [list(flower.model_dump().values()) for flower in flowers]
