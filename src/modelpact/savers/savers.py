"""Putting a model into MLflow: one class a way, each with a YAML file in `conf/saver`.

A model is written into a temporary folder, checked there, and only then uploaded. What is stored names no path of the author's
machine, and its signature is the one that was signed.
"""

from __future__ import annotations

import functools
import importlib
import json
import logging
import shutil
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal import requirements
from modelpact._internal.files import temporary_files_in, temporary_folder
from modelpact._internal.mlmodel_file import parse_signature, read_mlmodel
from modelpact._internal.text import did_you_mean, truncate
from modelpact.errors import DriftError, PactError, SaveError, SignError
from modelpact.models import Model, untrusted_types
from modelpact.savers.bundled_code import carried_code, code_of
from modelpact.security import leak_scan
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST, Manifest
from modelpact.signature import digest as signature_digest
from modelpact.signature import from_predict
from modelpact.tracking import remote_store
from modelpact.types import Inputs, Step

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import Model as MLmodel

    from modelpact.types import Info, Signature

__all__ = ["BuiltinSaver", "CustomSaver", "Saver", "mark_failed"]

log = logging.getLogger(__name__)


class Saver(Step, ABC):
    """Saves a model with its contract into the open store, under the active run where there is one.

    Attributes:
        path: The model's name within its run.
        pip_requirements: What to install before it is loaded; None for what MLflow infers, worked out once and cached.
        code_paths: Files or folders of your own code that the model needs; they travel with it.
        leak_allowlist: What the leak scan finds that is no secret, each `{place, kind, reason}`; they are recorded.
    """

    excluded_from_key = frozenset({"path", "leak_allowlist"})

    path: str = "model"
    pip_requirements: list[str] | None = None
    code_paths: list[str] = []
    leak_allowlist: list[leak_scan.AllowlistEntry] = []

    def check(self, model: Model) -> None:
        """Refuse a model that this saver cannot take, before any work is done.

        Raises:
            SaveError: It does not fit; the message says what does.
            ModelConfigError: Its configuration is broken.
            ModelConfigNotFound: Its configuration file does not exist.
        """
        for path in self.code_paths:
            if not Path(path).exists():
                raise SaveError(
                    f"saver.code_paths: {path} does not exist",
                    remedy=f"It is read from {Path.cwd()}.",
                    path=path,
                )
        self._accept(model)

    @abstractmethod
    def _accept(self, model: Model) -> None:
        """Refuse a model that does not fit this way of saving."""

    @abstractmethod
    def _write(self, model: Model, folder: Path, **options: Any) -> None:
        """Write the model into `folder` with a `save_model` of MLflow's, passing `options` on to it."""

    @abstractmethod
    def _made_of(self, model: Model) -> tuple[Any, ...]:
        """What the requirements depend on beside the environment: the object that is saved, then words about how."""

    def save(self, model: Model, signature: Signature, input_example: Inputs) -> Info:
        """Save a model.

        Args:
            model: The model, fitted.
            signature: The contract to store with it.
            input_example: A few rows of inputs, or `(rows, params)`; stored beside it for whoever wants to try it.

        Returns:
            MLflow's account of the saved model; its `model_uri` is `models:/<model_id>`.

        Raises:
            SaveError: It could not be written or uploaded; no READY model is left behind.
            DriftError: What would be stored is not what was signed.
            SecretError: A secret is in it; nothing was uploaded.
        """
        import mlflow
        from mlflow.entities import LoggedModelOutput
        from mlflow.exceptions import MlflowException
        from mlflow.models import Model as MLmodel

        self.check(model)
        client = mlflow.MlflowClient()
        run = mlflow.active_run()
        experiment_id = run.info.experiment_id if run else "0"
        run_id = run.info.run_id if run else None
        logged = client.create_logged_model(
            experiment_id, name=self.path, source_run_id=run_id, model_type=model.KIND
        )
        try:
            with temporary_folder() as temporary:
                folder = temporary / "model"
                stored = MLmodel(
                    artifact_path=self.path,
                    run_id=run_id,
                    model_uuid=logged.model_id,
                    model_id=logged.model_id,
                )
                with temporary_files_in(temporary):
                    self._write_with_requirements(
                        model,
                        folder,
                        mlflow_model=stored,
                        signature=signature,
                        input_example=input_example,
                    )
                _remove_author_paths(stored, folder)
                _check_written(folder, signature)
                allowed = leak_scan.scan_folder(folder).enforce(
                    self.leak_allowlist, "saver.leak_allowlist", "the model"
                )
                manifest = Manifest.from_folder(folder)
                manifest.write(folder)
                client.log_model_artifacts(logged.model_id, str(folder))
            tags = {ARTIFACT_DIGEST: manifest.digest, SIGNATURE_DIGEST: signature_digest(signature)}
            client.set_logged_model_tags(
                logged.model_id,
                {**tags, leak_scan.LEAK_SCAN_TAG: leak_scan.allowlist_to_tag(allowed)},
            )
            if run_id is not None:
                client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
            return stored.get_model_info(client.finalize_logged_model(logged.model_id, "READY"))
        except BaseException as error:
            mark_failed(client, logged.model_id)
            if isinstance(
                error, (MlflowException, OSError, TypeError, ValueError)
            ) and not isinstance(error, PactError):
                raise SaveError(
                    f"{self.KIND} cannot save this {model.KIND}: {type(error).__name__}: {truncate(error, 300)}",
                    remedy="See the chained cause; another saver may take it (saver=custom, saver=builtin).",
                    model=model.KIND,
                ) from error
            raise

    def _write_with_requirements(self, model: Model, folder: Path, **options: Any) -> None:
        if self.pip_requirements is not None:
            self._write(model, folder, pip_requirements=self.pip_requirements, **options)
            return
        made_of, *how = self._made_of(model)
        key = requirements.fingerprint(
            made_of, self.KIND, *how, requirements.contents(self.code_paths)
        )
        known = requirements.recall(key)
        if known is None:
            with requirements.inferring() as failures:
                self._write(model, folder, **options)  # MLflow infers them, in a process of its own
            requirements.remember(None if failures else key, folder, model.extra_requirements)
            for compiled in list(folder.rglob("__pycache__")):  # that process has loaded the model
                shutil.rmtree(compiled)
        else:
            self._write(model, folder, pip_requirements=[requirements.UNCHECKED], **options)
            requirements.write(known, folder)


