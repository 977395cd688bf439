"""The key of a job: what it would do, as one digest.

The same key means the same configuration, data and code.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import modelpact
from modelpact.types import Step

__all__ = ["job_key"]


def job_key(name: str, steps: Mapping[str, Step], data_digest: str) -> str:
    """The key of a job.

    Args:
        name: The registered model.
        steps: The steps that decide the outcome; their paths, addresses and secrets are left out.
        data_digest: A digest of the data itself.

    Returns:
        SHA-256 in hex.
    """
    own = {
        type(step).__module__
        for step in steps.values()
        if type(step).__module__.partition(".")[0] != "modelpact"
    }
    code = [
        _package_digest(),
        *(_file_digest(inspect.getfile(sys.modules[module])) for module in sorted(own)),
    ]
    identity = {group: step.identity() for group, step in sorted(steps.items())}
    text = json.dumps(
        {"name": name, "steps": identity, "data": data_digest, "code": code}, sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _package_digest() -> str:
    root = Path(inspect.getfile(modelpact)).parent
    sha = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        sha.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return sha.hexdigest()


def _file_digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
