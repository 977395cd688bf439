"""Single values: numbers, text, bytes, moments, and objects that modelpact does not look into."""

from __future__ import annotations

import base64
import enum
import json
import math
import pickle
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from modelpact.datatypes.base import Counts, Kind, Tolerance, find_kind, register

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["ScalarKind"]


@register
class ScalarKind(Kind[Any]):
    """A single value, which is one row. Values of unknown types are of this kind as well."""

    types = frozenset({("builtins", "object")})

    def update_digest(self, sha: _Hash, value: object) -> None:
        try:
            sha.update(json.dumps(value).encode())
        except (TypeError, ValueError):
            sha.update(pickle.dumps(value, protocol=4))

    def compare(self, after: object, before: object, tolerance: Tolerance) -> Counts:
        return Counts(int(not _are_equal(after, before, tolerance)), 1)

    def to_json(self, value: object) -> Any:
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        if isinstance(value, enum.Enum):
            return self.to_json(value.value)
        is_json = isinstance(value, (str, int, NoneType))
        return value if is_json else self._to_text(value)

    def _to_text(self, value: object) -> Any:
        # A scalar of NumPy.
        if hasattr(value, "dtype"):
            array = np.asarray(value)
            return find_kind(array).to_json(array)
        if _is_null(value):
            return None
        if isinstance(value, (bytes, bytearray)):
            return base64.b64encode(value).decode()
        return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _are_equal(after: object, before: object, tolerance: Tolerance) -> bool:
    nulls = _is_null(after), _is_null(before)
    if any(nulls):
        return all(nulls)
    if isinstance(before, (float, complex)) and isinstance(after, (int, float, complex)):
        limit = tolerance.atol + tolerance.rtol * abs(before)
        return after == before or abs(after - before) <= limit
    return bool(after == before)


def _is_null(value: object) -> bool:
    """Return whether a value is None, NA, NaT or NaN, none of which is equal to itself."""
    if value is None or type(value).__name__ == "NAType":
        return True
    return bool(value != value)  # noqa: PLR0124
