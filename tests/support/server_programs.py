"""Servers in processes of their own, with programs from virtual environments of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


def _end(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:]


def clean_environment(**more: str) -> dict[str, str]:
    """Return environment variables for a program, without those of the tests."""
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | more


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def is_listening(port: int) -> bool:
    """Return whether a process listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def run_server(
    command: list[str], log: Path, is_up: Callable[[], bool], seconds: float = 180, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server during the block; `seconds` is the timeout of its start."""
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, **options) as running,
    ):
        try:
            end = time.monotonic() + seconds
            while not is_up():
                assert running.poll() is None, _end(log)
                assert time.monotonic() < end, (
                    f"{command[0]} is not up after {seconds} seconds: {_end(log)}"
                )
                time.sleep(0.1)
            yield running
        finally:
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()
