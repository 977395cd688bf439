"""The policy `mlflow`: MLflow's own verdict and result, because MLflow itself gives them; only the caller's data is kept safe."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import DataType, ParamSchema, Schema, TensorSpec

from modelpact._internal import mlflow_compat
from modelpact._internal.text import truncate
from modelpact.signature.enforcement.columns import objects
from modelpact.signature.enforcement.violations import Code, Failures

__all__ = ["check_data", "check_params"]


def check_data(data: Any, schema: Schema, failures: Failures) -> Any:
    """What MLflow's `predict` makes of its inputs before it calls the model.

    Args:
        data: Any kind of data; it is copied where MLflow would write into it.
        schema: The schema.
        failures: Takes MLflow's refusal.
    """
    try:
        return mlflow_compat.enforce_inputs(_guarded(data, schema), schema)
    except Exception as error:  # as MLflow's predict, which takes every exception for a refusal
        failures.cause = error
        failures.say(
            Code.REFUSED_BY_MLFLOW,
            (),
            None,
            "what MLflow accepts",
            truncate(f"{type(error).__name__}: {error}"),
        )
        return data


def check_params(params: Any, schema: ParamSchema | None, failures: Failures) -> Any:
    """What MLflow's `predict` makes of its params."""
    try:
        return copy.deepcopy(
            mlflow_compat.enforce_params(params, schema)
        )  # it hands out the signature's own defaults
    except Exception as error:  # as above
        failures.cause = error
        failures.say(
            Code.REFUSED_BY_MLFLOW,
            (),
            None,
            "what MLflow accepts",
            truncate(f"{type(error).__name__}: {error}"),
        )
        return params


def _guarded(data: Any, schema: Schema) -> Any:
    """A copy of what MLflow writes its conversions into: the dicts of nested columns."""
    nested = [
        spec
        for spec in schema.inputs
        if not isinstance(spec, TensorSpec) and not isinstance(spec.type, DataType)
    ]
    if not nested or not isinstance(data, (pd.DataFrame, pd.Series, list, dict)):
        return data
    if isinstance(data, (list, dict)):
        return copy.deepcopy(data)
    if isinstance(data, pd.Series):
        return pd.Series(
            copy.deepcopy(data.tolist()), index=data.index, name=data.name, dtype=data.dtype
        )
    guarded = data.copy(deep=False)
    for position, dtype in enumerate(data.dtypes):
        if dtype == np.dtype("O"):
            guarded.isetitem(position, objects(copy.deepcopy(data.iloc[:, position].tolist())))
    return guarded
