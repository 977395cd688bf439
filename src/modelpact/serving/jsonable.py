"""Converts predictions to JSON values."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["to_jsonable"]


def to_jsonable(value: Any) -> Any:
    """Return a prediction as JSON values.

    A DataFrame becomes a list of rows, an array nested lists; NaN and Infinity become null.

    Example:
        >>> to_jsonable({"a": [1.5, float("nan")]})
        {'a': [1.5, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_jsonable(item) for item in value]
    if hasattr(value, "columns"):
        return _convert_frame(value)
    return _convert_array(value) if hasattr(value, "tolist") else _convert_scalar(value)


def _convert_frame(frame: Any) -> list[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    columns = [to_jsonable(frame[name]) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _convert_array(array: Any) -> Any:
    if type(array).__module__ != "numpy":
        return to_jsonable(array.tolist())
    if array.dtype.kind == "M":
        return _convert_datetimes(array)
    nested = array.tolist()
    return nested if array.dtype.kind in "biu" else to_jsonable(nested)


def _convert_datetimes(array: np.ndarray) -> Any:
    """Return datetimes as ISO 8601 text; `tolist` returns integers for nanoseconds."""
    import numpy as np
    import pandas as pd

    if np.datetime_data(array.dtype)[0] != "ns":
        return to_jsonable(array.tolist())
    texts = np.empty(array.shape, dtype=object)
    texts.ravel()[:] = [to_jsonable(moment) for moment in pd.DatetimeIndex(np.ravel(array))]
    return texts.tolist()


def _convert_scalar(value: Any) -> Any:
    # A polars column.
    if hasattr(value, "to_list"):
        return to_jsonable(value.to_list())
    if hasattr(value, "model_dump"):
        return to_jsonable(value.model_dump(mode="json"))
    if hasattr(value, "isoformat"):
        # NaT is not equal to itself.
        return None if value != value else value.isoformat()  # noqa: PLR0124
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return None if type(value).__name__ == "NAType" else str(value)
