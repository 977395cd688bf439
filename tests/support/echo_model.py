"""A model with any signature that returns its inputs, without being saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import PyFuncModel

from modelpact.loaders import Adapter
from modelpact.serving.comparison import iter_cells


class Echo:
    """Returns every cell of its inputs."""

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        return {"inputs": dict(iter_cells(inputs)), "params": dict(iter_cells(params or {}))}


def echo_adapter(signature: ModelSignature, model: Any = None) -> Adapter:
    """Return an adapter of a model that was never saved."""
    metadata = Model(
        signature=signature, flavors={"python_function": {"loader_module": "none"}}, model_uuid="0"
    )
    return Adapter(PyFuncModel(metadata, model or Echo()), uri="made", folder=Path("none"))
