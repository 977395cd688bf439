"""Redacts secrets in what a process logs and prints."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from logging import LogRecord

__all__ = ["redact_logs", "redact_output", "redacted_output"]


@contextlib.contextmanager
def redacted_output() -> Iterator[None]:
    """Redact secrets in everything that this process writes to `sys.stdout` and `sys.stderr`."""
    before = sys.stdout, sys.stderr
    redact_output()
    try:
        try:
            yield
        finally:
            # What cannot be written raises again when the stream itself is flushed.
            for stream in (sys.stderr, sys.stdout):
                with contextlib.suppress(OSError):
                    stream.flush()
    finally:
        sys.stdout, sys.stderr = before


def redact_output() -> None:
    """Redact secrets in all that this process writes to its streams from now on."""
    sys.stdout, sys.stderr = map(_wrap, (sys.stdout, sys.stderr))


def redact_logs() -> None:
    """Redact secrets in the records of all handlers of the root logger."""
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, _RedactedFormatter):
            handler.setFormatter(_RedactedFormatter(handler.formatter))


def _wrap(stream: TextIO) -> TextIO:
    # In a forked process, the streams are wrapped already.
    if isinstance(stream, _RedactedStream):
        return stream
    return cast("TextIO", _RedactedStream(stream))


class _RedactedStream:
    """A text stream that redacts what is written to it, in whole lines.

    A name and its value may be written one after the other, as by `print("key:", key)`.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._line = ""
        # A handler of a signal may write while the same thread writes.
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._lock:
            lines, newline, self._line = (self._line + text).rpartition("\n")
            if newline:
                self._stream.write(_redact(lines + newline))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        with self._lock:
            line, self._line = self._line, ""
            self._stream.write(_redact(line))
            self._stream.flush()


class _RedactedFormatter(logging.Formatter):
    """A formatter that redacts what another one returns, with the traceback."""

    def __init__(self, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._formatter = formatter or logging.Formatter()

    def format(self, record: LogRecord) -> str:
        return _redact(self._formatter.format(record))


def _redact(text: str) -> str:
    if not text.strip():
        return text
    from modelpact.security.leak_scan import redact

    return redact(text)
