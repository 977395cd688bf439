"""The base class of loaders: it fetches a model, verifies its files and loads it with MLflow."""

from __future__ import annotations

import contextlib
import functools
import logging
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import PrivateAttr, model_validator

from modelpact._internal import requirements
from modelpact._internal.guards import convert_errors
from modelpact._internal.mlmodel_file import describe_error, load_pyfunc
from modelpact._internal.text import truncate
from modelpact.errors import ConfigError, LoadError, PactError

# `Loader.Adapter` hides the name within the class.
from modelpact.loaders.adapter import Adapter as LoadedModel
from modelpact.loaders.bundled_errors import convert_error
from modelpact.security.integrity import IntegrityPolicy, fetch_files
from modelpact.signature import Extra, Policy
from modelpact.types import Step

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from modelpact.security.integrity import ModelFiles

__all__ = ["Loader"]

log = logging.getLogger(__name__)

_URI_FORMS = (
    "Use models:/name/1, models:/name@alias, models:/<model_id>, runs:/<run_id>/model, "
    "or the folder of a model."
)
_DAMAGED = (
    "Install its requirements (requirements.txt), or publish the model again if its files are "
    "damaged."
)


class Loader(Step, ABC):
    """Loads a model, and enforces its signature.

    Attributes:
        policy: Which conversions are applied. `lossless` converts values that keep their meaning,
            `strict` converts nothing, `mlflow` does what MLflow does.
        extra: What to do with columns that are not in the signature: `ignore`, `warn` or `forbid`.
        integrity: What to do if the files or the signature are not the published ones. `strict`
            raises before any of the files is read, `require` also if the model has no manifest,
            `warn` logs a warning, `off` does not check.
        config_file: A JSON file that replaces the configuration saved with the model; None keeps
            the saved one.
    """

    Adapter: ClassVar[type[LoadedModel]] = LoadedModel
    """The class of loaded models."""

    excluded_from_key = frozenset({"policy", "extra", "integrity"})

    policy: Policy = "lossless"
    extra: Extra = "ignore"
    integrity: IntegrityPolicy = "strict"
    config_file: str | None = None

    _pinned: str | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _check_extra(self) -> Self:
        if self.policy == "mlflow" and self.extra == "forbid":
            raise ValueError(
                "extra=forbid cannot be combined with policy=mlflow, which ignores extra columns"
            )
        return self

    @abstractmethod
    def load(self, uri: str) -> LoadedModel:
        """Load a model.

        Args:
            uri: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`,
                `runs:/<run_id>/model`, or a folder.

        Raises:
            LoadError: The model does not exist, has no signature, or needs another loader.
            IntegrityError: The files are not the published ones.
        """

    def pinned_to(self, artifact_digest: str | None) -> Self:
        """Return a copy of this loader that only loads a folder with the given manifest.

        Args:
            artifact_digest: The `artifact_digest` of an adapter. None does not pin the loader.
        """
        loader = self.model_copy()
        loader._pinned = artifact_digest
        return loader

    def load_adapter(self, uri: str) -> LoadedModel:
        """Fetch a model of any flavor, verify its files, and load it; for `load` of a subclass.

        Args:
            uri: As in `load`.

        Raises:
            LoadError: The model does not exist or has no signature.
            IntegrityError: The files are not the published ones.
        """
        if not isinstance(uri, (str, Path)):
            raise LoadError(
                f"a URI is a string, not {type(uri).__name__}", remedy="Write models:/name/1."
            )
        uri = str(uri)
        # Downloaded or copied files are removed together with the model that needs them.
        with contextlib.ExitStack() as cleanup:
            files, pyfunc = self._load_pyfunc(uri, cleanup)
            if pyfunc.metadata.signature is None:
                raise LoadError(
                    f"{uri!r} has no signature",
                    remedy="Publish it again with a signer: a loaded model needs a signature.",
                    uri=uri,
                )
            for mismatch in requirements.find_mismatches(files.folder):
                log.warning("%s: %s", uri, mismatch)
            weakref.finalize(pyfunc, cleanup.pop_all().close)
        adapter = LoadedModel(
            pyfunc, uri=uri, folder=files.folder, policy=self.policy, extra=self.extra
        )
        adapter.stored, adapter.artifact_digest = files.stored, files.digest
        return adapter

    def _load_pyfunc(
        self, uri: str, cleanup: contextlib.ExitStack
    ) -> tuple[ModelFiles, PyFuncModel]:
        with convert_errors(functools.partial(_fetch_error, uri), unless=PactError):
            files = fetch_files(uri, self.integrity, cleanup, pinned=self._pinned)
        with convert_errors(functools.partial(_load_error, uri, files.folder)):
            return files, load_pyfunc(files.folder)


def _fetch_error(uri: str, error: Exception) -> LoadError:
    return LoadError(
        f"{uri!r} cannot be loaded: {truncate(error, 300)}", remedy=_URI_FORMS, uri=uri
    )


def _load_error(uri: str, folder: Path, error: Exception) -> PactError:
    # The model may have been saved by another release, which has error classes of its own.
    known = error if isinstance(error, PactError) else convert_error(error)
    path = getattr(known, "path", None)
    # The configuration is one that the model was saved with, not one that the caller gives.
    is_stored = (
        isinstance(known, ConfigError) and path and folder.resolve() in Path(path).resolve().parents
    )
    if known is not None and not is_stored:
        return known
    is_model = (folder / "MLmodel").exists()
    text = known.message if known is not None else describe_error(error)
    return LoadError(
        f"{uri!r} cannot be loaded: {text}", remedy=_DAMAGED if is_model else _URI_FORMS, uri=uri
    )
