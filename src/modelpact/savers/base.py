"""The base class of savers: it writes a model to a folder, checks it there, and then uploads it.

The stored files name no path of the author's machine, and their signature is the signed one.
"""

from __future__ import annotations

import functools
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal import mlflow_compat, requirements
from modelpact._internal.files import temporary_folder
from modelpact._internal.guards import on_error
from modelpact._internal.signals import held_signals, interruptible
from modelpact._internal.text import truncate
from modelpact._internal.user_files import describe_irregular
from modelpact.errors import PactError, SaveError
from modelpact.models import Model
from modelpact.models.input_forms import InputForm
from modelpact.savers.requirement_lines import check_requirements, check_saved_requirements
from modelpact.savers.written_model import check_written, remove_author_paths
from modelpact.security import leak_scan
from modelpact.security.manifest import ARTIFACT_DIGEST, SIGNATURE_DIGEST, Manifest
from modelpact.security.regular_files import walk
from modelpact.signature import digest as signature_digest
from modelpact.tracking import remote_store
from modelpact.types import Inputs, Step

if TYPE_CHECKING:
    from mlflow import ActiveRun, MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.models import Model as MLmodel

    from modelpact.types import Info, Signature

__all__ = ["Saver", "mark_failed"]

_NOT_IN_NAMES = "/:.%\"'"
"""What MLflow does not allow in the name of a model."""


