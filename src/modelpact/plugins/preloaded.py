"""What the processes of a sweep are forked with: `multiprocessing`'s fork server imports this module, and it imports the rest."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal

__all__ = ["VARIABLE"]

VARIABLE = "MODELPACT_PRELOAD"
"""The environment variable that names the modules, with spaces between them; nothing happens where it is not set."""


def _import_all(names: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the jobs; here it would print a traceback
    for name in names:
        with contextlib.suppress(Exception):  # a job that needs it will say what is wrong with it
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that the collector of a process does not touch, and thereby copy, what all of them share


if VARIABLE in os.environ:
    _import_all(os.environ.pop(VARIABLE).split())
