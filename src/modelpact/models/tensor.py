"""`TensorModel`, an image classifier with tensor inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neural_network import MLPClassifier

from modelpact.models.sklearn import EstimatorModel
from modelpact.types import Inputs, Params

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ImageClassifier", "TensorModel"]


# scikit-learn has no type hints.
class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A scikit-learn classifier of images: a perceptron with one hidden layer.

    `predict` returns probabilities, float32 `(n_rows, n_classes)`, for images
    `(n_rows, height, width)`.
    """

    def __init__(self, hidden: int = 64, max_iter: int = 200, random_state: int = 0) -> None:
        self.hidden = hidden
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, images: NDArray[Any], labels: Any) -> ImageClassifier:
        """Fit the network to images `(n_rows, height, width)` and one label per row."""
        self.network_ = MLPClassifier(
            hidden_layer_sizes=(self.hidden,),
            max_iter=self.max_iter,
            random_state=self.random_state,
            tol=1e-3,
        )
        self.scale_ = float(np.max(images)) or 1.0
        self.network_.fit(self._flatten(images), labels)
        self.classes_ = self.network_.classes_
        return self

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the probability of each class, float32 `(n_rows, n_classes)`."""
        probabilities = self.network_.predict_proba(self._flatten(images))
        return np.asarray(probabilities, dtype=np.float32)

    def _flatten(self, images: NDArray[Any]) -> NDArray[np.float32]:
        pixels: NDArray[np.float32] = np.asarray(images, dtype=np.float32)
        return pixels.reshape(len(images), -1) / np.float32(self.scale_)


class TensorModel(EstimatorModel):
    """An image classifier: float32 `(n_rows, height, width)` -> float32 `(n_rows, n_classes)`.

    Attributes:
        hidden: Units in the hidden layer.
        max_iter: Maximum number of epochs; training stops earlier if the loss no longer falls.
        seed: Seed of the initial weights.
    """

    hidden: int = Field(default=64, ge=1)
    max_iter: int = Field(default=200, ge=1)
    seed: int = Field(default=0, ge=0)

    @property
    def flavors(self) -> tuple[str, ...]:
        return ("sklearn",)

    def native_model(self) -> ImageClassifier:
        classifier: ImageClassifier = self.fitted_estimator
        return classifier

    def fit(self, inputs: Inputs, targets: Any) -> None:
        self._estimator = ImageClassifier(self.hidden, self.max_iter, self.seed).fit(
            inputs, targets
        )

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        return self.native_model().predict(inputs)
