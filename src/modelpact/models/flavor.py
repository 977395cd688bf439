"""`FlavorModel`: an object of any library that MLflow has a flavor for."""

from __future__ import annotations

import functools
import importlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import PrivateAttr

from modelpact._internal.files import temporary_folder
from modelpact._internal.log_levels import log_level
from modelpact._internal.mlmodel_file import load_pyfunc
from modelpact._internal.step import Inputs, Params
from modelpact.models.base import Model

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

__all__ = ["FlavorModel", "find_flavor", "list_flavors", "save_native"]

_FLAVORS = {"torch": "pytorch", "pyspark": "spark"}
"""The flavors that are not named like the package of their models."""


class FlavorModel(Model):
    """A model of any library that MLflow has a flavor for, such as an `xgboost.Booster`.

    It predicts as MLflow's `python_function` of that flavor does. `saver=builtin` saves it.

    Attributes:
        flavor: MLflow's flavor, such as `xgboost`.
    """

    flavor: str

    _native: Any = PrivateAttr(default=None)
    _pyfunc: PyFuncModel | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, native: object, flavor: str) -> Self:
        """Return the model of an object.

        Args:
            native: The object.
            flavor: MLflow's flavor.
        """
        model = cls(flavor=flavor)
        model._native = native
        return model

    @property
    def flavors(self) -> tuple[str, ...]:
        return (self.flavor,)

    def native_model(self) -> Any:
        return self._native

    def fit(self, inputs: Inputs, targets: Any) -> None:
        """Fit the object if it has a method `fit`."""
        if hasattr(self._native, "fit"):
            self._native.fit(inputs, targets)
            self._pyfunc = None

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        if self._pyfunc is None:
            # MLflow warns when the saver saves the model.
            with temporary_folder() as folder, log_level(logging.ERROR, "mlflow"):
                path = folder / "model"
                # Inferring requirements would start a process.
                save_native(self.flavor, self._native, path, pip_requirements=[])
                self._pyfunc = load_pyfunc(path)
        return self._pyfunc.predict(inputs, params=params)


def save_native(flavor: str, native: object, folder: Path, **options: object) -> None:
    """Save an object with `save_model` of an MLflow flavor, which gets the `options`."""
    save_model = importlib.import_module(f"mlflow.{flavor}").save_model
    if flavor == "pyfunc":
        save_model(path=str(folder), python_model=native, **options)
    else:
        save_model(native, path=str(folder), **options)


def find_flavor(native: object) -> str | None:
    """Return the MLflow flavor of an object's library; None if MLflow has none."""
    for kind in type(native).__mro__:
        package = kind.__module__.partition(".")[0]
        flavor = "pyfunc" if kind.__module__ == "mlflow.pyfunc.model" else _FLAVORS.get(package)
        if (flavor or package) in list_flavors():
            return flavor or package
    return None


@functools.cache
def list_flavors() -> list[str]:
    """Return the flavors of this MLflow, whether or not their libraries are installed."""
    import mlflow

    packages = Path(mlflow.__file__).parent.glob("*/__init__.py")
    return sorted(
        package.parent.name
        for package in packages
        if "\ndef save_model(" in package.read_text(encoding="utf-8")
    )
