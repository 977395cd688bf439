"""A digest of a sample: the same rows give the same digest, in every process."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import Any

from modelpact.types import Sample

__all__ = ["digest"]


def digest(sample: Sample) -> str:
    """SHA-256, in hex, of everything in the sample that a model learns from or is judged by."""
    sha = hashlib.sha256()
    for part in (
        sample.inputs,
        sample.targets,
        sample.params,
        sample.holdout and digest(sample.holdout),
    ):
        _update(sha, part)
    return sha.hexdigest()


def _update(sha: Any, part: Any) -> None:
    sha.update(type(part).__name__.encode())
    if hasattr(part, "columns"):
        import pandas as pd

        sha.update(repr([(str(name), str(dtype)) for name, dtype in part.dtypes.items()]).encode())
        for position, dtype in enumerate(part.dtypes):
            column = part.iloc[:, position]
            if (
                dtype.kind == "O"
            ):  # pandas hashes 1 and "1" in such a column alike, and lists not at all
                _update(sha, column.tolist())
            else:
                sha.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
    elif hasattr(part, "dtype"):
        sha.update(f"{part.dtype}{part.shape}".encode())
        _update(sha, part.tolist()) if part.dtype == object else sha.update(part.tobytes())
    else:
        _update_plain(sha, part)


def _update_plain(sha: Any, part: Any) -> None:
    try:
        sha.update(json.dumps(part, sort_keys=True).encode())
    except (TypeError, ValueError):  # not all of it is plain: take it apart
        if isinstance(part, dict):
            part = sorted(part.items(), key=lambda item: str(item[0]))
        if not isinstance(part, (list, tuple)):
            sha.update(pickle.dumps(part, protocol=4))
            return
        sha.update(str(len(part)).encode())
        for item in part:
            _update(sha, item)
