"""Errors of an MLflow store that are expected, such as that of an object that does not exist."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["suppress_codes"]


@contextlib.contextmanager
def suppress_codes(*codes: str) -> Iterator[None]:
    """Suppress the errors of a store that have one of the codes.

    Example:
        >>> from mlflow.exceptions import MlflowException
        >>> from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
        >>> with suppress_codes("RESOURCE_DOES_NOT_EXIST"):
        ...     raise MlflowException("no such run", RESOURCE_DOES_NOT_EXIST)
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code not in codes:
            raise
