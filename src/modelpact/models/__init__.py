"""Models that can be published. One class per kind, each with a config file in `conf/model`.

A loaded model has two more forms: MLflow runs a `SavedModel`, and a loader returns an `Adapter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.models.base import Model, read_config
    from modelpact.models.chat import ChatModel
    from modelpact.models.iris import IrisModel
    from modelpact.models.mlflow_model import MlflowModel
    from modelpact.models.saved_model import SavedModel
    from modelpact.models.scorers import check_scorers, score
    from modelpact.models.sklearn import SklearnModel, untrusted_types
    from modelpact.models.tensor import TensorModel

__all__ = [
    "ChatModel",
    "IrisModel",
    "MlflowModel",
    "Model",
    "SavedModel",
    "SklearnModel",
    "TensorModel",
    "check_scorers",
    "read_config",
    "score",
    "untrusted_types",
]

__getattr__ = lazy(
    __name__,
    {
        "ChatModel": ".chat",
        "IrisModel": ".iris",
        "MlflowModel": ".mlflow_model",
        "Model": ".base",
        "SavedModel": ".saved_model",
        "SklearnModel": ".sklearn",
        "TensorModel": ".tensor",
        "check_scorers": ".scorers",
        "read_config": ".base",
        "score": ".scorers",
        "untrusted_types": ".sklearn",
    },
)
