"""`task=resign`: a new signature for an existing model, as a new version; the old version stays as it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

from pydantic import Field, PrivateAttr

from modelpact._internal import mlflow_compat
from modelpact._internal.files import no_bytecode, temporary_folder, write_atomically
from modelpact._internal.text import truncate
from modelpact.cli.render.progress import Progress, show_receipt
from modelpact.cli.stored_model import (
    StoredModel,
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
from modelpact.pipeline import publish
from modelpact.registers import Register
from modelpact.savers import Saver
from modelpact.security.integrity import IntegrityPolicy
from modelpact.signers import Signer
from modelpact.tracking import SqliteTracking, Tracking
from modelpact.types import Inputs, Params, Receipt
from modelpact.verifiers import Verifier

__all__ = ["ResignTask"]


class ResignTask(Task):
    """Signs a model again: copies its files, puts the new signature on the copy, loads, verifies and registers that.

    Attributes:
        name: The registered model; None for that of `uri`.
        uri: The model: `models:/name/1`, `models:/name@alias`; with a name also `models:/<model_id>`, `runs:/...` or a folder.
        data: What the new signature is made from, and proven with.
        signer: Where the new contract comes from.
        verifier: How the copy is proven.
        integrity: What happens to a model that is not as it was published: it is refused (`strict`), it is signed with a warning
            (`warn`), or nobody looks (`off`).
        registry: How it becomes a version; `register` in YAML and when it is built.
        tracking: The store.
    """

    name: str | None
    uri: str = Field(min_length=1)
    data: DataSource
    signer: Signer
    verifier: Verifier
    integrity: IntegrityPolicy = "strict"
    registry: Register = Field(alias="register")  # every Pydantic class has a method `register`
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        name = self._name(folder)
        with temporary_folder() as temporary, Progress() as progress:
            receipt = publish(
                data=self.data,
                model=_ResignedModel(uri=self.uri, folder=str(temporary), integrity=self.integrity),
                signer=self.signer,
                saver=_CopySaver(pip_requirements=[]),  # the copy has those of the old model
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
        """What the new version is a version of; refused here is what needs no look into the store."""
        name = self.name if self.name is not None else registered_name(self.uri)
        error: ConfigError | LoadError | None = None
        if name is None:
            error = ConfigError(
                f"task.uri={self.uri} names no registered model, so there is none to make a new version of",
                remedy="Write task.uri=models:/name/1, or say what to register it as: name=...",
            )
        elif (
            registered_name(self.uri)
            and isinstance(self.tracking, SqliteTracking)
            and not self.tracking.path.exists()
        ):
            error = LoadError(
                f"{self.uri!r} cannot be found: there is no store {self.tracking.path}",
                remedy="Run in the folder of the store, or set tracking.uri=sqlite:////its/path.db.",
                uri=self.uri,
            )
        if error is not None:
            text = f"{type(error).__name__}: {error}"
            receipt = Receipt(status="failed", stage="check", error=text, name=name or self.uri)
            write_atomically(folder / "receipt.json", receipt.to_json())
            raise error
        return str(name)


class _ResignedModel(Model):
    """A model that is stored already, called past the signature that it has.

    Attributes:
        uri: Where it is.
        folder: Takes a copy of its files.
        integrity: What happens if they are not those that were published.
    """

    excluded_from_key = frozenset({"uri", "folder", "integrity"})

    uri: str
    folder: str
    integrity: IntegrityPolicy

    _stored: StoredModel | None = PrivateAttr(default=None)
    _files: Path | None = PrivateAttr(default=None)
    _pyfunc: Any = PrivateAttr(default=None)

    @property
    def stored(self) -> StoredModel:
        """Where it lies, found in the open store at the first question."""
        if self._stored is None:
            self._stored = find_model(self.uri)
        return self._stored

    @property
    def files(self) -> Path:
        """A copy of its files."""
        if self._files is None:
            self._files = copy_files(self.stored, Path(self.folder), self.integrity)
        return self._files

    def identity(self) -> dict[str, Any]:
        return super().identity() | {
            "model": self.stored.uri,
            "uuid": read_metadata(self.stored, "off").model_uuid,
        }

    def lineage_tags(self) -> dict[str, str]:
        return {"modelpact.resigned_from": self.stored.uri}

    def predict(self, inputs: Inputs, params: Params | None = None) -> Any:
        pyfunc = self._loaded()
        return mlflow_compat.predict_function(pyfunc)(
            inputs, params
        )  # the old signature, if any, may be what is wrong

    def _loaded(self) -> Any:
        if self._pyfunc is None:
            import mlflow.pyfunc

            files = str(self.files)
            try:
                with no_bytecode():
                    self._pyfunc = mlflow.pyfunc.load_model(files, suppress_warnings=True)
            except Exception as error:  # whatever a foreign model's own code and files may raise
                raise LoadError(
                    f"{self.uri!r} cannot be loaded: {type(error).__name__}: {truncate(error, 300)}",
                    remedy="Only a model that loads here can be signed again: install what it needs.",
                    uri=self.uri,
                ) from error
        return self._pyfunc


class _CopySaver(Saver):
    """Saves a copy of a stored model's files, with another signature and example."""

    def _accept(self, model: Model) -> None:
        return None

    def _made_of(self, model: Model) -> tuple[Any, ...]:
        return (type(model),)

    def _write(self, model: Model, folder: Path, **options: Any) -> None:
        from mlflow.models import Model as MLmodel

        files = cast("_ResignedModel", model).files
        old, new = MLmodel.load(str(files)), options["mlflow_model"]
        shutil.copytree(files, folder)
        for file in _example_files(old):
            (folder / file).unlink(missing_ok=True)
        for field in (
            "flavors",
            "mlflow_version",
            "metadata",
            "prompts",
            "resources",
            "env_vars",
            "auth_policy",
            "model_size_bytes",
        ):
            value = getattr(old, field)
            if value is not None:
                setattr(new, field, value)
        new.signature = options["signature"]
        mlflow_compat.save_example(new, options["input_example"], folder)
        new.save(str(folder / "MLmodel"))


def _example_files(old: Any) -> list[str]:
    info = old.saved_input_example_info or {}
    named = [info[key] for key in ("artifact_path", "serving_input_path") if key in info]
    return [*named, "input_example.json", "serving_input_example.json"]
