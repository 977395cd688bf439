"""`task=resign`: publish an existing model under a new signature, as a new version."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field, PrivateAttr

from modelpact._internal import mlflow_compat
from modelpact._internal.files import temporary_folder, write_atomically
from modelpact._internal.guards import convert_errors
from modelpact._internal.mlmodel_file import load_pyfunc
from modelpact._internal.signals import held_signals
from modelpact._internal.text import truncate
from modelpact.cli.render.progress import Progress, show_receipt
from modelpact.cli.stored_model import (
    StoredModel,
    check_store_exists,
    copy_files,
    find_model,
    read_metadata,
    registered_name,
)
from modelpact.cli.tasks.base import Task
from modelpact.data import DataSource
from modelpact.errors import ConfigError, LoadError
from modelpact.loaders import BuiltinLoader
from modelpact.models import Model
from modelpact.models.input_forms import InputForm
from modelpact.pipeline import publish
from modelpact.registers import Register
from modelpact.savers import Saver
from modelpact.security.integrity import IntegrityPolicy
from modelpact.security.leak_scan import AllowlistEntry, redact_json
from modelpact.signers import Signer
from modelpact.tracking import Tracking
from modelpact.types import Inputs, Params, Receipt
from modelpact.verifiers import Verifier

if TYPE_CHECKING:
    from mlflow.models import Model as MLmodel
    from mlflow.pyfunc import PyFuncModel

    from modelpact.types import Signature

__all__ = ["ResignTask"]


_KEPT_FIELDS = (
    "flavors",
    "mlflow_version",
    "metadata",
    "prompts",
    "resources",
    "env_vars",
    "auth_policy",
    "model_size_bytes",
)
"""The fields of the `MLmodel` file that the copy keeps."""


class ResignTask(Task):
    """Copies a stored model, gives the copy a new signature, and loads, verifies and registers it.

    Attributes:
        name: The registered model; None for that of `uri`.
        uri: The model: `models:/name/1` or `models:/name@alias`; with a name also
            `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.
        data: The data for the new signature and for the verification.
        signer: How the new signature is made.
        verifier: How the copy is verified.
        integrity: What to do if the model is not as published: fail (`strict`), warn, or skip the
            comparison (`off`).
        allowed_requirement_options: Options of pip that the requirements of the model may have,
            such as `--index-url`, and `url` for requirements with a URL.
        leak_allowlist: False positives of the leak scan of the copy, each `{place, kind, reason}`.
        registry: How a version is created; the field `register` in a configuration.
        tracking: The store.
    """

    name: str | None
    uri: str = Field(min_length=1)
    data: DataSource
    signer: Signer
    verifier: Verifier
    integrity: IntegrityPolicy = "strict"
    allowed_requirement_options: list[str] = []
    leak_allowlist: list[AllowlistEntry] = []
    # `register` is a method of every abstract class.
    registry: Register = Field(alias="register")
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        name = self._name(folder)
        with held_signals():
            with temporary_folder() as temporary, Progress() as progress:
                receipt = publish(
                    data=self.data,
                    model=_ResignedModel(
                        uri=self.uri, folder=str(temporary), integrity=self.integrity
                    ),
                    signer=self.signer,
                    # The copy keeps the requirements of the old model.
                    saver=_CopySaver(
                        pip_requirements=[],
                        allowed_requirement_options=self.allowed_requirement_options,
                        leak_allowlist=self.leak_allowlist,
                    ),
                    loader=BuiltinLoader(),
                    verifier=self.verifier,
                    register=self.registry,
                    tracking=self.tracking,
                    name=name,
                    folder=folder,
                    observe=progress.stage,
                    job=self._job,
                )
            show_receipt(receipt, folder)
        return next(iter(receipt.metrics.values()), None)

    def _name(self, folder: Path) -> str:
        """Return the registered model, after the checks that need no access to the store."""
        try:
            return self._check_name()
        except (ConfigError, LoadError) as error:
            text = f"{type(error).__name__}: {error}"
            name = self.name or registered_name(self.uri) or self.uri
            receipt = Receipt(status="failed", stage="check", error=text, name=name)
            write_atomically(folder / "receipt.json", redact_json(receipt.to_json()))
            raise

    def _check_name(self) -> str:
        source = registered_name(self.uri)
        name = self.name if self.name is not None else source
        if name is None:
            raise ConfigError(
                f"task.uri={self.uri} does not name a registered model for the new version",
                remedy="Write task.uri=models:/name/1, or choose a registered model with name=...",
            )
        if source:
            check_store_exists(self.uri, self.tracking)
        return name


class _ResignedModel(Model):
    """A stored model, called without enforcement of its old signature.

    Attributes:
        uri: The model.
        folder: The folder for a copy of its files.
        integrity: What to do if the files are not the published ones.
    """

    excluded_from_key = frozenset({"uri", "folder", "integrity"})

    uri: str
    folder: str
    integrity: IntegrityPolicy

    _stored: StoredModel | None = PrivateAttr(default=None)
    _files: Path | None = PrivateAttr(default=None)
    _pyfunc: PyFuncModel | None = PrivateAttr(default=None)

    @property
    def stored(self) -> StoredModel:
        """The location of the model in the open store."""
        if self._stored is None:
            self._stored = find_model(self.uri)
        return self._stored

    @property
    def files(self) -> Path:
        """The folder with a copy of its files."""
        if self._files is None:
            self._files = copy_files(self.stored, Path(self.folder), self.integrity)
        return self._files

    def identity(self) -> dict[str, object]:
        return super().identity() | {
            "model": self.stored.uri,
            "uuid": read_metadata(self.stored, "off").model_uuid,
        }

    def lineage_tags(self) -> dict[str, str]:
        return {"modelpact.resigned_from": self.stored.uri}

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        # MLflow's own `predict` would enforce the old signature.
        return mlflow_compat.unenforced_predict(self._load())(inputs, params)

    def _load(self) -> PyFuncModel:
        if self._pyfunc is None:
            files = self.files
            with convert_errors(self._load_error):
                self._pyfunc = load_pyfunc(files)
        return self._pyfunc

    def _load_error(self, error: Exception) -> LoadError:
        return LoadError(
            f"cannot load {self.uri!r}: {type(error).__name__}: {truncate(error, 300)}",
            remedy="Install the requirements of the model.",
            uri=self.uri,
        )


class _CopySaver(Saver):
    """Saves a copy of a stored model's files with another signature and input example."""

    def hands_over(self, model: Model, form: InputForm | None) -> bool:
        return True

    def checks_example(self, model: Model, signature: Signature) -> bool:
        return False

    def requirements_source(self, model: Model) -> tuple[object, str]:
        return type(model), "copy"

    def write(self, model: Model, folder: Path, *, form: InputForm, **options: Any) -> None:
        from mlflow.models import Model as MLmodel

        files = cast("_ResignedModel", model).files
        old, new = MLmodel.load(str(files)), options["mlflow_model"]
        shutil.copytree(files, folder)
        for file in _example_files(old):
            (folder / file).unlink(missing_ok=True)
        for field in _KEPT_FIELDS:
            value = getattr(old, field)
            if value is not None:
                setattr(new, field, value)
        new.signature = mlflow_compat.keep_type_hint_mark(old.signature, options["signature"])
        mlflow_compat.write_input_example(new, options["input_example"], folder)
        new.save(str(folder / "MLmodel"))


def _example_files(old: MLmodel) -> list[str]:
    info = old.saved_input_example_info or {}
    files = [info[key] for key in ("artifact_path", "serving_input_path") if key in info]
    return [*files, "input_example.json", "serving_input_example.json"]
