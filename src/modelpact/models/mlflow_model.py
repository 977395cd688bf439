"""A model that is in MLflow already."""

from __future__ import annotations

import contextlib
import shutil
import weakref
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from modelpact._internal.files import no_bytecode
from modelpact._internal.text import truncate
from modelpact.errors import IntegrityError, LoadError
from modelpact.models.base import Model
from modelpact.security.integrity import IntegrityPolicy, fetch_files
from modelpact.types import Inputs, Params

__all__ = ["MlflowModel"]


class MlflowModel(Model):
    """An existing MLflow model of any flavor, to be published again under a contract.

    Attributes:
        uri: Where MLflow finds it: `models:/name/1`, `models:/name@alias`, `runs:/<run_id>/model`, or a folder.
        integrity: What happens to one that is not as modelpact has published it: it is refused (`strict`), it is loaded with a
            warning (`warn`), or nobody looks (`off`).
    """

    excluded_from_key = frozenset({"integrity"})

    uri: str
    integrity: IntegrityPolicy = "strict"

    _folder: Path | None = PrivateAttr(default=None)
    _files: Path = PrivateAttr(default=Path())
    _pyfunc: Any = PrivateAttr(default=None)

    @property
    def flavors(self) -> tuple[str, ...]:
        return tuple(name for name in self._loaded().metadata.flavors if name != "python_function")

    def identity(self) -> dict[str, Any]:
        return super().identity() | {
            "model": self._loaded().metadata.model_uuid
        }  # an alias may name another model tomorrow

    def native_model(self) -> Any:
        return self._loaded().get_raw_model() if self.flavors else None

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        return self._loaded().predict(inputs, params=params)

    def dump(self, folder: Path) -> None:
        self._loaded()  # or anything that is no model would be copied
        shutil.copytree(
            self._files,
            folder / "model",
            ignore=shutil.ignore_patterns("__pycache__", "registered_model_meta"),
        )

    def load(self, folder: Path) -> None:
        self._folder = folder / "model"

    def _loaded(self) -> Any:
        if self._pyfunc is None:
            import mlflow.pyfunc

            with contextlib.ExitStack() as made:
                try:
                    self._files = (
                        self._folder
                        or fetch_files(self.uri, self.integrity, made, key="model.integrity").folder
                    )
                    with no_bytecode():
                        self._pyfunc = mlflow.pyfunc.load_model(str(self._files))
                except IntegrityError:
                    raise
                except (
                    Exception
                ) as error:  # whatever a foreign model's own code and files may raise
                    forms = "models:/name/1, models:/name@alias, runs:/<run_id>/model, or a folder with an MLmodel file"
                    raise LoadError(
                        f"model.uri={self.uri!r} cannot be loaded: {type(error).__name__}: {truncate(error, 300)}",
                        remedy=f"Write {forms}.",
                        uri=self.uri,
                    ) from error
                weakref.finalize(self._pyfunc, made.pop_all().close)
        return self._pyfunc
