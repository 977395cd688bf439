"""`Adapter`: a loaded model as its callers meet it: checked inputs in, checked `Outputs` out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpact._internal import mlflow_compat
from modelpact._internal.text import truncate
from modelpact.errors import PactError, PredictError
from modelpact.models.base import Model
from modelpact.models.call_metadata import collect_metadata
from modelpact.signature import Extra, Policy, digest
from modelpact.signature import compile as compile_signature
from modelpact.types import Inputs, Outputs, Params

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from modelpact.types import Signature

__all__ = ["Adapter"]


class Adapter:
    """A loaded model under its contract.

    Args:
        pyfunc: The model as `mlflow.pyfunc.load_model` gives it.
        uri: Where it was loaded from.
        folder: Its files, on this machine.
        policy: How the contract is enforced.
        extra: What happens to columns that the contract does not know.

    Attributes:
        stored: Where other processes find its files.
        artifact_digest: The digest of the manifest that its files were found to agree with; None where nobody looked.
    """

    def __init__(
        self,
        pyfunc: PyFuncModel,
        *,
        uri: str,
        folder: Path,
        policy: Policy = "lossless",
        extra: Extra = "ignore",
    ) -> None:
        self.pyfunc = pyfunc
        self.uri = uri
        self.folder = self.stored = folder
        self.artifact_digest: str | None = None
        self.signature: Signature = pyfunc.metadata.signature
        self._enforcer = compile_signature(self.signature, policy, extra)
        self._call: Callable[[Inputs, Params | None], Any] = mlflow_compat.predict_function(pyfunc)
        self._digest = digest(self.signature)

    @property
    def model(self) -> Model | None:
        """The model itself where modelpact saved it; None for MLflow's own flavors."""
        from mlflow.exceptions import MlflowException

        from modelpact.models.saved_model import SavedModel

        try:
            saved = self.pyfunc.unwrap_python_model()
        except MlflowException:  # it is of another flavor
            return None
        return saved.model if isinstance(saved, SavedModel) else None

    def load_context(self, config: Mapping[str, Any] | str | Path | None) -> None:
        """Give the model another configuration: a JSON file, or what such a file holds.

        Raises:
            ModelConfigError: There is none, or it is broken.
            ModelConfigNotFound: The file does not exist.
            PredictError: The model takes no configuration.
        """
        if self.model is None:
            raise PredictError(
                f"{self.uri} is saved in an MLflow flavor and takes no configuration", uri=self.uri
            )
        self.model.load_context(config)

    def predict(self, inputs: Inputs, params: Params | None = None) -> Outputs:
        """Check the inputs, ask the model, check what it answers.

        A model that fails is asked for its own fallback where it has one, and the metadata say so. A broken contract never
        falls back.

        Args:
            inputs: DataFrame `(n_rows, n_columns)`, ndarray or dict of ndarrays (first axis = rows), list or dict.
            params: Inference parameters by name.

        Raises:
            InputsError: Inputs or params break the signature; the model was not asked.
            PredictError: The model failed and had no fallback; the cause is chained.
            OutputsError: The model's answer breaks the signature.
        """
        started = time.perf_counter()
        checked, settings = self._enforcer.enforce_call(inputs, params)
        metadata: dict[str, Any] = {"model_uri": self.uri, "signature_digest": self._digest}
        with collect_metadata() as facts:
            try:
                prediction = self._call(checked, settings)
            except PactError:
                raise
            except Exception as error:
                prediction = self._fall_back(checked, settings, error)
                metadata["fallback"] = f"{type(error).__name__}: {truncate(error, 300)}"
        metadata |= facts
        prediction = self._enforcer.enforce_outputs(prediction)
        metadata["utc_time"] = datetime.now(UTC).isoformat()
        metadata["seconds"] = time.perf_counter() - started
        return Outputs(prediction, metadata)

    def predict_stream(self, inputs: Inputs, params: Params | None = None) -> Iterator[str]:
        """Check one row of inputs and yield the model's answer piece by piece, as it comes.

        Args:
            inputs: One row, as `predict` takes it.
            params: Inference parameters by name.

        Raises:
            InputsError: Inputs or params break the signature, or there is more than one row; the model was not asked.
            PredictError: The model does not stream, or failed.
        """
        stream = getattr(self.model, "predict_stream", None)
        if stream is None:
            raise PredictError(
                f"the model {self.uri} answers as a whole only",
                remedy="Call predict.",
                uri=self.uri,
            )
        checked, settings = self._enforcer.enforce_call(inputs, params)
        try:
            yield from stream(checked, settings)
        except PactError:
            raise
        except Exception as error:
            raise self._failed("failed", error) from error

    def _fall_back(self, inputs: Inputs, params: Params | None, error: Exception) -> Any:
        fallback = getattr(self.model, "fallback", None)
        if fallback is None:
            raise self._failed("failed", error) from error
        try:
            return fallback(inputs, params, error)
        except PactError:
            raise
        except Exception as second:
            raise self._failed("failed, and so did its fallback", second) from second

    def _failed(self, how: str, error: Exception) -> PredictError:
        return PredictError(
            f"the model {self.uri} {how}: {type(error).__name__}: {truncate(error, 300)}",
            remedy="Its signature accepts these inputs, so the fault is the model's: see the chained cause.",
            uri=self.uri,
        )
