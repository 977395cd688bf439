"""A model whose contract is the type hints of its `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter

from modelpact.models.base import Model
from modelpact.models.estimators import dump_estimator, load_estimator
from modelpact.schemas import Params

__all__ = ["Flower", "FlowersModel"]


class Flower(BaseModel):
    """The measurements of an iris, in cm."""

    model_config = ConfigDict(extra="forbid")

    sepal_length: float
    sepal_width: float
    petal_length: float
    petal_width: float


class FlowersModel(Model):
    """Names the species of irises, given as `Flower` objects or as dicts with its fields.

    Attributes:
        regularization: Strength of the L2 penalty of the logistic regression; scikit-learn's `1 / C`.
    """

    regularization: float = Field(default=1.0, gt=0)

    _fitted: Any = PrivateAttr(default=None)

    def fit(self, inputs: list[Flower], targets: Any) -> None:
        from sklearn.linear_model import LogisticRegression

        self._fitted = LogisticRegression(C=1 / self.regularization, max_iter=1000).fit(_matrix(inputs), targets)

    def predict(self, inputs: list[Flower], params: Params | None = None) -> list[str]:
        labels: list[str] = self._fitted.predict(_matrix(inputs)).tolist()
        return labels

    def dump(self, folder: Path) -> None:
        dump_estimator(self._fitted, folder)

    def load(self, folder: Path) -> None:
        self._fitted = load_estimator(folder)


def _matrix(inputs: list[Flower]) -> list[list[float]]:
    return [list(flower.model_dump().values()) for flower in TypeAdapter(list[Flower]).validate_python(inputs)]
