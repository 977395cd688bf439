"""The pipeline: `publish` takes a model from data to a registered version."""

from __future__ import annotations

from modelpact.pipeline.runner import publish

__all__ = ["publish"]
