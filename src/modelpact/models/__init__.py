"""What is published: one class a kind of model, each with a YAML file in `conf/model`.

A saved one comes back in two forms: `SavedModel` is what MLflow runs; `Adapter` is what a loader hands to a caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact.exports import lazy

if TYPE_CHECKING:
    from modelpact.models.adapter import Adapter
    from modelpact.models.base import Model, read_config
    from modelpact.models.chat import ChatModel
    from modelpact.models.estimators import SklearnModel, untrusted_types
    from modelpact.models.flowers import FlowersModel
    from modelpact.models.reused import MlflowModel
    from modelpact.models.saved import SavedModel
    from modelpact.models.scoring import check_scorers, score
    from modelpact.models.tensors import TensorModel

__all__ = [
    "Adapter",
    "ChatModel",
    "FlowersModel",
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
        "Adapter": "modelpact.models.adapter",
        "ChatModel": "modelpact.models.chat",
        "FlowersModel": "modelpact.models.flowers",
        "MlflowModel": "modelpact.models.reused",
        "Model": "modelpact.models.base",
        "SavedModel": "modelpact.models.saved",
        "SklearnModel": "modelpact.models.estimators",
        "TensorModel": "modelpact.models.tensors",
        "check_scorers": "modelpact.models.scoring",
        "read_config": "modelpact.models.base",
        "score": "modelpact.models.scoring",
        "untrusted_types": "modelpact.models.estimators",
    },
)
