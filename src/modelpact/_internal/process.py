"""Process identities that survive PID reuse: they distinguish a killed job from a running one.

psutil is not used: its create time moves with the system clock, so after a clock correction
a running job would look dead, and its import takes longer than this file's work.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PATTERN", "Process"]

_HOST_TAG = "modelpact.host"
_PID_TAG = "modelpact.pid"
_CREATE_TIME_TAG = "modelpact.pid_create_time"

_PROC = Path("/proc")

PATTERN = r"[0-9a-f]{8}-\d+-(?:[0-9a-f]{8}_\d+)?"
"""Regular expression that matches `Process.token`."""


@dataclass(frozen=True, slots=True)
class Process:
    """The identity of a process, different from every other process with the same PID.

    Attributes:
        host: The host name and a digest of the machine id and the PID namespace (container).
        pid: The process ID.
        create_time: The boot id and the clock tick of the start on Linux; elsewhere empty.
    """

    host: str
    pid: int
    create_time: str

    @classmethod
    def current(cls) -> Process:
        """Return the identity of this process."""
        return _current(os.getpid())

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Process | None:
        """Return the process that the tags of a run name, or None."""
        if _HOST_TAG not in tags or not tags.get(_PID_TAG, "").isdigit():
            return None
        return cls(tags[_HOST_TAG], int(tags[_PID_TAG]), tags.get(_CREATE_TIME_TAG, ""))

    @classmethod
    def from_token(cls, token: str) -> Process:
        """Return the process of a token; its `host` is only a digest."""
        host, pid, create_time = token.split("-")
        return cls(host, int(pid), create_time)

    def tags(self) -> dict[str, str]:
        """Return the identity as tags of a run."""
        tags = {_HOST_TAG: self.host, _PID_TAG: str(self.pid)}
        if self.create_time:
            tags[_CREATE_TIME_TAG] = self.create_time
        return tags

    @property
    def token(self) -> str:
        """The identity as part of a file name."""
        return f"{_digest(self.host)}-{self.pid}-{self.create_time}"

    def is_running(self) -> bool | None:
        """Return whether the process is running, or None if it cannot be determined from here.

        It cannot be determined for another machine or container, nor on Windows. Outside Linux,
        where the create time is unknown, any process with the same PID counts as this one.
        """
        here = Process.current()
        if self.host not in (here.host, _digest(here.host)) or os.name == "nt":
            return None
        create_time = _read_create_time(self.pid)
        if create_time is not None and self.create_time:
            return create_time == self.create_time
        return _pid_exists(self.pid)


@functools.lru_cache(maxsize=1)
def _current(pid: int) -> Process:
    return Process(_host(), pid, _read_create_time(pid) or "")


@functools.cache
def _host() -> str:
    distinction = ""
    with contextlib.suppress(OSError):
        text = Path("/etc/machine-id").read_text(encoding="utf-8", errors="replace")
        distinction += text.strip()
    with contextlib.suppress(OSError):
        distinction += os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{_digest(distinction)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _read_create_time(pid: int) -> str | None:
    """Return when a process started, or None if it is not running or /proc does not exist."""
    try:
        state, *fields = _read_stat(pid)
        boot_id = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return None
    start_ticks = fields[18]
    return None if state in "ZX" else f"{boot_id}_{start_ticks}"


def _pid_exists(pid: int) -> bool:
    """Return whether a PID belongs to a process that has not ended."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        # the process exists and belongs to another user
        return True
    try:
        return _read_stat(pid)[0] not in "ZX"
    except OSError:
        return True


def _read_stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on.

    The process name comes before them and may contain anything, including spaces and brackets.
    """
    stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    return stat.rpartition(")")[2].split()
