"""Sweeps: many jobs with one parent run, a record to resume from, and a summary at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.cli.sweeps.record import SweepRecord
    from modelpact.cli.sweeps.results import JobResult, find_best, read_results
    from modelpact.cli.sweeps.sweep import Sweep

__all__ = ["JobResult", "Sweep", "SweepRecord", "find_best", "read_results"]

__getattr__ = lazy(
    __name__,
    {
        "JobResult": ".results",
        "Sweep": ".sweep",
        "SweepRecord": ".record",
        "find_best": ".results",
        "read_results": ".results",
    },
)
