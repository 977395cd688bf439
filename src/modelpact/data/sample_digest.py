"""Digests of samples, for job keys and checkpoints."""

from __future__ import annotations

from modelpact.datatypes import digest_values
from modelpact.types import Sample

__all__ = ["digest_sample"]


def digest_sample(sample: Sample) -> str:
    """Return the SHA-256, in hex, of all that a model is fitted to or scored on.

    The predictions in `sample.outputs` are left out.
    """
    holdout = sample.holdout and digest_sample(sample.holdout)
    return digest_values(sample.inputs, sample.targets, sample.params, holdout)
