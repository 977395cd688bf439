"""`ReplayVerifier`: predicts the sample again with the loaded model, in this process."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import Field

from modelpact._internal import mlflow_compat
from modelpact._internal.text import truncate
from modelpact.datatypes import diff_forms, diff_values
from modelpact.errors import InputsError, OutputsError, PactError, PredictError
from modelpact.loaders import Adapter
from modelpact.signature import InvalidExample, digest, generate_invalid_examples
from modelpact.signature import compile as compile_signature
from modelpact.types import Check, Inputs, Sample
from modelpact.verifiers.base import Verifier

if TYPE_CHECKING:
    from modelpact.types import Signature

__all__ = ["ReplayVerifier"]

N_INVALID_CALLS = 12
"""How many invalid calls are made: one per kind of violation, then a second one per kind, ..."""


class ReplayVerifier(Verifier):
    """Predicts the sample with the loaded model, in this process, and compares the predictions.

    Attributes:
        compare_predictions: Whether the predictions must be those of the fitted model. Otherwise,
            for models whose predictions vary, only the contract and the number of rows are checked.
        rtol: Relative tolerance between two floats.
        atol: Absolute tolerance between two floats.
    """

    compare_predictions: bool = True
    rtol: float = Field(default=1e-6, ge=0)
    atol: float = Field(default=1e-9, ge=0)

    def checks(self, adapter: Adapter, sample: Sample, signature: Signature) -> Iterator[Check]:
        def predict() -> Any:
            return adapter.predict(sample.inputs, sample.params).prediction

        yield self._check_signature(adapter, signature)
        yield from self._check_predictions(predict, adapter, sample)
        yield self._check_serving_example(adapter)
        yield self._check_invalid_calls(adapter)

    def _check_signature(self, adapter: Adapter, signature: Signature) -> Check:
        stored = adapter.pyfunc.metadata.signature
        ok = stored is not None and digest(stored) == digest(signature)
        detail = f"the stored signature {'is' if ok else 'differs from'} the signed one"
        return Check(code="SIGNATURE_STORED", ok=ok, detail=detail)

    def _check_predictions(
        self, predict: Callable[[], Any], adapter: Adapter, sample: Sample
    ) -> Iterator[Check]:
        try:
            prediction = predict()
        except (InputsError, PredictError) as error:
            yield Check(code="PREDICTIONS_EQUAL", ok=False, detail=error.message)
            return
        except OutputsError as error:
            yield Check(code="OUTPUTS_CONFORM", ok=False, detail=error.message)
            return
        detail = "the predictions conform to the signature"
        yield Check(code="OUTPUTS_CONFORM", ok=True, detail=detail)
        yield self._compare(prediction, adapter, sample)

    def _compare(self, prediction: Any, adapter: Adapter, sample: Sample) -> Check:
        """Compare with the predictions of the fitted model: the values, or only the forms."""
        if self.compare_predictions and getattr(adapter.model, "deterministic", True):
            difference = diff_values(prediction, sample.outputs, rtol=self.rtol, atol=self.atol)
            if difference:
                difference += _describe_conversions(adapter, sample.inputs)
            detail = difference or "the saved model predicts what the fitted model predicted"
            return Check(code="PREDICTIONS_EQUAL", ok=not difference, detail=detail)
        difference = diff_forms(prediction, sample.outputs)
        detail = difference or "the saved model predicts every row; predictions may vary"
        return Check(code="ANSWERED", ok=not difference, detail=detail)

    def _check_serving_example(self, adapter: Adapter) -> Check:
        """Send the stored serving example through MLflow's scoring server."""
        from mlflow.exceptions import MlflowException

        code = "SERVING_EXAMPLE"
        try:
            body = adapter.pyfunc.metadata.get_serving_input(str(adapter.folder))
            if body is None:
                detail = "the model has no serving_input_example.json"
                return Check(code=code, ok=False, detail=detail)
            response = mlflow_compat.invoke_scoring_server(adapter.pyfunc, body)
        except (MlflowException, OSError) as error:
            return Check(code=code, ok=False, detail=truncate(error, 300))
        except (TypeError, ValueError) as error:
            detail = f"MLflow's scoring server cannot send this prediction: {truncate(error, 200)}"
            return Check(code=code, ok=False, detail=detail)
        ok = response.status == HTTPStatus.OK and "predictions" in json.loads(response.response)
        detail = f"MLflow's scoring server returns status {response.status}"
        return Check(code=code, ok=ok, detail=detail)

    def _check_invalid_calls(self, adapter: Adapter) -> Check:
        """Make calls that violate the signature; none may reach the model."""
        accepted = []
        for call in _invalid_calls(json.dumps(adapter.signature.to_dict())):
            try:
                adapter.predict(call.inputs, call.params)
            except InputsError:
                continue
            except PactError as error:
                reached = f"reached the model ({type(error).__name__})"
                accepted.append(f"{call.kind} at {call.path} {reached}")
            else:
                accepted.append(f"{call.kind} at {call.path} was accepted")
        detail = (
            "; ".join(accepted)[:500]
            or f"{N_INVALID_CALLS} calls that violate the signature were rejected"
        )
        return Check(code="BREAKS_REFUSED", ok=not accepted, detail=detail)


def _describe_conversions(adapter: Adapter, inputs: Inputs) -> str:
    """Describe the columns that enforcement converts, which may be why predictions differ."""
    if not hasattr(inputs, "columns"):
        return ""
    enforced = compile_signature(adapter.signature).enforce_inputs(inputs)
    pairs = zip(inputs.dtypes.items(), enforced.dtypes, strict=False)
    texts = [f"{name} ({old} to {new})" for (name, old), new in pairs if old != new]
    return f"; the signature converts columns: {truncate(', '.join(texts), 200)}" if texts else ""


@functools.lru_cache(maxsize=8)
def _invalid_calls(signature: str) -> list[InvalidExample]:
    """Return calls that violate a signature, given as JSON; jobs of a sweep often share one."""
    from mlflow.models import ModelSignature

    contract = ModelSignature.from_dict(json.loads(signature))
    return generate_invalid_examples(contract, N_INVALID_CALLS)
