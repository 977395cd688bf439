"""A fingerprint of a signature."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["digest"]


def digest(signature: Any) -> str:
    """SHA-256, in hex, of the signature's canonical JSON: MLflow's dict form with sorted keys and no white space."""
    parts = {name: text and json.loads(text) for name, text in signature.to_dict().items()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
