"""Questions about MLflow's schemas, which a signature may lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["has_columns", "has_tensors", "input_names"]


def has_columns(schema: Schema | None) -> TypeGuard[Schema]:
    """Return whether there is a schema of columns."""
    return schema is not None and not schema.is_tensor_spec()


def has_tensors(schema: Schema | None) -> TypeGuard[Schema]:
    """Return whether there is a schema of tensors."""
    return schema is not None and schema.is_tensor_spec()


def input_names(schema: Schema | None) -> list[str]:
    """Return the names of columns or tensors; empty if they have none.

    Example:
        >>> from mlflow.types.schema import ColSpec, Schema
        >>> input_names(Schema([ColSpec("long", "age")])), input_names(Schema([ColSpec("long")]))
        (['age'], [])
    """
    specs = schema.inputs if schema is not None else []
    return [str(spec.name) for spec in specs if spec.name is not None]
