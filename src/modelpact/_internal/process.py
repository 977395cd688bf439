"""Which process does something, and whether it still lives: what tells a job that was killed from one that is running."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LABEL", "Process"]

_HOST, _PID, _BEGAN = "modelpact.host", "modelpact.pid", "modelpact.pid_began"

_PROC = Path("/proc")

LABEL = r"[0-9a-f]{8}-\d+-(?:[0-9a-f]{8}_\d+)?"
"""What the label of a process looks like, as a regular expression."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from every other that ever had its number.

    Attributes:
        host: The machine's name, and a digest of what else tells it apart: its id, and the container that numbers the processes.
        pid: Its number.
        began: When it began: the boot and the clock tick, on Linux; empty elsewhere.
    """

    host: str
    pid: int
    began: str

    @classmethod
    def current(cls) -> Process:
        """This process."""
        return _current(os.getpid())

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Process | None:
        """The process that tags name; None where they name none."""
        if _HOST not in tags or not tags.get(_PID, "").isdigit():
            return None
        return cls(tags[_HOST], int(tags[_PID]), tags.get(_BEGAN, ""))

    @classmethod
    def labelled(cls, label: str) -> Process:
        """The process of a label; its host is then a digest."""
        host, pid, began = label.split("-")
        return cls(host, int(pid), began)

    def tags(self) -> dict[str, str]:
        """The tags that name it."""
        return {
            _HOST: self.host,
            _PID: str(self.pid),
            **({_BEGAN: self.began} if self.began else {}),
        }

    @property
    def label(self) -> str:
        """What names it within the name of a file."""
        return f"{_digest(self.host)}-{self.pid}-{self.began}"

    def lives(self) -> bool | None:
        """Whether it runs; None where that cannot be told from here, as of another machine or container.

        Linux tells when each process began, so the number of a process that is gone may be another's by now. Elsewhere a process
        with that number counts as this one. On Windows nothing can be told.
        """
        here = Process.current()
        if self.host not in (here.host, _digest(here.host)) or os.name == "nt":
            return None
        found = _began(self.pid)
        if found is not None and self.began:
            return found == self.began
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:  # it is another user's
            return True
        return not _ended(self.pid)


@functools.lru_cache(maxsize=1)
def _current(pid: int) -> Process:
    return Process(_host(), pid, _began(pid) or "")


@functools.cache
def _host() -> str:
    apart = ""
    with contextlib.suppress(OSError):
        apart += Path("/etc/machine-id").read_text(encoding="utf-8", errors="replace").strip()
    with contextlib.suppress(OSError):
        apart += os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{_digest(apart)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _began(pid: int) -> str | None:
    """When a running process began, as Linux tells it; None where it does not run, or that cannot be known."""
    try:
        fields = _stat(pid)
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot}_{fields[19]}"


def _ended(pid: int) -> bool:
    """Whether a process has ended and only its number is kept, until its parent asks how it ended."""
    try:
        return _stat(pid)[0] in "ZX"
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    """What /proc says of a process, from its state on; its name, which comes before, may hold anything."""
    return (
        (_PROC / str(pid) / "stat")
        .read_text(encoding="utf-8", errors="replace")
        .rpartition(")")[2]
        .split()
    )
