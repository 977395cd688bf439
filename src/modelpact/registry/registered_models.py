"""Lookup of registered models by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.mlflow_errors import suppress_codes
from modelpact._internal.mlflow_search import search_all
from modelpact._internal.text import did_you_mean

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

__all__ = ["describe_unknown_model", "find_registered_model"]

LISTED_NAMES = 20
"""How many names of registered models a message lists."""


def find_registered_model(client: MlflowClient, name: str) -> RegisteredModel | None:
    """Return a registered model, or None if there is no model of that name.

    Raises:
        MlflowException: The store failed.
    """
    with suppress_codes("RESOURCE_DOES_NOT_EXIST"):
        return client.get_registered_model(name)
    return None


def describe_unknown_model(client: MlflowClient, name: str) -> tuple[str, str]:
    """Return the message and the remedy of an error about an unknown registered model."""
    names = sorted(model.name for model in search_all(client.search_registered_models))
    message = f"there is no registered model {name!r}{did_you_mean(name, names)}"
    if not names:
        return message, "Nothing is registered in this store."
    return message, f"Registered models: {', '.join(names[:LISTED_NAMES])}."
