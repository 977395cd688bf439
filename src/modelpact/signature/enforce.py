"""Enforcement: data checked against a signature, in both directions."""

from __future__ import annotations

from typing import Any

from modelpact import _mlflow
from modelpact.errors import InputsError, OutputsError

__all__ = ["Enforcer", "compile"]


class Enforcer:
    """A signature turned into checks; MLflow's own, so that its verdict is MLflow's."""

    def __init__(self, signature: Any) -> None:
        self._signature = signature

    def inputs(self, data: Any) -> Any:
        """The inputs as the model gets them.

        Raises:
            InputsError: They break the signature.
        """
        from mlflow.exceptions import MlflowException

        if self._signature.inputs is None:
            return data
        try:
            if (
                isinstance(data, list)
                and not self._signature.inputs.has_input_names()
                and not self._signature.inputs.is_tensor_spec()
            ):
                import pandas as pd

                _mlflow.enforce_inputs(pd.Series(data).to_frame(), self._signature.inputs)
                return data
            return _mlflow.enforce_inputs(data, self._signature.inputs)
        except (MlflowException, TypeError, ValueError, KeyError, AttributeError) as error:
            raise InputsError(f"the inputs break the signature: {_short(error)}", failures=[str(error)]) from error

    def params(self, params: dict[str, Any] | None) -> dict[str, Any] | None:
        """The params as the model gets them, with defaults filled in.

        Raises:
            InputsError: They break the signature.
        """
        from mlflow.exceptions import MlflowException

        try:
            enforced: dict[str, Any] | None = _mlflow.enforce_params(params, self._signature.params)
        except (MlflowException, TypeError, ValueError) as error:
            raise InputsError(f"the params break the signature: {_short(error)}", failures=[str(error)]) from error
        return enforced

    def outputs(self, data: Any) -> Any:
        """The model's answer, checked.

        Raises:
            OutputsError: It breaks the signature.
        """
        from mlflow.exceptions import MlflowException

        if self._signature.outputs is None:
            return data
        try:
            _mlflow.enforce_inputs(data, self._signature.outputs)
        except (MlflowException, TypeError, ValueError, KeyError, AttributeError) as error:
            raise OutputsError(f"the outputs break the signature: {_short(error)}", failures=[str(error)]) from error
        return data


def compile(signature: Any) -> Enforcer:
    """Turn a signature into an enforcer."""
    return Enforcer(signature)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