def mark_failed(client: MlflowClient, model_id: str) -> None:
    """Set a saved model to FAILED, while another error is on its way: if the store fails as well, that is only logged."""
    with remote_store.short_timeouts(sys.exception()):
        try:
            client.finalize_logged_model(model_id, "FAILED")
        except Exception as error:
            told = truncate(remote_store.store_failure(error) or error, 300)
            log.warning("the model %s could not be marked as failed: %s", model_id, told)


class CustomSaver(Saver):
    """Saves any model as code, a JSON configuration and what it has learned: no pickle, and it loads without modelpact installed.

    Attributes:
        config_file: The model's own configuration, a JSON file; None for a model that needs none.
    """

    config_file: str | None = None

    def _accept(self, model: Model) -> None:
        if self.config_file is not None:
            model.load_context(self.config_file)
        kind = type(model)
        if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
            raise SaveError(
                f"the class {kind.__qualname__} cannot be imported by whoever loads the model",
                remedy="Define it at the top of a module of its own, and import it from there.",
                model=model.KIND,
            )

    def _made_of(self, model: Model) -> tuple[Any, ...]:
        return model.native_model() if model.native_model() is not None else type(
            model
        ), model.identity()["class"]

    def _write(self, model: Model, folder: Path, **options: Any) -> None:
        import mlflow.pyfunc

        from modelpact.models.saved_model import PROTOCOL, SCRIPT

        kind = type(model)
        path = f"{kind.__module__}:{kind.__qualname__}"
        config = {"protocol": PROTOCOL, "class": path, "options": model.options()}
        if model.context:
            config["context"] = model.context
        with temporary_folder() as temporary:
            state = temporary / "state"
            state.mkdir()
            model.dump(state)
            (state.parent / "config.json").write_text(
                json.dumps(config, indent=2) + "\n", encoding="utf-8"
            )
            hinted = path if _is_of_hints(options["signature"], kind) else None
            (state.parent / "saved_model.py").write_text(
                SCRIPT.format(hinted=hinted), encoding="utf-8"
            )
            mlflow.pyfunc.save_model(
                path=str(folder),
                python_model=str(state.parent / "saved_model.py"),
                artifacts={"config": str(state.parent / "config.json"), "state": str(state)},
                streamable=hasattr(model, "predict_stream"),
                model_config=model.overridable_config() or None,
                code_paths=[
                    str(carried_code(state.parent)),
                    *_own_code(kind, model.native_model()),
                    *self.code_paths,
                ],
                **options,
            )


