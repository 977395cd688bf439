"""Errors in IPython and notebooks: the message and the remedy in place of the traceback."""

from __future__ import annotations

from modelpact.errors import PactError

__all__ = ["shorten_tracebacks"]


def shorten_tracebacks() -> None:
    """Let IPython print errors of modelpact without their traceback, and without secrets.

    The hook is not in the class, because saved models carry the module of the class.
    """
    PactError._render_traceback_ = _render  # type: ignore[attr-defined]


def _render(error: PactError) -> list[str]:
    from modelpact.security.leak_scan import redact

    return [
        f"{type(error).__name__}: {redact(str(error))}",
        "",
        "Traceback: import sys, traceback; traceback.print_exception(sys.last_value)",
    ]
