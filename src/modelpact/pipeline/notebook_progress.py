"""The progress of a run in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["notebook_observer"]


def notebook_observer() -> Callable[[str], None] | None:
    """Return a function that adds each stage to a line below the cell; None outside of notebooks.

    The line has a display of its own, so that warnings and logs do not mix with it.
    """
    ipython = sys.modules.get("IPython")
    # A terminal with IPython has a shell, but no kernel.
    if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
        return None
    stages: list[str] = []
    line = ipython.display.display({"text/plain": ""}, raw=True, display_id=True)

    def show(stage: str) -> None:
        stages.append(stage)
        line.update({"text/plain": f"modelpact: {', '.join(stages)}"}, raw=True)

    return show
