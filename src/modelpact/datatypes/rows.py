"""The rows of whatever a model takes: how many there are, and some of them.

Rows are the first axis: of a DataFrame, an ndarray, each ndarray of a dict of tensors, or a list. A dict of anything else and a
scalar are one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["count", "take"]


def count(inputs: Any) -> int:
    """How many rows there are.

    Example:
        >>> count([{"a": 1}, {"a": 2}])
        2
    """
    if _is_tensors(inputs):
        return min(len(tensor) for tensor in inputs.values())
    if hasattr(inputs, "shape"):
        return int(inputs.shape[0]) if len(inputs.shape) else 1
    return len(inputs) if isinstance(inputs, list) else 1


def take(inputs: Any, rows: Sequence[int]) -> Any:
    """The rows at the positions `rows`, in that order, as the same kind of thing.

    Example:
        >>> take(["a", "b", "c"], [2, 0])
        ['c', 'a']
    """
    if _is_tensors(inputs):
        return {name: tensor[list(rows)] for name, tensor in inputs.items()}
    if hasattr(inputs, "iloc"):
        return inputs.iloc[list(rows)].reset_index(drop=True)
    if hasattr(inputs, "shape"):
        return inputs[list(rows)]
    return [inputs[row] for row in rows] if isinstance(inputs, list) else inputs


def _is_tensors(inputs: Any) -> bool:
    return (
        isinstance(inputs, dict)
        and bool(inputs)
        and all(hasattr(value, "shape") and value.shape for value in inputs.values())
    )
