"""Getting a saved model back: one class a way, each with a YAML file in `conf/loader`."""

from __future__ import annotations

import contextlib
import logging
import weakref
from abc import ABC, abstractmethod
from typing import Self

from pydantic import PrivateAttr

from modelpact._internal import requirements
from modelpact._internal.files import no_bytecode
from modelpact._internal.text import truncate
from modelpact.errors import LoadError, PactError
from modelpact.loaders.adapter import Adapter
from modelpact.security.integrity import IntegrityPolicy, fetch_files
from modelpact.signature import Extra, Policy
from modelpact.types import Step

__all__ = ["BuiltinLoader", "CustomLoader", "Loader"]

log = logging.getLogger(__name__)


class Loader(Step, ABC):
    """Loads a model and puts it under its contract.

    Attributes:
        policy: How the contract is enforced: `lossless` also takes what can be converted without changing a value, `strict`
            converts nothing, `mlflow` does exactly what MLflow does.
        extra: What happens to columns that the contract does not know: `ignore`, `warn` or `forbid`.
        integrity: What happens to a model whose files or signature are not those that were published: it is refused before any of
            it is read (`strict`), it is loaded with a warning (`warn`), or nobody looks (`off`).
    """

    excluded_from_key = frozenset({"policy", "extra", "integrity"})

    policy: Policy = "lossless"
    extra: Extra = "ignore"
    integrity: IntegrityPolicy = "strict"

    _pinned: str | None = PrivateAttr(default=None)

    @abstractmethod
    def load(self, uri: str) -> Adapter:
        """Load a model.

        Args:
            uri: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.

        Raises:
            LoadError: There is no such model, it has no signature, or it is not of the kind this loader reads.
            IntegrityError: It is not as it was published.
        """

    def only(self, artifact_digest: str | None) -> Self:
        """The same loader for one model, which it takes from a folder only as it was published.

        Args:
            artifact_digest: An adapter's; None where nobody looked, for no such restriction.
        """
        loader = self.model_copy()
        loader._pinned = artifact_digest
        return loader

    def _adapter(self, uri: str) -> Adapter:
        import mlflow.pyfunc
        from mlflow.exceptions import MlflowException

        with contextlib.ExitStack() as made:
            try:
                files = fetch_files(uri, self.integrity, made, pinned=self._pinned)
                with no_bytecode():
                    pyfunc = mlflow.pyfunc.load_model(str(files.folder), suppress_warnings=True)
            except PactError:
                raise
            except (
                MlflowException,
                OSError,
                ValueError,
                ImportError,
            ) as error:  # of a URI, or of what the model needs
                raise LoadError(
                    f"{uri!r} cannot be loaded: {truncate(error, 300)}",
                    remedy="Write models:/name/1, models:/name@alias, models:/<model_id>, runs:/<run_id>/model, or a model's "
                    "folder.",
                    uri=uri,
                ) from error
            if pyfunc.metadata.signature is None:
                raise LoadError(
                    f"{uri!r} has no signature",
                    remedy="Publish it again with a signer: a contract needs one.",
                    uri=uri,
                )
            for mismatch in requirements.mismatches(files.folder):
                log.warning("%s: %s", uri, mismatch)
            weakref.finalize(
                pyfunc, made.pop_all().close
            )  # what was downloaded or copied is there as long as the model
        adapter = Adapter(
            pyfunc, uri=uri, folder=files.folder, policy=self.policy, extra=self.extra
        )
        adapter.stored, adapter.artifact_digest = files.stored, files.digest
        return adapter


class BuiltinLoader(Loader):
    """Loads a model of any MLflow flavor."""

    def load(self, uri: str) -> Adapter:
        return self._adapter(uri)


class CustomLoader(Loader):
    """Loads a model that modelpact saved as code, configuration and state.

    Attributes:
        config_file: A JSON file to configure the model with instead of the configuration saved with it.
    """

    config_file: str | None = None

    def load(self, uri: str) -> Adapter:
        adapter = self._adapter(uri)
        if adapter.model is None:
            raise LoadError(
                f"{uri} was not saved by saver=custom (its flavors: {', '.join(adapter.pyfunc.metadata.flavors)})",
                remedy="Load it with loader=builtin.",
                uri=uri,
            )
        if self.config_file is not None:
            adapter.load_context(self.config_file)
        return adapter
