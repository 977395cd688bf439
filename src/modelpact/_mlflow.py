"""The one home of MLflow's private names.

Whatever modelpact needs of MLflow beyond its public interface is named here, once, with what it is for. For each there is a test
in `tests/test_mlflow_private.py` that says what breaks when MLflow changes it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["enforce_inputs", "enforce_params"]


def enforce_inputs(data: Any, schema: Any) -> Any:
    """MLflow's own enforcement of an input schema, as `PyFuncModel.predict` applies it."""
    from mlflow.models.utils import _enforce_schema

    return _enforce_schema(data, schema)


def enforce_params(params: Any, schema: Any) -> Any:
    """MLflow's own enforcement of inference parameters, as `PyFuncModel.predict` applies it."""
    from mlflow.models.utils import _enforce_params_schema

    return _enforce_params_schema(params, schema)
