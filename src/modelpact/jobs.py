"""A job: where it stands, among others, and its key: what it would do, as one digest.

The same key means the same configuration, data and code.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import modelpact
from modelpact.steps import Step

__all__ = ["JOB_KEY", "JOB_NUMBER", "SWEEP", "Job", "job_key"]

JOB_KEY, SWEEP, JOB_NUMBER = "modelpact.job_key", "modelpact.sweep", "modelpact.job"
"""The tags that say which job made a run and a version: its key, the parent run of its sweep, its number there."""


@dataclass(frozen=True, slots=True)
class Job:
    """What surrounds one run.

    Attributes:
        config: The configuration it was composed from, resolved, without secrets; None where there is none.
        overrides: What was given for it on the command line, in the order of importance: what differs within its sweep first.
        sweep: The parent run of its sweep; None for a run of its own.
        number: Its number in the sweep, from 0.
        resumed: Whether it may have been done already, when the sweep was cut off.
    """

    config: Mapping[str, Any] | None = None
    overrides: Sequence[str] = ()
    sweep: str | None = None
    number: int | None = None
    resumed: bool = False

    def tags(self) -> dict[str, str]:
        """The tags that say where a run or a version comes from."""
        return {} if self.sweep is None else {SWEEP: self.sweep, JOB_NUMBER: str(self.number)}


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
