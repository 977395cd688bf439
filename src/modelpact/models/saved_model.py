"""The form in which `CustomSaver` stores a model: code, a JSON configuration and a state.

MLflow runs the stored script (`SCRIPT`), which builds a `SavedModel`. The script prefers the copy
of modelpact in the `code` folder of the model (see `modelpact._internal.bundled_runtime`).
"""

from __future__ import annotations

import importlib
import json
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mlflow.pyfunc.model import PythonModel

from modelpact.errors import LoadError
from modelpact.models.base import Model, read_config

if TYPE_CHECKING:
    from types import ModuleType

    from mlflow.pyfunc.model import PythonModelContext

    from modelpact.models.input_forms import InputForm

__all__ = ["PROTOCOL", "SCRIPT", "SavedModel", "class_path"]

PROTOCOL = 1
"""The version of `config.json`: keys `protocol`, `class`, `options` and, optionally, `context`,
`form` (`records` or `series`) and `hinted` (the saved model carries `row_objects`)."""

SCRIPT = '''"""Builds the model; MLflow runs this file."""

from importlib import import_module
from importlib.util import find_spec

from mlflow.models import set_model

# The copy of modelpact in the model's code folder; it is absent while the model is being saved.
runtime = "{runtime}" if find_spec("{runtime}") else "modelpact"
set_model(import_module(runtime + ".models.saved_model").SavedModel())
'''
"""What MLflow runs; `runtime` is a package name."""


class _Predict:
    """`predict` without type hints, which MLflow would warn of in a `PythonModel`."""

    model: Model
    _row_objects: ModuleType | None = None

    form: InputForm = "frame"

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Predict inputs, which MLflow has checked unless the signature is that of type hints."""
        model_input = self._to_signed_form(model_input)
        if self._row_objects is None:
            return self.model.predict(model_input, params)
        return self._row_objects.call_predict(self.model, model_input, params)

    def _to_signed_form(self, model_input: Any) -> Any:
        if self.form == "frame" or not hasattr(model_input, "columns"):
            return model_input
        from modelpact.models.input_forms import to_form

        return to_form(self.form, model_input)


class SavedModel(_Predict, PythonModel):
    """A model of modelpact as MLflow's `PythonModel`.

    Attributes:
        model: The model itself; set by `load_context`.
        form: The form that the model was signed with, and gets.
    """

    modelpact_protocol: ClassVar[int] = PROTOCOL
    """Marks a saved model for `modelpact.loaders`, whichever release of modelpact saved it."""

    def load_context(self, context: PythonModelContext) -> None:
        """Build the model from the artifacts `config` (a JSON file) and `state` (a folder).

        Raises:
            LoadError: The protocol is unknown, or the class of the model cannot be imported.
        """
        config = read_config(context.artifacts["config"])
        if config.get("protocol") != PROTOCOL:
            raise LoadError(
                f"the model is stored in protocol {config.get('protocol')!r}; "
                f"this release of modelpact reads {PROTOCOL}",
                remedy="Load it with the release of modelpact that saved it.",
            )
        # Strict fields accept more types in JSON, such as a string for a path.
        options = json.dumps(config["options"])
        self.model = _import_class(config["class"]).model_validate_json(options)
        self.form = config.get("form", "frame")
        # mlflow.pyfunc.load_model(uri, model_config={...})
        override = context.model_config or {}
        if "context" in config or override:
            self.model.load_context({**config.get("context", {}), **override})
        self.model.load(Path(context.artifacts["state"]))
        if config.get("hinted"):
            self._row_objects = importlib.import_module(".row_objects", __package__)

    def predict_stream(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Yield the prediction for one row piece by piece, if the model can stream."""
        model: Any = self.model
        rows = self._to_signed_form(model_input)
        if self._row_objects is not None:
            rows = self._row_objects.convert_inputs(model, "predict_stream", rows)
        yield from model.predict_stream(rows, params)


def class_path(kind: type[Model]) -> str:
    """Return the path of a class as `module:name`."""
    return f"{kind.__module__}:{kind.__qualname__}"


def _import_class(path: str) -> type[Model]:
    module, _, name = path.partition(":")
    top, dot, rest = module.partition(".")
    # The copy of modelpact that runs this code defines the class, whatever the name of the copy.
    if top == "modelpact":
        module = __name__.partition(".")[0] + dot + rest
    try:
        kind: type[Model] = attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise LoadError(
            f"the class {path} of the model cannot be imported: {error}",
            remedy="Install the package that defines the class, or save the model with "
            "saver.code_paths=[<the folder of that package>].",
        ) from error
    return kind
