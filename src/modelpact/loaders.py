"""Getting a saved model back: one class a way, each with a YAML file in `conf/loader`."""

from __future__ import annotations

import contextlib
import logging
import sys
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from modelpact import _mlflow, requirements
from modelpact.errors import LoadError
from modelpact.files import temporary_folder
from modelpact.models import Adapter
from modelpact.signature import Extra, Policy
from modelpact.steps import Step
from modelpact.suggestions import shortened

__all__ = ["BuiltinLoader", "CustomLoader", "Loader"]

log = logging.getLogger(__name__)


class Loader(Step, ABC):
    """Loads a model and puts it under its contract.

    Attributes:
        policy: How the contract is enforced: `lossless` also takes what can be converted without changing a value, `strict`
            converts nothing, `mlflow` does exactly what MLflow does.
        extra: What happens to columns that the contract does not know: `ignore`, `warn` or `forbid`.
    """

    not_identity = frozenset({"policy", "extra"})

    policy: Policy = "lossless"
    extra: Extra = "ignore"

    @abstractmethod
    def load(self, uri: str) -> Adapter:
        """Load a model.

        Args:
            uri: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.

        Raises:
            LoadError: There is no such model, it has no signature, or it is not of the kind this loader reads.
        """

    def _adapter(self, uri: str) -> Adapter:
        import mlflow.pyfunc
        from mlflow.exceptions import MlflowException

        with contextlib.ExitStack() as made:
            try:
                folder = Path(uri)
                if not folder.is_dir():
                    folder = _mlflow.download_model(uri, lambda: made.enter_context(temporary_folder()))
                with _no_bytecode():
                    pyfunc = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
            except (MlflowException, OSError) as error:
                raise LoadError(
                    f"{uri!r} cannot be loaded: {shortened(error, 300)}",
                    remedy="Write models:/name/1, models:/name@alias, models:/<model_id>, runs:/<run_id>/model, or a model's "
                    "folder.",
                    uri=uri,
                ) from error
            if pyfunc.metadata.signature is None:
                raise LoadError(
                    f"{uri!r} has no signature", remedy="Publish it again with a signer: a contract needs one.", uri=uri
                )
            for mismatch in requirements.mismatches(folder):
                log.warning("%s: %s", uri, mismatch)
            weakref.finalize(pyfunc, made.pop_all().close)  # files that were downloaded are there as long as their model
        return Adapter(pyfunc, uri=uri, folder=folder, policy=self.policy, extra=self.extra)


@contextlib.contextmanager
def _no_bytecode() -> Iterator[None]:
    """Keep Python from writing `__pycache__` beside the code of a stored model: its files are to stay as they are."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


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
