"""Signals that stop the process, held back while something is created or cleaned up."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import ClassVar

from modelpact._internal.guards import on_error

__all__ = ["held_signals", "interruptible", "signal_received"]

# Windows has no SIGHUP.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

FORCING = 4
"""The number of the signal that is raised although it is held back: cleaning up may hang."""

STORES = ("mlflow.store.", "sqlalchemy.")
"""The modules of database stores."""


class _Receiver:
    """Receives the signals of this process; only the first one counts.

    Attributes:
        current: The receiver that is installed.
        handlers: The previous handler of each signal. Ignored signals stay ignored, as `nohup` and
            shells ask for it.
        may_raise: Whether the running code may be interrupted.
        first: The first signal, until its handler has returned; None if there was none.
    """

    current: ClassVar[_Receiver | None] = None

    def __init__(self) -> None:
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        self.handlers = {
            number: handler
            for number, handler in handlers.items()
            if handler not in (signal.SIG_IGN, None)
        }
        self.may_raise = True
        self._process = os.getpid()
        self.first: int | None = None
        self._count = 0

    def is_active(self) -> bool:
        """Return whether the current thread receives the signals, and not a forked process."""
        in_main_thread = threading.current_thread() is threading.main_thread()
        return in_main_thread and self._process == os.getpid()

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        # A process that was forked within the context has nothing to hold back.
        is_inherited = self._process != os.getpid()
        if self.first is None or is_inherited:
            self.first = number
        self._count += 1
        if is_inherited or self._count >= FORCING:
            self.raise_first()
        elif self._count == 1 and self.may_raise:
            self._raise_outside_of_store(frame)

    def _raise_outside_of_store(self, frame: FrameType | None) -> None:
        """Raise the first signal now, or when the database store that is at work returns.

        The traceback of an interrupted query would keep its cursor open, and an open cursor locks
        a SQLite store. The run could not be ended.
        """
        caller = _caller_of_store(frame)
        if caller is None:
            self.raise_first()
            return
        tracer = sys.gettrace()

        def trace(frame: FrameType, event: str, argument: object) -> None:
            sys.settrace(tracer)
            if self.may_raise:
                self.raise_first()

        caller.f_trace = trace
        sys.settrace(lambda frame, event, argument: None)

    def raise_first(self) -> None:
        """Call the previous handler of the first signal, if there was one.

        SIGINT raises KeyboardInterrupt, and a signal that would end the process SystemExit.
        """
        number = self.first
        if number is None:
            return
        handler = self.handlers[number]
        if not callable(handler):
            raise SystemExit(128 + number)
        handler(number, None)
        self.first, self._count = None, 0

    @contextlib.contextmanager
    def scope(self, *, may_raise: bool) -> Iterator[None]:
        """Raise or hold back signals within the context, and raise a held one where allowed.

        A signal is raised again if the code within the context has swallowed the exception, or has
        turned it into another one.
        """
        before, self.may_raise = self.may_raise, may_raise

        def settle(error: BaseException | None = None) -> None:
            if before or may_raise:
                self.raise_first()

        try:
            if may_raise:
                self.raise_first()
            with on_error(settle, Exception):
                yield
        finally:
            self.may_raise = before
        settle()


def _caller_of_store(frame: FrameType | None) -> FrameType | None:
    """Return the frame that called a database store; None if no store is on the stack."""
    caller = None
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(STORES):
            caller = frame.f_back
        frame = frame.f_back
    return caller


@contextlib.contextmanager
def held_signals() -> Iterator[None]:
    """Hold back SIGINT, SIGTERM and SIGHUP within the context, and raise the first one at its end.

    The signals of a process arrive in its main thread; in other threads this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    outer = _Receiver.current
    if outer is not None and outer.is_active():
        with outer.scope(may_raise=False):
            yield
        return
    receiver = _Receiver()
    try:
        for number in receiver.handlers:
            signal.signal(number, receiver.receive)
        _Receiver.current = receiver
        with receiver.scope(may_raise=False):
            yield
    finally:
        _Receiver.current = outer
        for number, handler in receiver.handlers.items():
            signal.signal(number, handler)


def interruptible() -> contextlib.AbstractContextManager[None]:
    """Return a context in which signals are raised although an outer context holds them back.

    Use it around code that takes long, inside of the context that cleans up after it.
    """
    receiver = _Receiver.current
    if receiver is None or not receiver.is_active():
        return contextlib.nullcontext()
    return receiver.scope(may_raise=True)


def signal_received() -> bool:
    """Return whether `held_signals` has received a signal that ends the running code."""
    receiver = _Receiver.current
    return receiver is not None and receiver.is_active() and receiver.first is not None
