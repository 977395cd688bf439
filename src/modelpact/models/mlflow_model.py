"""`MlflowModel`, a model that MLflow has already stored."""

from __future__ import annotations

import contextlib
import shutil
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr

from modelpact._internal.guards import convert_errors
from modelpact._internal.mlmodel_file import load_pyfunc
from modelpact._internal.step import Inputs, Params
from modelpact._internal.text import truncate
from modelpact.errors import IntegrityError, LoadError
from modelpact.models.base import Model
from modelpact.security.integrity import IntegrityPolicy, fetch_files

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from modelpact.types import Signature

__all__ = ["MlflowModel"]


class MlflowModel(Model):
    """An existing MLflow model of any flavor, to be published again under a contract.

    Attributes:
        uri: `models:/name/1`, `models:/name@alias`, `runs:/<run_id>/model`, or a folder.
        integrity: What to do if the files are not as they were published: raise (`strict`), log a
            warning (`warn`), or skip the check (`off`).
    """

    excluded_from_key = frozenset({"integrity"})

    uri: str
    integrity: IntegrityPolicy = "strict"

    _dumped_folder: Path | None = PrivateAttr(default=None)
    _model_folder: Path = PrivateAttr(default=Path())
    _pyfunc: PyFuncModel | None = PrivateAttr(default=None)

    @property
    def flavors(self) -> tuple[str, ...]:
        flavors = self._load_pyfunc().metadata.flavors
        return tuple(name for name in flavors if name != "python_function")

    def identity(self) -> dict[str, Any]:
        # The UUID identifies the model; an alias in the URI can move to another one.
        return super().identity() | {"model": self._load_pyfunc().metadata.model_uuid}

    def native_model(self) -> Any:
        return self._load_pyfunc().get_raw_model() if self.flavors else None

    def stored_signature(self) -> Signature | None:
        signature: Signature | None = self._load_pyfunc().metadata.signature
        return signature

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        return self._load_pyfunc().predict(inputs, params=params)

    def dump(self, folder: Path) -> None:
        # Loading first makes sure that the folder is a model before it is copied.
        self._load_pyfunc()
        shutil.copytree(
            self._model_folder,
            folder / "model",
            ignore=shutil.ignore_patterns("__pycache__", "registered_model_meta"),
        )

    def load(self, folder: Path) -> None:
        self._dumped_folder = folder / "model"

    def _load_pyfunc(self) -> PyFuncModel:
        if self._pyfunc is None:
            with contextlib.ExitStack() as temporary_folders:
                # Loading runs the code of the stored model.
                with convert_errors(self._load_error, unless=IntegrityError):
                    self._pyfunc = self._fetch_and_load(temporary_folders)
                weakref.finalize(self._pyfunc, temporary_folders.pop_all().close)
        return self._pyfunc

    def _load_error(self, error: Exception) -> LoadError:
        return LoadError(
            f"model.uri={self.uri!r} cannot be loaded: "
            f"{type(error).__name__}: {truncate(error, 300)}",
            remedy="Write models:/name/1, models:/name@alias, runs:/<run_id>/model, "
            "or a folder with an MLmodel file.",
            uri=self.uri,
        )

    def _fetch_and_load(self, temporary_folders: contextlib.ExitStack) -> PyFuncModel:
        if self._dumped_folder is not None:
            self._model_folder = self._dumped_folder
        else:
            files = fetch_files(self.uri, self.integrity, temporary_folders, key="model.integrity")
            self._model_folder = files.folder
        return load_pyfunc(self._model_folder, suppress_warnings=False)