class BuiltinSaver(Saver):
    """Saves a model in one of MLflow's own flavors, so that MLflow's native loaders and other tools read it too.

    Attributes:
        flavor: The flavor, such as `sklearn` or `xgboost`; None for the model's own.
    """

    flavor: str | None = None

    def _accept(self, model: Model) -> None:
        self._module(model)

    def _module(self, model: Model) -> Any:
        from mlflow.exceptions import MlflowException

        if not model.flavors:
            raise SaveError(
                f"{model.KIND} fits no MLflow flavor",
                remedy="Save it with saver=custom.",
                model=model.KIND,
            )
        name = self.flavor or model.flavors[0]
        if name not in _flavors():
            raise SaveError(
                f"saver.flavor={name!r} is no flavor of MLflow{did_you_mean(name, _flavors())}",
                remedy=f"Its flavors: {', '.join(_flavors())}.",
                flavor=name,
            )
        if name not in model.flavors:
            raise SaveError(
                f"saver.flavor={name!r} does not take this {model.KIND}, which fits {' or '.join(model.flavors)}",
                remedy="Leave saver.flavor out, or save it with saver=custom.",
                flavor=name,
                model=model.KIND,
            )
        try:
            return importlib.import_module(f"mlflow.{name}")
        except (ImportError, MlflowException) as error:
            raise SaveError(
                f"saver.flavor={name!r} needs a library that is not installed here: {error}",
                remedy=f"Install it: pip install {name}.",
                flavor=name,
            ) from error

    def _made_of(self, model: Model) -> tuple[Any, ...]:
        return model.native_model(), self._module(model).__name__

    def _write(self, model: Model, folder: Path, **options: Any) -> None:
        module = self._module(model)
        native = model.native_model()
        own_code = [*_own_code(native), *self.code_paths]
        if module.__name__ == "mlflow.sklearn":
            options["skops_trusted_types"] = untrusted_types(native)
        with temporary_folder() as temporary:
            if type(native).__module__.partition(".")[0] == "modelpact":
                own_code.append(str(carried_code(temporary)))
            module.save_model(native, path=str(folder), code_paths=own_code or None, **options)


def _own_code(*parts: Any) -> list[str]:
    """The user's own code that the parts of a model are made of."""
    found = [requirements.classes(part) or {(type(part).__module__, "")} for part in parts]
    packages = {module.partition(".")[0] for classes in found for module, _ in classes}
    return [path for package in sorted(packages) for path in code_of(package)]


def _is_of_hints(signature: Signature, kind: type[Model]) -> bool:
    """Whether the inputs are signed by the type hints of the model's `predict`."""
    try:
        inputs, _ = from_predict(kind.predict)
    except SignError:  # hints that MLflow cannot express are nobody's signature
        return False
    return inputs is not None and inputs == signature.inputs


@functools.cache
def _flavors() -> list[str]:
    """The flavors that this MLflow has, whether or not their libraries are installed."""
    import mlflow

    homes = Path(mlflow.__file__).parent.glob("*/__init__.py")
    return sorted(
        home.parent.name
        for home in homes
        if "\ndef save_model(" in home.read_text(encoding="utf-8")
    )


def _remove_author_paths(stored: MLmodel, folder: Path) -> None:
    """Take the paths of this machine out of the MLmodel file: MLflow writes where artifacts and code were copied from."""
    artifacts = stored.flavors.get("python_function", {}).get("artifacts", {}).values()
    scripts = [flavor for flavor in stored.flavors.values() if "model_code_path" in flavor]
    for artifact in artifacts:
        artifact["uri"] = artifact["path"]
    for flavor in scripts:  # MLflow looks for a file of this name in the model's folder
        flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    if artifacts or scripts:
        stored.save(str(folder / "MLmodel"))


def _check_written(folder: Path, signature: Signature) -> None:
    text = read_mlmodel(str(folder))
    stored = parse_signature(text)
    if stored != signature:
        raise DriftError(
            "MLflow stored another signature than the one that was signed",
            remedy="A predict with type hints replaces it: sign with signer=type_hint, or drop the hints.",
            signed=signature.to_dict(),
            stored=None if stored is None else stored.to_dict(),
        )
    for name in ("input_example.json", "serving_input_example.json"):
        if not (folder / name).exists():
            raise SaveError(
                f"{name} was not stored with the model",
                remedy="The input example can't be written as JSON.",
            )
    for place in (str(folder.parent), str(Path.home()), str(Path.cwd())):
        if len(place) > 1 and place in text:
            raise SaveError(
                "the MLmodel file names a path of this machine",
                remedy="Use paths relative to the model.",
            )
