"""Count and select the rows of any value that a model takes or returns.

Rows are the first axis of a DataFrame, of an ndarray, of each ndarray in a dict of tensors, or of a
list. Any other dict and any scalar count as one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["count_rows", "take_rows"]


def count_rows(inputs: Any) -> int:
    """Return the number of rows.

    Example:
        >>> count_rows([{"a": 1}, {"a": 2}])
        2
    """
    if _is_tensor_dict(inputs):
        return min(len(tensor) for tensor in inputs.values())
    if hasattr(inputs, "shape"):
        return int(inputs.shape[0]) if len(inputs.shape) else 1
    return len(inputs) if isinstance(inputs, list) else 1


def take_rows(inputs: Any, positions: Sequence[int]) -> Any:
    """Return the rows at `positions`, in that order, in a container of the same type.

    Raises:
        IndexError: There are fewer rows.

    Example:
        >>> take_rows(["a", "b", "c"], [2, 0])
        ['c', 'a']
    """
    if _is_tensor_dict(inputs):
        return {name: tensor[list(positions)] for name, tensor in inputs.items()}
    if hasattr(inputs, "iloc"):
        return inputs.iloc[list(positions)].reset_index(drop=True)
    if hasattr(inputs, "shape"):
        return inputs[list(positions)]
    return [inputs[position] for position in positions] if isinstance(inputs, list) else inputs


def _is_tensor_dict(inputs: Any) -> bool:
    return (
        isinstance(inputs, dict)
        and bool(inputs)
        and all(hasattr(value, "shape") and value.shape for value in inputs.values())
    )
