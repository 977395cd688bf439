"""Python's garbage collector in a command's process: not while everything is imported and built, and seldom afterwards."""

from __future__ import annotations

import atexit
import gc

__all__ = ["defer", "resume"]

THRESHOLD = (200_000, 50, 100)
"""When it looks: seldom, for most of what a job makes stays until its end."""


def defer() -> None:
    """Let it wait until `resume`: what MLflow and its libraries make when they are imported stays."""
    gc.disable()
    gc.set_threshold(*THRESHOLD)
    atexit.register(gc.freeze)  # to look through all that was imported costs a second at the end


def resume() -> None:
    """Let it look at what is made from now on, and at nothing that is there; the second time this does nothing."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
