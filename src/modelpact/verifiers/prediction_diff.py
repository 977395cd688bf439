"""How two predictions differ, in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelpact.datatypes import count_rows

__all__ = ["diff_predictions", "diff_shapes"]


def diff_shapes(after: Any, before: Any) -> str:
    """Describe how two predictions differ in type, columns or number of rows; empty if equal."""
    if type(after) is not type(before):
        return f"the prediction was a {type(before).__name__} and is a {type(after).__name__}"
    if hasattr(after, "columns") and list(after.columns) != list(before.columns):
        return f"the columns were {list(before.columns)} and are {list(after.columns)}"
    n_after, n_before = count_rows(after), count_rows(before)
    return "" if n_after == n_before else f"there were {n_before} rows and are {n_after}"


def diff_predictions(after: Any, before: Any, rtol: float, atol: float) -> str:
    """Describe how two predictions differ; empty if they are equal within the tolerances.

    Example:
        >>> diff_predictions(np.array([1.0, 2.0]), np.array([1.0, 3.0]), rtol=1e-6, atol=1e-9)
        '1 of 2 values differ'
    """
    same_type = type(after) is type(before)
    if not same_type or (hasattr(after, "columns") and list(after.columns) != list(before.columns)):
        return diff_shapes(after, before)
    if isinstance(after, dict):
        return _diff_dicts(after, before, rtol, atol)
    return _diff_arrays(np.asarray(after), np.asarray(before), rtol, atol)


def _diff_dicts(after: dict[Any, Any], before: dict[Any, Any], rtol: float, atol: float) -> str:
    if after.keys() != before.keys():
        return f"the keys were {sorted(map(str, before))} and are {sorted(map(str, after))}"
    differences = (diff_predictions(after[key], before[key], rtol, atol) for key in after)
    return next(filter(None, differences), "")


def _diff_arrays(
    after: np.ndarray[Any, Any], before: np.ndarray[Any, Any], rtol: float, atol: float
) -> str:
    import pandas as pd

    if after.shape != before.shape:
        return f"the shape was {before.shape} and is {after.shape}"
    if after.dtype.kind in "fc" and before.dtype.kind in "fc":
        equal = np.isclose(after, before, rtol=rtol, atol=atol, equal_nan=True)
    else:
        equal = np.asarray(after == before) | (pd.isna(after) & pd.isna(before))
    n_different = np.size(equal) - np.count_nonzero(equal)
    return f"{n_different} of {np.size(equal)} values differ" if n_different else ""
