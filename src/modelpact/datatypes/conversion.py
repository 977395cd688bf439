"""Values in the container of another value, such as a list as the array that a model returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelpact.datatypes.operations import to_python

__all__ = ["convert_like"]


def convert_like(value: object, like: Any) -> Any:
    """Return a value in the type of another one; unchanged if it does not fit.

    Example:
        >>> import numpy as np
        >>> convert_like([1, 2], np.array([1.5, 2.5]))
        array([1., 2.])
    """
    try:
        return _convert(value, like)
    # pandas 2 raises an AttributeError for rows that are dicts and values.
    except (AttributeError, TypeError, ValueError, KeyError):
        return value


def _convert(value: object, like: Any) -> Any:
    if isinstance(like, np.ndarray):
        return _to_array(value, like)
    if hasattr(like, "iloc"):
        import pandas as pd

        if hasattr(like, "columns"):
            return _to_frame(value, like)
        return pd.Series(_to_array(value, like.to_numpy()))
    if isinstance(like, dict) and isinstance(value, Mapping):
        return {key: convert_like(item, like.get(key)) for key, item in value.items()}
    return to_python(value) if isinstance(like, list) else value


def _to_array(value: object, like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    array = np.asarray(value if hasattr(value, "__array__") else to_python(value))
    if array.dtype.kind in "US" and like.dtype.kind not in "USO":
        raise TypeError("text is not compared with numbers")
    if like.dtype.kind in "fcmM":
        array = array.astype(like.dtype)
    # One column, as rows of one cell and as cells.
    is_column = like.shape in {(*array.shape, 1), array.shape[:-1]} and array.size == like.size
    return array.reshape(like.shape) if is_column else array


def _to_frame(value: object, like: Any) -> Any:
    import pandas as pd

    plain = to_python(value)
    has_names = isinstance(plain, dict) or (bool(plain) and isinstance(plain[0], dict))
    frame = pd.DataFrame(plain) if has_names else pd.DataFrame(plain, columns=like.columns)
    if set(frame.columns) != set(like.columns):
        return frame
    return pd.DataFrame({name: convert_like(frame[name], like[name]) for name in like.columns})
