"""Sweeps: many jobs that belong together: one parent run, a record to resume from, and an account at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelpact._internal.lazy import lazy

if TYPE_CHECKING:
    from modelpact.cli.sweeps.record import SweepRecord
    from modelpact.cli.sweeps.results import Result, best, read_results
    from modelpact.cli.sweeps.sweep import Sweep

__all__ = ["Result", "Sweep", "SweepRecord", "best", "read_results"]

__getattr__ = lazy(
    __name__,
    {
        "Result": ".results",
        "Sweep": ".sweep",
        "SweepRecord": ".record",
        "best": ".results",
        "read_results": ".results",
    },
)
