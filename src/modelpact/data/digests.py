"""A digest of a sample: the same rows give the same digest, in every process."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import Any

from modelpact.schemas import Sample

__all__ = ["digest"]


def digest(sample: Sample) -> str:
    """SHA-256, in hex, of everything in the sample that a model learns from or is judged by."""
    sha = hashlib.sha256()
    for part in (sample.inputs, sample.targets, sample.params, sample.holdout and digest(sample.holdout)):
        _update(sha, part)
    return sha.hexdigest()


def _update(sha: Any, part: Any) -> None:
    sha.update(type(part).__name__.encode())
    if hasattr(part, "columns"):
        import pandas as pd

        sha.update(repr([(str(name), str(dtype)) for name, dtype in part.dtypes.items()]).encode())
        try:
            sha.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        except TypeError:  # cells that are lists or dicts have no hash of their own
            _update(sha, part.to_dict("records"))
    elif hasattr(part, "dtype") and part.dtype != object:
        sha.update(f"{part.dtype}{part.shape}".encode())
        sha.update(part.tobytes())
    else:
        try:
            sha.update(json.dumps(part, sort_keys=True).encode())
        except (TypeError, ValueError):
            sha.update(pickle.dumps(part, protocol=4))
