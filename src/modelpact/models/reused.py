"""A model that is in MLflow already."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from modelpact.errors import LoadError
from modelpact.models.base import Model
from modelpact.schemas import Inputs, Params
from modelpact.suggestions import shortened

__all__ = ["MlflowModel"]


class MlflowModel(Model):
    """An existing MLflow model of any flavor, to be published again under a contract.

    Attributes:
        uri: Where MLflow finds it: `models:/name/1`, `models:/name@alias`, `runs:/<run_id>/model`, or a folder.
    """

    uri: str

    _folder: Path | None = PrivateAttr(default=None)
    _pyfunc: Any = PrivateAttr(default=None)

    @property
    def flavors(self) -> tuple[str, ...]:
        return tuple(name for name in self._loaded().metadata.flavors if name != "python_function")

    def identity(self) -> dict[str, Any]:
        return super().identity() | {"model": self._loaded().metadata.model_uuid}  # an alias may name another model tomorrow

    def native(self) -> Any:
        return self._loaded().get_raw_model() if self.flavors else None

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        return self._loaded().predict(inputs, params=params)

    def dump(self, folder: Path) -> None:
        from mlflow.artifacts import download_artifacts

        self._loaded()  # or anything that is no model would be copied
        source = download_artifacts(artifact_uri=str(self._folder or self.uri))
        shutil.copytree(source, folder / "model")

    def load(self, folder: Path) -> None:
        self._folder = folder / "model"

    def _loaded(self) -> Any:
        if self._pyfunc is None:
            import mlflow.pyfunc

            try:
                self._pyfunc = mlflow.pyfunc.load_model(str(self._folder or self.uri))
            except Exception as error:  # whatever a foreign model's own code and files may raise
                raise LoadError(
                    f"model.uri={self.uri!r} cannot be loaded: {type(error).__name__}: {shortened(error, 300)}",
                    remedy="Write models:/name/1, models:/name@alias, runs:/<run_id>/model, or a folder with an MLmodel file.",
                    uri=self.uri,
                ) from error
        return self._pyfunc
