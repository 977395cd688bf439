"""The form in which a custom model lies in MLflow: code, a JSON configuration, and what it has learned.

MLflow runs the stored script (`SCRIPT`), which hands it a `SavedModel`. Everything it needs of modelpact is copied into the
model's `code` folder, so it loads where modelpact is not installed.
"""

from __future__ import annotations

import importlib
import json
from operator import attrgetter
from pathlib import Path
from typing import Any, get_type_hints

from mlflow.pyfunc.model import PythonModel

from modelpact.errors import LoadError
from modelpact.models.base import Model, read_config

__all__ = ["PROTOCOL", "SCRIPT", "SavedModel", "saved_model"]

PROTOCOL = 1
"""The version of the layout: `config.json` holds `protocol`, `class`, `options` and, where there is one, `context`."""

SCRIPT = """from mlflow.models import set_model

from modelpact.models.saved_model import saved_model

set_model(saved_model({hinted!r}))
"""
"""What MLflow runs to build the model; `hinted` is the class whose type hints are the signature, or None."""


class _Answers:
    """`predict` without type hints, which would replace the signature; in a `PythonModel` MLflow would warn of that."""

    model: Model

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Answer inputs that MLflow has checked against the signature."""
        return self.model.predict(model_input, params)


class SavedModel(_Answers, PythonModel):
    """A model of modelpact as MLflow's `PythonModel`.

    Attributes:
        model: The model itself; there after `load_context`.
    """

    def load_context(self, context: Any) -> None:
        """Build the model from the artifacts `config` (a JSON file) and `state` (a folder).

        Raises:
            LoadError: The layout is of another protocol, or the model's class is not to be found.
        """
        config = read_config(context.artifacts["config"])
        if config.get("protocol") != PROTOCOL:
            raise LoadError(
                f"the model is saved in protocol {config.get('protocol')!r}; this code reads {PROTOCOL}",
                remedy="Load it with the release of modelpact that saved it.",
            )
        options = json.dumps(
            config["options"]
        )  # read as JSON, where a strict field takes a string for a path
        self.model = _class(config["class"]).model_validate_json(options)
        changed = context.model_config or {}  # mlflow.pyfunc.load_model(uri, model_config={...})
        if "context" in config or changed:
            self.model.load_context({**config.get("context", {}), **changed})
        self.model.load(Path(context.artifacts["state"]))

    def predict_stream(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Answer one row piece by piece, where the model can."""
        yield from self.model.predict_stream(model_input, params)  # type: ignore[attr-defined]


def saved_model(hinted: str | None) -> SavedModel:
    """The object that MLflow is handed.

    Args:
        hinted: A model class as `module:name`. The type hints of its `predict` become those of the saved model, so that MLflow
            validates what it is called with by them. None where the signature is not made of type hints.

    Raises:
        LoadError: The class is not to be found.
    """
    if hinted is None:
        return SavedModel()
    hints = get_type_hints(_class(hinted).predict)

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        return self.model.predict(model_input, params)

    predict.__annotations__ = {
        "model_input": next(iter(hints.values())),
        "return": hints.get("return"),
    }
    made: SavedModel = type("HintedModel", (SavedModel,), {"predict": predict})()
    return made


def _class(path: str) -> type[Model]:
    module, _, name = path.partition(":")
    try:
        kind: type[Model] = attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise LoadError(
            f"the model's class {path} cannot be imported: {error}",
            remedy="Install the package that defines it, or save the model with saver.code_paths=[that package's folder].",
        ) from error
    return kind
