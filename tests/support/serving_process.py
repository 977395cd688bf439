"""`task=serve` in a separate process, and clients that no HTTP library provides."""

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
    """A running server.

    Attributes:
        port: Its port.
        process: The process.
        log: Its output.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        """Return a raw connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextlib.contextmanager
def start_server(
    model: Path | str, folder: Path, *settings: str, seconds: float = 90
) -> Iterator[ServerProcess]:
    """Run a server of a model during the block; `seconds` is the timeout of its start."""
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
    """Return the port in the log; 0 if it is not there yet."""
    found = re.search(r"http://[^\s:]+:(\d+)", log.read_text(encoding="utf-8", errors="replace"))
    return int(found[1]) if found else 0
