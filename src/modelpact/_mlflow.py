"""The one home of MLflow's private names.

Whatever modelpact needs of MLflow beyond its public interface is named here, once, with what it is for. For each there is a test
in `tests/test_mlflow_private.py` that says what breaks when MLflow changes it.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "column_type",
    "enforce_inputs",
    "enforce_params",
    "infer_params",
    "scalar_type",
    "values_type",
]


def enforce_inputs(data: Any, schema: Any) -> Any:
    """MLflow's own enforcement of an input schema, as `PyFuncModel.predict` applies it."""
    from mlflow.models.utils import _enforce_schema

    return _enforce_schema(data, schema)


def enforce_params(params: Any, schema: Any) -> Any:
    """MLflow's own enforcement of inference parameters, as `PyFuncModel.predict` applies it."""
    from mlflow.models.utils import _enforce_params_schema

    return _enforce_params_schema(params, schema)


def column_type(dtype: Any) -> Any:
    """The `DataType` that MLflow infers for a dtype of NumPy or pandas; raises where it has none."""
    from mlflow.types.utils import _infer_numpy_dtype

    return _infer_numpy_dtype(dtype)


def scalar_type(value: Any) -> Any:
    """The `DataType` that MLflow infers for a Python value; it depends on nothing but the value's exact type."""
    from mlflow.types.utils import _infer_scalar_datatype

    return _infer_scalar_datatype(value)


def values_type(values: list[Any]) -> Any:
    """The type that MLflow infers for the items of a list, nested or not; raises where they have no common one."""
    from mlflow.types.utils import _infer_colspec_type

    array: Any = _infer_colspec_type(values)
    return array.dtype


def infer_params(params: dict[str, Any]) -> Any:
    """The `ParamSchema` that MLflow infers for inference parameters."""
    from mlflow.types.utils import _infer_param_schema

    return _infer_param_schema(params)
