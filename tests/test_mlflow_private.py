"""What `modelpact._mlflow` needs of MLflow's private names: each test says what breaks when MLflow changes one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

from modelpact import _mlflow


def test_enforce_inputs_converts_and_refuses() -> None:
    """The policy `mlflow` is this function; so is the oracle of every test of enforcement."""
    schema = Schema([ColSpec(DataType.double, "a")])
    assert _mlflow.enforce_inputs(pd.DataFrame({"a": np.array([1], dtype="int32")}), schema).dtypes.tolist() == [
        np.dtype("float64")
    ]
    with pytest.raises(MlflowException, match="missing inputs"):
        _mlflow.enforce_inputs(pd.DataFrame({"b": [1]}), schema)


def test_enforce_params_fills_in_and_refuses() -> None:
    """The policy `mlflow` is this function for params."""
    schema = ParamSchema([ParamSpec("k", DataType.long, 1)])
    assert _mlflow.enforce_params(None, schema) == {"k": 1}
    with pytest.raises(MlflowException, match="Invalid parameters"):
        _mlflow.enforce_params({"k": "x"}, schema)


def test_column_type_knows_dtypes_and_raises_for_others() -> None:
    """`infer` asks it for the type of a column by its dtype, and takes the exception for `MLflow has no type`."""
    assert _mlflow.column_type(np.dtype("int16")) is DataType.integer
    assert _mlflow.column_type(pd.Int64Dtype()) is DataType.long
    with pytest.raises(MlflowException, match="uint64"):
        _mlflow.column_type(np.dtype("uint64"))


def test_scalar_type_depends_on_the_exact_type() -> None:
    """`infer` asks once for each Python type and remembers the answer."""
    assert _mlflow.scalar_type(1) is _mlflow.scalar_type(2**70) is DataType.long
    assert _mlflow.scalar_type(np.int32(1)) is DataType.integer
    with pytest.raises(MlflowException, match="not one of the supported"):
        _mlflow.scalar_type(1j)


def test_values_type_skips_empty_arrays() -> None:
    """`infer` leaves lists with empty arrays to it, and raises where it does."""
    assert _mlflow.values_type([np.array([]), np.array([1.5])]) == Array(DataType.double)
    assert _mlflow.values_type([None]) == AnyType()
    with pytest.raises(MlflowException):
        _mlflow.values_type([np.array([])])


def test_infer_params_gives_a_param_schema() -> None:
    """`infer` asks it for one param at a time, and takes the exception for `MLflow has no type`."""
    assert _mlflow.infer_params({"k": 0.5}) == ParamSchema([ParamSpec("k", DataType.double, 0.5)])
    with pytest.raises(MlflowException, match="Failed to infer schema"):
        _mlflow.infer_params({"k": None})
