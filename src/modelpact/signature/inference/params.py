"""The params schema of example params, each of which must be worth its type."""

from __future__ import annotations

from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.types.schema import ParamSchema, ParamSpec

from modelpact._internal import mlflow_compat
from modelpact.signature.inference.issues import Troubles

__all__ = ["infer_params"]


def infer_params(params: Any, troubles: Troubles) -> ParamSchema | None:
    """The params schema, as MLflow infers it; every param that has no type is noted.

    Args:
        params: Example values by name; they become the defaults.
        troubles: Takes what has no type.
    """
    if not isinstance(params, dict):
        troubles.add((), f"params of type {type(params).__name__}", "give a dict by name")
        return None
    before = len(troubles.found)
    specs: list[ParamSpec] = []
    for name, value in params.items():
        if isinstance(value, (list, np.ndarray)) and not len(value):
            what = "an empty list tells no type (MLflow says datetime)"
            troubles.add((str(name),), what, "give at least one item, or write the signature")
            continue
        try:
            specs.extend(mlflow_compat.infer_params({name: value}).params)
        except (MlflowException, TypeError, ValueError) as error:
            troubles.add((str(name),), f"{_what(value)} has no MLflow type", _remedy(value, error))
    if len(troubles.found) > before:
        return None
    try:
        return ParamSchema(specs)
    except MlflowException as error:
        troubles.add((), str(error.message)[:200], "give each param a name of its own")
        return None


def _what(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


def _remedy(value: Any, error: Exception) -> str:
    if value is None:
        return "give an example value, or write the signature with a default of null"
    if isinstance(value, (bytes, bytearray)):
        return "params cannot be binary: give text"
    if isinstance(value, (list, np.ndarray)):
        return "give a list of one level, of values of one type"
    if isinstance(value, tuple):
        return "give a list"
    return "give bool, int (of 64 bits), float, str, datetime, a list of them, or a dict"
