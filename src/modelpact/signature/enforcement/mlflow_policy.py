"""The policy `mlflow`: calls MLflow's own enforcement, without changing the caller's data."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import DataType, ParamSchema, Schema, TensorSpec

from modelpact._internal import mlflow_compat
from modelpact._internal.text import truncate
from modelpact.signature.enforcement.columns import object_array
from modelpact.signature.enforcement.violations import ViolationCode, Violations

__all__ = ["check_data", "check_params"]


def check_data(data: object, schema: Schema, violations: Violations) -> object:
    """Return the inputs as MLflow's `predict` passes them to a model.

    Args:
        data: Data of any kind.
        schema: The schema of the inputs or outputs.
        violations: Collects MLflow's exception as a violation.
    """
    with _recorded(violations):
        return mlflow_compat.enforce_inputs(_protect(data, schema), schema)
    return data


def check_params(
    params: dict[str, Any] | None, schema: ParamSchema | None, violations: Violations
) -> dict[str, Any] | None:
    """Return the params as MLflow's `predict` passes them to a model."""
    with _recorded(violations):
        enforced: dict[str, Any] | None = mlflow_compat.enforce_params(params, schema)
        # MLflow returns the defaults of the signature themselves.
        return copy.deepcopy(enforced)
    return params


@contextlib.contextmanager
def _recorded(violations: Violations) -> Iterator[None]:
    """Record an exception of MLflow as a violation."""
    try:
        yield
    # MLflow's predict reports every exception as a violation of the schema.
    except Exception as error:
        violations.cause = error
        got = truncate(f"{type(error).__name__}: {error}")
        violations.add_message(ViolationCode.REFUSED_BY_MLFLOW, (), "data that MLflow accepts", got)


def _protect(data: object, schema: Schema) -> object:
    """Copy the nested values of data, because MLflow writes its conversions into them."""
    if not _has_nested_columns(schema):
        return data
    if isinstance(data, (list, dict)):
        return copy.deepcopy(data)
    if isinstance(data, pd.Series):
        values = copy.deepcopy(data.tolist())
        return pd.Series(values, index=data.index, name=data.name, dtype=data.dtype)
    return _copy_cells(data) if isinstance(data, pd.DataFrame) else data


def _has_nested_columns(schema: Schema) -> bool:
    return any(
        not isinstance(spec, TensorSpec) and not isinstance(spec.type, DataType)
        for spec in schema.inputs
    )


def _copy_cells(frame: pd.DataFrame) -> pd.DataFrame:
    copied = frame.copy(deep=False)
    for position, dtype in enumerate(frame.dtypes):
        if dtype == np.dtype("O"):
            cells = copy.deepcopy(frame.iloc[:, position].tolist())
            copied.isetitem(position, object_array(cells))
    return copied
