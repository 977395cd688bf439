"""Questions about MLflow's schemas, which a signature may lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from mlflow.types.schema import Schema

__all__ = ["has_columns", "has_tensors", "input_names", "list_specs"]


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
    return [str(spec.name) for spec in list_specs(schema) if spec.name is not None]


def list_specs(schema: Schema | None) -> list[Any]:
    """Return the columns or tensors; empty without a schema."""
    return [] if schema is None else schema.inputs
