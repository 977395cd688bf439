"""Inference that fails closed."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from modelpact.errors import SignError

__all__ = ["infer"]


def infer(
    inputs: Any, outputs: Any = None, params: dict[str, Any] | None = None, *, on_any: Literal["error", "warn", "allow"] = "error"
) -> Any:
    """The signature of data, as `mlflow.models.infer_signature` gives it, or an error where that falls silent.

    Raises:
        SignError: A column's type cannot be told.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.models import infer_signature

    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*integer column"
        )  # the enforcer takes them when they come with missing values
        try:
            signature = infer_signature(inputs, outputs, params)
        except (MlflowException, TypeError, ValueError) as error:
            raise SignError(f"no signature can be inferred: {error}") from error
    for side in ("inputs", "outputs"):
        schema = getattr(signature, side)
        unknown = (
            [] if schema is None else [spec for spec in schema.inputs if type(getattr(spec, "type", None)).__name__ == "AnyType"]
        )
        if unknown and on_any == "error":
            names = ", ".join(repr(spec.name) for spec in unknown)
            raise SignError(
                f"{side}: MLflow can't tell the type of {names}", remedy="Convert the column, or set signer.on_any=allow."
            )
        if unknown and on_any == "warn":
            warnings.warn(f"{side}: columns of any type: {[spec.name for spec in unknown]}", UserWarning, stacklevel=2)
    return signature
