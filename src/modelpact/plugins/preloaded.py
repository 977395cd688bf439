"""What the processes of a sweep are forked with: `multiprocessing`'s fork server imports this module, and it imports the rest."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal

__all__ = ["THRESHOLD", "VARIABLE"]

VARIABLE = "MODELPACT_PRELOAD"
"""The environment variable that names the modules, with spaces between them; nothing happens where it is not set."""

THRESHOLD = (200_000, 50, 100)
"""When the garbage collector looks: what MLflow and its libraries build stays, and looking at it costs a sixth of a run."""


def _import_all(names: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the jobs; here it would print a traceback
    gc.disable()
    for name in names:
        with contextlib.suppress(Exception):  # a job that needs it will say what is wrong with it
            importlib.import_module(name)
    gc.freeze()  # so that the collector of a process does not touch, and thereby copy, what all of them share
    gc.set_threshold(*THRESHOLD)
    gc.enable()


if VARIABLE in os.environ:
    _import_all(os.environ.pop(VARIABLE).split())
