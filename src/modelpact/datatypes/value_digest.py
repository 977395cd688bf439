"""Digests of values: equal values have equal digests, in every process."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import _Hash

    import pandas as pd

__all__ = ["digest_values"]


def digest_values(*values: object) -> str:
    """Return the SHA-256 of some values, in hex: DataFrames, ndarrays, or nested lists and dicts.

    Example:
        >>> digest_values({"a": 1, "b": 2}) == digest_values({"b": 2, "a": 1})
        True
    """
    sha = hashlib.sha256()
    for value in values:
        _update(sha, value)
    return sha.hexdigest()


def _update(sha: _Hash, value: Any) -> None:
    sha.update(type(value).__name__.encode())
    if hasattr(value, "columns"):
        _update_frame(sha, value)
    elif hasattr(value, "dtype"):
        sha.update(f"{value.dtype}{value.shape}".encode())
        if value.dtype == object:
            _update(sha, value.tolist())
        else:
            sha.update(value.tobytes())
    else:
        _update_plain(sha, value)


def _update_frame(sha: _Hash, frame: pd.DataFrame) -> None:
    import pandas as pd

    sha.update(repr([(str(name), str(dtype)) for name, dtype in frame.dtypes.items()]).encode())
    for position, dtype in enumerate(frame.dtypes):
        column = frame.iloc[:, position]
        # pandas gives 1 and "1" in an object column the same hash, and cannot hash lists.
        if dtype.kind == "O":
            _update(sha, column.tolist())
        else:
            sha.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())


def _update_plain(sha: _Hash, value: Any) -> None:
    try:
        sha.update(json.dumps(value, sort_keys=True).encode())
        return
    except (TypeError, ValueError):
        # Some part is not JSON: digest the parts one by one.
        pass
    if isinstance(value, dict):
        value = sorted(value.items(), key=lambda item: str(item[0]))
    if not isinstance(value, (list, tuple)):
        sha.update(pickle.dumps(value, protocol=4))
        return
    sha.update(str(len(value)).encode())
    for item in value:
        _update(sha, item)
