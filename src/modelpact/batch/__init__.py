"""Batch prediction: files of any size, scored part by part on one of several engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.batch.job import Batch, BatchResult

__all__ = ["Batch", "BatchResult"]

__getattr__ = lazy(__name__, {"Batch": ".job", "BatchResult": ".job"})