class Saver(Step, ABC):
    """Saves a model with its signature in the open store, under the active run if there is one.

    Attributes:
        path: The name of the model within its run.
        pip_requirements: Requirements of the model. None uses those that MLflow infers, which are
            cached.
        extra_pip_requirements: Requirements that are added to these.
        allowed_requirement_options: Options of pip that requirements may have, such as
            `--index-url`, and `url` for requirements with a URL.
        code_paths: Files or folders of your own code that the model needs; they are saved with it.
        leak_allowlist: False positives of the leak scan, each `{place, kind, reason}`. The ones
            that are used are recorded with the model.
        metadata: Facts about the model, which MLflow stores in its `MLmodel` file.
        config_file: The configuration of the model, a JSON file; None if the model needs none.
    """

    excluded_from_key = frozenset({"path", "leak_allowlist"})

    path: str = "model"
    pip_requirements: list[str] | None = None
    extra_pip_requirements: list[str] = []
    allowed_requirement_options: list[str] = []
    code_paths: list[str] = []
    leak_allowlist: list[leak_scan.AllowlistEntry] = []
    metadata: dict[str, Any] = {}
    config_file: str | None = None

    def check(self, model: Model) -> None:
        """Check before any work is done that this saver can save a model.

        Raises:
            SaveError: The saver cannot save the model, or a path in `code_paths` does not exist.
            ModelConfigError: The configuration of the model is invalid.
            ModelConfigNotFound: The configuration file of the model does not exist.
        """
        if not isinstance(model, Model):
            raise SaveError(
                f"the model is a {type(model).__name__}, which is not a Model of modelpact",
                remedy="Wrap it, as in SklearnModel(estimator=...), or write a class with predict.",
            )
        if not self.path.strip() or set(self.path) & set(_NOT_IN_NAMES):
            raise SaveError(
                f"saver.path={self.path!r} is not a name",
                remedy=f"Give a name without {' '.join(_NOT_IN_NAMES)}, such as saver.path=model.",
                path=self.path,
            )
        for path in self.code_paths:
            _check_code_path(path)
        for key in ("pip_requirements", "extra_pip_requirements"):
            check_requirements(
                getattr(self, key) or (), f"saver.{key}", self.allowed_requirement_options
            )
        _check_metadata(self.metadata)
        self.check_model(model)

    def check_model(self, model: Model) -> None:
        """Check before any work is done that this saver can save a model; the default does nothing.

        Raises:
            SaveError: It cannot.
        """

    def hands_over(self, model: Model, form: InputForm | None) -> bool:
        """Return whether the saved model gets inputs in this form."""
        return form == "frame" or model.takes_any_form

    def checks_example(self, model: Model, signature: Signature) -> bool:
        """Return whether MLflow checks the input example against the signature on saving."""
        return True

    @abstractmethod
    def write(self, model: Model, folder: Path, *, form: InputForm, **options: Any) -> None:
        """Write a model to a folder; `save` checks the result and uploads it.

        Args:
            model: The fitted model.
            folder: The folder, which does not exist yet.
            form: What a model of your own gets when it is called: `frame`, `records` or `series`.
            options: Options for `save_model` of an MLflow flavor: `signature`, `input_example`,
                `mlflow_model`, and `pip_requirements` unless MLflow shall infer them; then
                `extra_pip_requirements` if there are any.
        """

    def requirements_source(self, model: Model) -> tuple[object, str]:
        """Return what inferred requirements depend on, under which they are cached.

        Returns:
            An object whose libraries are required, and a name of the form it is saved in.
        """
        native = model.native_model()
        return (type(model) if native is None else native), model.identity()["class"]

    @held_signals()
    def save(
        self,
        model: Model,
        signature: Signature,
        input_example: Inputs,
        *,
        form: InputForm = "frame",
    ) -> Info:
        """Save a model. After an error or a signal, it is left in the state FAILED.

        Args:
            model: The fitted model.
            signature: The signature to store with it.
            input_example: A few rows of inputs, or `(rows, params)`, to store with the model.
            form: What a model of your own gets: `frame` for what MLflow hands it, `records` for a
                list of rows, as with `data.form=records`, or `series`.

        Returns:
            MLflow's `ModelInfo`; its `model_uri` is `models:/<model_id>`.

        Raises:
            SaveError: The model cannot be written or uploaded.
            DriftError: MLflow would store another signature than the signed one.
            SecretError: The leak scan found a secret; nothing was uploaded.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        self.check(model)
        _check_signature(signature)
        client = mlflow.MlflowClient()
        run = mlflow.active_run()
        logged = client.create_logged_model(
            run.info.experiment_id if run else mlflow_compat.current_experiment() or "0",
            name=self.path,
            source_run_id=run.info.run_id if run else None,
            model_type=model.KIND,
        )
        try:
            with (
                on_error(functools.partial(mark_failed, client, logged.model_id)),
                temporary_folder() as temporary,
            ):
                folder = temporary / "model"
                options = {"signature": signature, "input_example": input_example, "form": form}
                with interruptible():
                    mlmodel = self._write_checked(model, folder, logged, options)
                    self._upload(client, folder, logged, signature)
                return mlmodel.get_model_info(_finalize(client, run, logged))
        except PactError:
            raise
        except (MlflowException, OSError, TypeError, ValueError) as error:
            text = f"{type(error).__name__}: {truncate(error, 300)}"
            raise SaveError(
                f"{self.KIND} cannot save this {model.KIND}: {text}",
                remedy="See the chained exception, or use another saver (saver=custom, "
                "saver=builtin).",
                model=model.KIND,
            ) from error

    def _write_checked(
        self,
        model: Model,
        folder: Path,
        logged: LoggedModel,
        options: dict[str, Any],
    ) -> MLmodel:
        """Write the model, and check the result."""
        from mlflow.models import Model as MLmodel

        mlmodel = MLmodel(
            artifact_path=self.path,
            run_id=logged.source_run_id,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
            metadata=self.metadata or None,
        )
        self._write_with_requirements(model, folder, mlflow_model=mlmodel, **options)
        check_saved_requirements(folder, self.allowed_requirement_options)
        remove_author_paths(mlmodel, folder)
        check_written(folder, options["signature"])
        return mlmodel

    def _write_with_requirements(self, model: Model, folder: Path, **options: Any) -> None:
        extra = self.extra_pip_requirements
        if self.pip_requirements is not None:
            self.write(model, folder, pip_requirements=[*self.pip_requirements, *extra], **options)
            return
        source, form = self.requirements_source(model)
        key = requirements.fingerprint(
            source, self.KIND, form, requirements.hash_code(self.code_paths), *extra
        )
        known = requirements.load_cached(key)
        if known is not None:
            self.write(model, folder, pip_requirements=[requirements.SKIP_CHECK], **options)
            requirements.write_files(known, folder)
            return
        if extra:
            options["extra_pip_requirements"] = extra
        # MLflow infers the requirements by loading the model in a new process.
        with requirements.watch_inference() as failures:
            self.write(model, folder, **options)
        requirements.save_to_cache(None if failures else key, folder, model.extra_requirements)
        for compiled in list(folder.rglob("__pycache__")):
            shutil.rmtree(compiled)

    def _upload(
        self, client: MlflowClient, folder: Path, logged: LoggedModel, signature: Signature
    ) -> None:
        """Scan the files for leaks, write their manifest, and upload them with their digests."""
        allowed = leak_scan.scan_folder(folder).enforce(
            self.leak_allowlist, "saver.leak_allowlist", "the model"
        )
        manifest = Manifest.from_folder(folder)
        manifest.write(folder)
        client.log_model_artifacts(logged.model_id, str(folder))
        tags = {
            ARTIFACT_DIGEST: manifest.digest,
            SIGNATURE_DIGEST: signature_digest(signature),
            leak_scan.LEAK_SCAN_TAG: leak_scan.allowlist_to_tag(allowed),
        }
        client.set_logged_model_tags(logged.model_id, tags)


def _check_code_path(path: str) -> None:
    """Check that a file or folder of code can be copied."""
    root = Path(path)
    if not path.strip() or root.resolve() == Path(root.resolve().anchor):
        problem: str | None = "is not a folder of code"
    else:
        problem = describe_irregular(root)
    if problem == "is a folder":
        found = ((name, describe_irregular(root / name)) for name, _ in walk(root))
        odd = ((name, text) for name, text in found if text not in {None, "is a folder"})
        name, problem = next(odd, ("", None))
        path = str(root / name)
    if problem is not None:
        raise SaveError(
            f"saver.code_paths: {path or repr(path)} {problem}",
            remedy=f"Name files and folders of Python code, relative to {Path.cwd()}.",
            path=path,
        )


def _check_metadata(metadata: dict[str, Any]) -> None:
    import yaml

    try:
        yaml.safe_dump(metadata)
    except yaml.representer.RepresenterError as error:
        raise SaveError(
            f"YAML cannot represent a value of saver.metadata: {truncate(repr(error.args[-1]))}",
            remedy="Use plain values, such as float(x) for a number of NumPy.",
        ) from error


def _check_signature(signature: Signature | None) -> None:
    if signature is None:
        raise SaveError(
            "there is no signature to save the model with",
            remedy="Sign it first: InferSigner().sign(inputs, outputs).",
        )


def mark_failed(client: MlflowClient, model_id: str, error: BaseException) -> None:
    """Set a saved model to FAILED because of an error; only log a failure to do so."""
    with (
        remote_store.short_timeouts(error),
        remote_store.log_failure(f"cannot set model {model_id} to FAILED"),
    ):
        client.finalize_logged_model(model_id, "FAILED")


def _finalize(client: MlflowClient, run: ActiveRun | None, logged: LoggedModel) -> LoggedModel:
    from mlflow.entities import LoggedModelOutput

    if run is not None:
        client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return client.finalize_logged_model(logged.model_id, "READY")
