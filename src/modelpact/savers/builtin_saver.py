"""`BuiltinSaver`: saves a model in one of MLflow's own flavors."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from modelpact._internal.files import temporary_folder
from modelpact._internal.text import did_you_mean
from modelpact.errors import SaveError
from modelpact.models import Model, untrusted_types
from modelpact.models.flavor import list_flavors, save_native
from modelpact.models.input_forms import InputForm
from modelpact.savers.base import Saver
from modelpact.savers.bundled_code import bundle_code, find_own_code_of

__all__ = ["BuiltinSaver"]


class BuiltinSaver(Saver):
    """Saves a model in one of MLflow's own flavors, which other tools can read as well.

    Attributes:
        flavor: The flavor, such as `sklearn` or `xgboost`; None for the default of the model.
    """

    flavor: str | None = None

    def check_model(self, model: Model) -> None:
        if self.config_file is not None:
            raise SaveError(
                f"saver.config_file={self.config_file}: MLflow's flavors store no configuration",
                remedy="Remove saver.config_file, or save the model with saver=custom.",
                path=self.config_file,
            )
        self._import_flavor(model)

    def _import_flavor(self, model: Model) -> ModuleType:
        from mlflow.exceptions import MlflowException

        name = self._choose_flavor(model)
        try:
            return importlib.import_module(f"mlflow.{name}")
        except (ImportError, MlflowException) as error:
            raise SaveError(
                f"saver.flavor={name!r} needs a library that is not installed: {error}",
                remedy=f"Install it: pip install {name}.",
                flavor=name,
            ) from error

    def _choose_flavor(self, model: Model) -> str:
        if not model.flavors:
            raise SaveError(
                f"{model.KIND} does not fit any MLflow flavor",
                remedy="Save it with saver=custom.",
                model=model.KIND,
            )
        name = self.flavor or model.flavors[0]
        if name not in list_flavors():
            raise SaveError(
                f"unknown MLflow flavor saver.flavor={name!r}{did_you_mean(name, list_flavors())}",
                remedy=f"The flavors are {', '.join(list_flavors())}.",
                flavor=name,
            )
        if name not in model.flavors:
            raise SaveError(
                f"saver.flavor={name!r} cannot save this {model.KIND}, which fits "
                f"{' or '.join(model.flavors)}",
                remedy="Remove saver.flavor, or save the model with saver=custom.",
                flavor=name,
                model=model.KIND,
            )
        return name

    def requirements_source(self, model: Model) -> tuple[object, str]:
        return model.native_model(), self._import_flavor(model).__name__

    def write(self, model: Model, folder: Path, *, form: InputForm, **options: Any) -> None:
        flavor = self._import_flavor(model)
        native = model.native_model()
        if flavor.__name__ == "mlflow.sklearn":
            options["pyfunc_predict_fn"] = model.native_method
            # Older versions of MLflow pickle the estimator.
            if "skops_trusted_types" in inspect.signature(flavor.save_model).parameters:
                options["skops_trusted_types"] = untrusted_types(native)
        own_code = [*find_own_code_of(native), *self.code_paths]
        with temporary_folder() as temporary:
            code_paths = bundle_code(temporary, (), own_code)
            options["code_paths"] = code_paths or None
            save_native(self._choose_flavor(model), native, folder, **options)
