"""Digests of samples, for job keys and checkpoints."""

from __future__ import annotations

from modelpact.datatypes import digest_values
from modelpact.types import Sample

__all__ = ["Digests", "digest_parts", "digest_sample"]

Digests = tuple[str, str | None]
"""The digest of a sample, and that of its hold-out set."""


def digest_sample(sample: Sample) -> str:
    """Return the SHA-256, in hex, of all that a model is fitted to or scored on.

    The predictions in `sample.outputs` are left out.
    """
    return digest_parts(sample)[0]


def digest_parts(sample: Sample) -> Digests:
    """Return the digest of a sample, and that of its hold-out set, which is computed on the way."""
    holdout = None if sample.holdout is None else digest_sample(sample.holdout)
    return digest_values(sample.inputs, sample.targets, sample.params, holdout), holdout
