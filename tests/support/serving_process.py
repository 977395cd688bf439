"""`task=serve` in a process of its own, and clients that do what no HTTP library does."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT, import_environment
from tests.support.server_programs import run_server


@dataclass(frozen=True)
class ServerProcess:
    """A server that runs.

    Attributes:
        port: Where it listens.
        process: The process.
        log: What it has written.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """A connection of which one sends every byte oneself."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextlib.contextmanager
def start_server(
    model: Path | str, folder: Path, *settings: str, seconds: float = 90
) -> Iterator[ServerProcess]:
    """The server of a model; `seconds` is how long its start may take."""
    log = folder / "served_models.log"
    program = ROOT / "run.py"
    command = [
        sys.executable,
        str(program),
        "task=serve",
        f"task.uri={model}",
        "task.port=0",
        *settings,
    ]
    environment = import_environment()
    with run_server(
        command, log, lambda: _port(log) > 0, seconds, cwd=folder, env=environment
    ) as process:
        yield ServerProcess(_port(log), process, log)


def _port(log: Path) -> int:
    """Where it says that it listens; 0 as long as it has not."""
    found = re.search(r"http://[^\s:]+:(\d+)", log.read_text(encoding="utf-8", errors="replace"))
    return int(found[1]) if found else 0
