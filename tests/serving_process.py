"""`task=serve` in a process of its own, and clients that do what no HTTP library does."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
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
def serving(model: Path | str, folder: Path, *settings: str, seconds: float = 90) -> Iterator[Served]:
    """The server of a model; `seconds` is how long its start may take."""
    log = folder / "served.log"
    program = Path(__file__).parents[1] / "run.py"
    command = [sys.executable, str(program), "task=serve", f"task.uri={model}", "task.port=0", *settings]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            yield Served(_port(process, log, seconds), process, log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


def _port(process: subprocess.Popen[bytes], log: Path, seconds: float) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        text = log.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"http://[^\s:]+:(\d+)", text)
        if found is not None:
            return int(found[1])
        assert process.poll() is None, text
        time.sleep(0.05)
    raise AssertionError(f"the server did not start in {seconds} seconds:\n{log.read_text()}")
