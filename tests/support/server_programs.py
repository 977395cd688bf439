"""Servers in processes of their own, with programs from virtual environments of their own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")


def create_environment(cache: Path, text: str, *requirements: object) -> Path:
    """The folder with an environment's programs, one for each text; where it is not there yet, pip fills a new one."""
    folder = cache / hashlib.sha256(text.encode()).hexdigest()[:12]
    folder.parent.mkdir(parents=True, exist_ok=True)
    complete = folder / "complete"
    with FileLock(f"{folder}.lock"):
        if not complete.exists():
            _run(folder, sys.executable, "-m", "venv", "--clear", folder)
            _run(
                folder, folder / "bin" / "python", "-m", "pip", "install", "--quiet", *requirements
            )
            complete.touch()
    return folder / "bin"


def _run(folder: Path, *command: object) -> None:
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        known = {
            name: value
            for name, value in os.environ.items()
            if name not in {"PYTHONPATH", "VIRTUAL_ENV"}
        }
        done = subprocess.run(
            [str(part) for part in command], env=known, stdout=output, stderr=output, check=False
        )
    assert done.returncode == 0, _end(log)


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
    command: list[str], log: Path, is_up: Callable[[], bool], seconds: float = 60, **options: Any
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
