"""Infers the schema of params from example values."""

from __future__ import annotations

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.types.schema import ParamSchema, ParamSpec

from modelpact._internal import mlflow_compat
from modelpact._internal.text import truncate
from modelpact.signature.issues import DataIssues

__all__ = ["infer_params"]


def infer_params(params: object, issues: DataIssues) -> ParamSchema | None:
    """Infer the schema of params as MLflow does; return None after adding an issue.

    Args:
        params: Example values by name; they become the defaults.
        issues: Collects the params without a type.
    """
    if not isinstance(params, dict):
        issues.add((), f"params of type {type(params).__name__}", "provide a dict of values")
        return None
    before = len(issues)
    specs: list[ParamSpec] = []
    for name, value in params.items():
        if isinstance(value, (list, np.ndarray)) and not len(value):
            text = "cannot infer a type from an empty list (MLflow infers datetime)"
            remedy = "provide at least one item, or write the signature"
            issues.add((str(name),), text, remedy)
            continue
        try:
            specs.extend(mlflow_compat.infer_params({name: value}).params)
        except (MlflowException, TypeError, ValueError):
            text = f"a value of type {type(value).__name__} has no MLflow type"
            issues.add((str(name),), text, _suggest(value))
    if len(issues) > before:
        return None
    try:
        return ParamSchema(specs)
    except MlflowException as error:
        issues.add((), truncate(error.message, 200), "make the names of params unique")
        return None


def _suggest(value: object) -> str:
    if value is None:
        return "provide an example value, or write the signature with a default of null"
    if isinstance(value, (bytes, bytearray)):
        return "params cannot be binary; provide a string"
    if isinstance(value, (list, np.ndarray)):
        return "provide a flat list of values of one type"
    if isinstance(value, tuple):
        return "provide a list"
    return "provide a bool, int (64 bits), float, str or datetime, a list of them, or a dict"
