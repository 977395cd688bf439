"""`TensorModel`, an image classifier with tensor inputs and outputs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from modelpact._internal.step import Inputs, Params
from modelpact.models.sklearn import EstimatorModel

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["TensorModel"]

# NumPy 2.1 renamed the parameter.
_SHAPE = "shape" if "shape" in inspect.signature(np.reshape).parameters else "newshape"


class TensorModel(EstimatorModel):
    """An image classifier: float32 `(n_rows, height, width)` -> float32 `(n_rows, n_classes)`.

    The fitted model is a pipeline of scikit-learn's own classes, so MLflow's sklearn flavor loads
    it without any code of modelpact.

    Attributes:
        hidden: Units in the hidden layer.
        max_iter: Maximum number of epochs; training stops earlier if the loss no longer falls.
        seed: Seed of the initial weights.
    """

    native_method: ClassVar[str] = "predict_proba"

    hidden: int = Field(default=64, ge=1)
    max_iter: int = Field(default=200, ge=1)
    seed: int = Field(default=0, ge=0)

    @property
    def flavors(self) -> tuple[str, ...]:
        return ("sklearn",)

    def native_model(self) -> Pipeline:
        return self.fitted_estimator

    def fit(self, inputs: Inputs, targets: Any) -> None:
        images = np.asarray(inputs, dtype=np.float32)
        scale = np.float32(np.max(images) or 1.0)
        network = MLPClassifier(
            hidden_layer_sizes=(self.hidden,),
            max_iter=self.max_iter,
            random_state=self.seed,
            tol=1e-3,
        )
        shape = {_SHAPE: (-1, images[0].size)}
        pipeline = make_pipeline(FunctionTransformer(np.reshape, kw_args=shape), network)
        pipeline.fit(images / scale, targets)
        # The scale of the pixels becomes a part of the weights of the first layer.
        network.coefs_[0] /= scale
        self._estimator = pipeline

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        return self.native_model().predict_proba(np.asarray(inputs, dtype=np.float32))
