"""Tuning of Python's garbage collector for a process that runs one command."""

from __future__ import annotations

import atexit
import gc

__all__ = ["defer", "resume"]

THRESHOLD = (200_000, 50, 100)
"""Few collections: most objects that a job creates live until the job ends."""


def defer() -> None:
    """Disable garbage collection until `resume`: objects that imports create are never freed."""
    gc.disable()
    gc.set_threshold(*THRESHOLD)
    # The collection at interpreter exit would take a second for the imported modules.
    atexit.register(gc.freeze)


def resume() -> None:
    """Freeze existing objects and enable garbage collection; a second call has no effect."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
