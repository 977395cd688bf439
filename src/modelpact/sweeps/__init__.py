"""Sweeps: many jobs that belong together: one parent run, a record to resume from, and an account at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact.exports import lazy

if TYPE_CHECKING:
    from modelpact.sweeps.record import SweepRecord
    from modelpact.sweeps.results import Result, best, read_results
    from modelpact.sweeps.sweep import Sweep

__all__ = ["Result", "Sweep", "SweepRecord", "best", "read_results"]

__getattr__ = lazy(
    __name__,
    {
        "Result": "modelpact.sweeps.results",
        "Sweep": "modelpact.sweeps.sweep",
        "SweepRecord": "modelpact.sweeps.record",
        "best": "modelpact.sweeps.results",
        "read_results": "modelpact.sweeps.results",
    },
)
