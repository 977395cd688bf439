"""Signatures from the type hints of `predict`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_type_hints

from modelpact import _mlflow
from modelpact.errors import SignError

__all__ = ["from_predict"]


def from_predict(function: Callable[..., Any]) -> tuple[Any, Any]:
    """The schemas of a `predict(inputs, params=None)`'s first argument and of its return value; None where there is no hint.

    Raises:
        SignError: A hint has no counterpart in MLflow.
    """
    from mlflow.exceptions import MlflowException

    hints = get_type_hints(function)
    first = next(iter(name for name in hints if name != "params"), None)
    schemas: list[Any] = []
    for name in (first, "return"):
        hint = hints.get(name) if name else None
        if hint is None or hint is Any:
            schemas.append(None)
            continue
        try:
            schemas.append(_mlflow.schema_from_list_hint(hint))
        except MlflowException as error:
            raise SignError(f"the hint {hint} of {name!r} has no counterpart in MLflow: {error}") from error
    return schemas[0], schemas[1]
