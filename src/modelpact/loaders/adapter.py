"""`Adapter`: a loaded model that checks its inputs and its predictions against the signature."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from modelpact._internal import mlflow_compat
from modelpact._internal.card import Card, Displayed
from modelpact._internal.guards import convert_errors
from modelpact._internal.text import truncate
from modelpact.errors import InputsError, PactError, PredictError
from modelpact.loaders.bundled_errors import convert_error
from modelpact.models.call_metadata import collect_metadata
from modelpact.models.input_forms import InputForm, to_form
from modelpact.models.row_methods import call_fallback
from modelpact.models.row_objects import convert_inputs
from modelpact.signature import Extra, Policy, Violation, ViolationCode, digest
from modelpact.signature import compile as compile_signature
from modelpact.types import Inputs, Outputs, Params

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

    from modelpact.models.base import Model
    from modelpact.models.saved_model import SavedModel
    from modelpact.types import Signature

__all__ = ["Adapter"]

_NO_LOCK = contextlib.nullcontext()


class Adapter(Displayed):
    """A loaded model under its signature.

    Args:
        pyfunc: The model as `mlflow.pyfunc.load_model` returns it.
        uri: Where it was loaded from.
        folder: Its files on this machine.
        policy: Which conversions are applied to inputs (see `Loader`).
        extra: What to do with columns that are not in the signature (see `Loader`).

    Attributes:
        stored: Where other processes find the files.
        artifact_digest: The digest of the verified manifest; None if the files were not verified.
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
        self._call: Callable[[Inputs, Params | None], Any] = mlflow_compat.unenforced_predict(
            pyfunc
        )
        self._digest = digest(self.signature)
        self._form: InputForm = getattr(self._saved_model(), "form", "frame")

    @property
    def model(self) -> Model | None:
        """The model that modelpact saved; None for a model of one of MLflow's own flavors.

        If another release of modelpact saved the model, its class is the one of that release.
        """
        saved = self._saved_model()
        return None if saved is None else saved.model

    def _card(self) -> Card:
        from modelpact.signature.export.column_table import contract_tables

        facts = {
            "signature": self._digest,
            "policy": self._enforcer.policy,
            "extra columns": self._enforcer.extra,
        }
        verified = self.artifact_digest is not None
        status = "verified" if verified else "files not verified"
        tables = contract_tables(self.signature)
        return Card("Adapter", self.uri, status, verified, facts, tables)

    def _saved_model(self) -> SavedModel | None:
        from mlflow.exceptions import MlflowException

        try:
            saved = self.pyfunc.unwrap_python_model()
        # The model is of another flavor than pyfunc.
        except MlflowException:
            return None
        return cast("SavedModel", saved) if hasattr(saved, "modelpact_protocol") else None

    def load_context(self, config: Mapping[str, Any] | str | Path | None) -> None:
        """Replace the configuration of the model.

        Args:
            config: A JSON file, or the content of one.

        Raises:
            ModelConfigError: The configuration is missing or invalid.
            ModelConfigNotFound: The file does not exist.
            PredictError: The model is of an MLflow flavor, which has no configuration.
        """
        if self.model is None:
            raise PredictError(
                f"{self.uri} is saved in an MLflow flavor, which has no configuration",
                uri=self.uri,
            )
        self.model.load_context(config)

    def predict(
        self,
        inputs: Inputs,
        params: Params | None = None,
        *,
        check_lock: contextlib.AbstractContextManager[object] = _NO_LOCK,
    ) -> Outputs:
        """Check the inputs, predict, and check the prediction.

        If the model raises and has a `fallback`, the fallback predicts, and the metadata record it.
        A violated signature never leads to the fallback.

        Args:
            inputs: DataFrame `(n_rows, n_columns)`, ndarray or dict of ndarrays (first axis =
                rows), list or dict.
            params: Inference parameters by name.
            check_lock: Held while the inputs are checked, so that large calls take turns.

        Raises:
            InputsError: The inputs or params violate the signature; the model was not called.
            PredictError: The model raised and has no fallback; the cause is chained.
            OutputsError: The prediction violates the signature.
        """
        started = time.perf_counter()
        with check_lock:
            checked, settings = self._check(inputs, params)
        metadata: dict[str, Any] = {"model_uri": self.uri, "signature_digest": self._digest}
        with collect_metadata() as facts:
            try:
                prediction = self._call(checked, settings)
            except PactError:
                raise
            # The code of a model may raise anything.
            except Exception as error:
                prediction = self._fall_back(checked, settings, error)
                metadata["fallback"] = f"{type(error).__name__}: {truncate(error, 300)}"
        metadata |= facts
        prediction = self._enforcer.enforce_outputs(prediction)
        metadata["utc_time"] = datetime.now(UTC).isoformat()
        metadata["seconds"] = time.perf_counter() - started
        return Outputs(prediction, metadata)

    def predict_stream(self, inputs: Inputs, params: Params | None = None) -> Iterator[str]:
        """Check one row of inputs, and yield the prediction piece by piece.

        Args:
            inputs: One row, in any form that `predict` accepts.
            params: Inference parameters by name.

        Raises:
            InputsError: The inputs or params violate the signature, or there is more than one row;
                the model was not called.
            PredictError: The model cannot stream, or it raised.
        """
        stream = getattr(self.model, "predict_stream", None)
        if stream is None:
            raise PredictError(
                f"the model {self.uri} cannot stream", remedy="Call predict.", uri=self.uri
            )
        checked, settings = self._check(inputs, params)
        with self._predict_errors("failed"):
            yield from stream(convert_inputs(self.model, "predict_stream", checked), settings)

    def _check(self, inputs: Inputs, params: Params | None) -> tuple[Inputs, Params | None]:
        """Check a call, and return the inputs in the form that the model was signed with."""
        checked, settings = self._enforcer.enforce_call(inputs, params)
        if hasattr(checked, "columns") and not len(checked):
            no_rows = Violation(ViolationCode.WRONG_SHAPE, "", None, "at least one row", "0 rows")
            raise InputsError(
                f"the inputs violate the signature: {no_rows}", failures=(no_rows,), total=1
            )
        if self._form != "frame" and hasattr(checked, "columns"):
            checked = to_form(self._form, checked, inputs if isinstance(inputs, list) else None)
        return checked, settings

    def _fall_back(self, inputs: Inputs, params: Params | None, error: Exception) -> Any:
        bundled = convert_error(error)
        if bundled is not None:
            raise bundled from error
        if getattr(self.model, "fallback", None) is None:
            raise self._predict_error("failed", error) from error
        with self._predict_errors("failed, and so did its fallback"):
            return call_fallback(self.model, inputs, params, error)

    def _predict_errors(self, what: str) -> contextlib.AbstractContextManager[None]:
        return convert_errors(functools.partial(self._predict_error, what), unless=PactError)

    def _predict_error(self, what: str, error: Exception) -> PactError:
        return convert_error(error) or PredictError(
            f"the model {self.uri} {what}: {type(error).__name__}: {truncate(error, 300)}",
            remedy="The inputs conform to its signature, so the error is in the model; see the "
            "chained exception.",
            uri=self.uri,
        )
