"""`CustomSaver`: saves any model as code, a JSON configuration and a state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder
from modelpact.errors import SaveError, SignError
from modelpact.models import Model
from modelpact.models.config_file import check_config_file
from modelpact.models.input_forms import InputForm
from modelpact.models.row_objects import read_row_hint, uses_objects
from modelpact.models.saved_model import PROTOCOL, SCRIPT, SavedModel, class_path
from modelpact.savers.base import Saver
from modelpact.savers.bundled_code import bundle_code, find_own_code_of
from modelpact.signature import from_predict

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["CustomSaver"]


class CustomSaver(Saver):
    """Saves any model as code, a JSON configuration and a state, without pickle.

    The saved model carries the modules of modelpact that it runs, so it also loads where modelpact
    is not installed.
    """

    Adapter: ClassVar[type[SavedModel]] = SavedModel
    """The `PythonModel` that MLflow runs."""

    def check_model(self, model: Model) -> None:
        if self.config_file is not None:
            check_config_file(self.config_file)
            model.load_context(self.config_file)
        kind = type(model)
        if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
            other = "define it without the base class Model: an object with a method predict is "
            other += "pickled."
            if model.flavors:
                other = "save the model with saver=builtin, in the flavor of its library."
            raise SaveError(
                f"the class {kind.__qualname__} cannot be imported where the model is loaded",
                remedy="Define the class at the top level of a module, and import it from there; "
                f"or {other}",
                model=model.KIND,
            )

    def hands_over(self, model: Model, form: InputForm | None) -> bool:
        return form is not None or _takes_all_forms(model)

    def checks_example(self, model: Model, signature: Signature) -> bool:
        return not _is_from_hints(signature, type(model))

    def write(self, model: Model, folder: Path, *, form: InputForm, **options: Any) -> None:
        import mlflow.pyfunc

        with temporary_folder() as temporary:
            state = temporary / "state"
            state.mkdir()
            model.dump(state)
            config = temporary / "config.json"
            settings = _config_of(model)
            if form != "frame" and not _takes_all_forms(model):
                settings["form"] = form
            config.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
            bundle = self._bundle(model, temporary)
            script = temporary / "saved_model.py"
            script.write_text(SCRIPT.format(runtime=Path(bundle[0]).name), encoding="utf-8")
            signature = options["signature"]
            is_hinted = _is_from_hints(signature, type(model))
            if is_hinted:
                # MLflow cannot check the example; the model itself validates its type hints.
                options["signature"] = _without_inputs(signature)
            mlflow.pyfunc.save_model(
                path=str(folder),
                python_model=str(script),
                artifacts={"config": str(config), "state": str(state)},
                streamable=hasattr(model, "predict_stream"),
                model_config=model.overridable_config() or None,
                code_paths=bundle,
                **options,
            )
            if is_hinted:
                mlmodel = options["mlflow_model"]
                mlmodel.signature = mlflow_compat.mark_as_type_hints(signature)
                mlmodel.save(str(folder / "MLmodel"))

    def _bundle(self, model: Model, temporary: Path) -> list[str]:
        folder = temporary / "code"
        folder.mkdir()
        kind = type(model)
        names = ["modelpact.models.saved_model", f"{kind.__module__}.{kind.__qualname__}"]
        if uses_objects(kind.predict):
            names.append("modelpact.models.row_objects")
        own_code = [*find_own_code_of(kind, model.native_model()), *self.code_paths]
        return bundle_code(folder, names, own_code, model.unused_modules())


def _takes_all_forms(model: Model) -> bool:
    return model.takes_any_form or read_row_hint(type(model).predict) is not None


def _config_of(model: Model) -> dict[str, Any]:
    config = {
        "protocol": PROTOCOL,
        "class": class_path(type(model)),
        "options": model.options(),
    }
    if model.context:
        config["context"] = model.context
    if uses_objects(type(model).predict):
        config["hinted"] = True
    return config


def _without_inputs(signature: Signature) -> Signature:
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    outputs = signature.outputs or Schema([ColSpec(AnyType())])
    return ModelSignature(outputs=outputs, params=signature.params)


def _is_from_hints(signature: Signature, kind: type[Model]) -> bool:
    """Return whether the inputs of a signature are the type hints of a model's `predict`."""
    try:
        inputs, _ = from_predict(kind.predict)
    # The hints have no schema, so they are not the signature.
    except SignError:
        return False
    return inputs is not None and inputs == signature.inputs
