"""Calls `fit` and `fallback` with the objects that `predict` gets; saved models need neither."""

from __future__ import annotations

from typing import Any

from modelpact.models.row_objects import convert_inputs, to_data, uses_objects

__all__ = ["call_fallback", "call_fit"]


def call_fit(model: Any, inputs: Any, targets: Any) -> None:
    """Call `fit` with the objects that `predict` gets.

    Raises:
        InputsError: The inputs violate the type hint.
    """
    # The method of the base class does nothing.
    is_own = not type(model).fit.__module__.endswith(".models.base")
    model.fit(convert_inputs(model, "fit", inputs) if is_own else inputs, targets)


def call_fallback(model: Any, inputs: Any, params: Any, error: Exception) -> Any:
    """Call `fallback` with the objects that `predict` gets, and return plain data."""
    prediction = model.fallback(convert_inputs(model, "fallback", inputs), params, error)
    return to_data(prediction) if uses_objects(type(model).predict) else prediction
