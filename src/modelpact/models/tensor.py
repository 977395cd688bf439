"""A classifier of images: a tensor in, a tensor of probabilities out."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neural_network import MLPClassifier

from modelpact.models.sklearn import EstimatorModel
from modelpact.types import Inputs, Params

__all__ = ["ImageClassifier", "TensorModel"]


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A perceptron with one hidden layer over the pixels of an image; a scikit-learn estimator.

    `predict` gives probabilities, float32 `(n_rows, n_classes)`, for images `(n_rows, height, width)`.
    """

    def __init__(self, hidden: int = 64, max_iter: int = 200, random_state: int = 0) -> None:
        self.hidden = hidden
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, images: Any, labels: Any) -> ImageClassifier:
        """Learn the labels of images."""
        self.network_ = MLPClassifier(
            hidden_layer_sizes=(self.hidden,),
            max_iter=self.max_iter,
            random_state=self.random_state,
            tol=1e-3,
        )
        self.scale_ = float(np.max(images)) or 1.0
        self.network_.fit(self._flat(images), labels)
        self.classes_ = self.network_.classes_
        return self

    def predict(self, images: Any) -> Any:
        """The probability of each class."""
        return self.network_.predict_proba(self._flat(images)).astype(np.float32)

    def _flat(self, images: Any) -> Any:
        return np.asarray(images, dtype=np.float32).reshape(len(images), -1) / self.scale_


class TensorModel(EstimatorModel):
    """A classifier of images: float32 `(n_rows, height, width)` in, probabilities float32 `(n_rows, n_classes)` out.

    Attributes:
        hidden: Units in the hidden layer.
        max_iter: Passes over the data, at most; it stops earlier when the loss no longer falls.
        seed: Of the initial weights.
    """

    hidden: int = Field(default=64, ge=1)
    max_iter: int = Field(default=200, ge=1)
    seed: int = Field(default=0, ge=0)

    @property
    def flavors(self) -> tuple[str, ...]:
        return ("sklearn",)

    def native_model(self) -> Any:
        return self.fitted

    def fit(self, inputs: Inputs, targets: Any) -> None:
        self._fitted = ImageClassifier(self.hidden, self.max_iter, self.seed).fit(inputs, targets)

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        return self.fitted.predict(inputs)
