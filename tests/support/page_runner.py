"""Runs the examples of a Markdown page.

* In a `console` block, a line that starts with `$ ` is a command. The lines after it are its output,
  stdout before stderr, where `...` matches any text. A last line `[exit N]` is an exit status other
  than 0. `modelpact` commands run in this process, all others in a shell.
* `modelpact ... &` runs in a process of its own until `kill %1` or the end of the page. Port 8000 is
  replaced with a free one.
* `python` blocks share one namespace, and all blocks share one working folder.
* A block with `title=...` is written to that file.
* If an `sh` block starts the LiteLLM proxy of examples/litellm, a fake one runs until the page ends.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import logging
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.support.stand_in import running

BLOCK = re.compile(
    r"^```(console|python|yaml|json|csv|diff|sh)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL
)


class Background:
    """The background process of a page."""

    def __init__(self) -> None:
        self.port = "8000"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: str, wanted: str) -> str:
        """Start a command and return as many of its first lines as are wanted."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        output = Path("background.log")
        program = [sys.executable, str(Path(__file__).parents[2] / "run.py")]
        arguments = [re.sub(r"\b8000\b", self.port, part) for part in shlex.split(command)[1:]]
        with output.open("wb") as file:
            self._process = subprocess.Popen([*program, *arguments], stdout=file, stderr=file)
        end = time.monotonic() + 90
        while output.read_text(encoding="utf-8").count("\n") < wanted.strip().count("\n") + 1:
            assert self._process.poll() is None, output.read_text(encoding="utf-8")
            assert time.monotonic() < end, f"{command} printed nothing in 90 seconds"
            time.sleep(0.05)
        return output.read_text(encoding="utf-8").replace(self.port, "8000")

    def end(self) -> str:
        """Terminate the process, and return its exit status as a page shows it."""
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(60)
        self._process = None
        return f"[exit {status}]\n" if status else ""

    def close(self) -> None:
        """Kill the process if it is still running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def run_page(page: Path) -> int:
    """Run every example of a page, and return the number of commands and statements.

    Raises:
        AssertionError: The output of an example differs.
    """
    with contextlib.ExitStack() as servers:
        return _run(page, servers)


def _run(page: Path, servers: contextlib.ExitStack) -> int:
    namespace: dict[str, object] = {}
    background = Background()
    servers.callback(background.close)
    ran = 0
    for language, title, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        file = re.search(r"title=(\S+)", title)
        if file is not None:
            path = Path(file[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
        elif language == "sh" and "litellm --config" in body:
            servers.enter_context(running())
        elif language == "console":
            ran += _run_console(page, body, background)
        elif language == "python":
            ran += _run_python(page, body, namespace)
    return ran


def _run_console(page: Path, body: str, background: Background) -> int:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    for part in parts:
        command, _, wanted = part.partition("\n")
        if command.endswith(" &"):
            got = background.start(command.removesuffix(" &"), wanted)
        elif command == "kill %1":
            got = background.end()
        elif command.startswith("modelpact "):
            got = _modelpact(command)
        else:
            got = _shell(command.replace("localhost:8000", f"127.0.0.1:{background.port}"))
        _compare(f"{page.name}: $ {command}", wanted, got)
    return len(parts)


def _modelpact(command: str) -> str:
    from modelpact.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    status = 0
    argv, sys.argv = sys.argv, shlex.split(command)
    mlflow = logging.getLogger("mlflow")
    level = mlflow.level
    # The level that the command sets if it imports MLflow first.
    mlflow.setLevel(logging.WARNING)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as stop:
                status = int(stop.code or 0)
    finally:
        sys.argv = argv
        mlflow.setLevel(level)
    return out.getvalue() + err.getvalue() + (f"[exit {status}]\n" if status else "")


def _shell(command: str) -> str:
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr + (f"[exit {done.returncode}]\n" if done.returncode else "")


def _run_python(page: Path, body: str, namespace: dict[str, object]) -> int:
    if ">>> " not in body:
        exec(compile(body, page.name, "exec"), namespace)
        return 1
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    test = doctest.DocTestParser().get_doctest(body, namespace, page.name, page.name, 0)
    report = io.StringIO()
    runner.run(test, out=report.write, clear_globs=False)
    namespace.update(test.globs)
    assert not runner.failures, report.getvalue()
    return runner.tries


def _compare(what: str, wanted: str, got: str) -> None:
    checker = doctest.OutputChecker()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert checker.check_output(wanted.strip() + "\n", got.strip() + "\n", flags), (
        f"{what}\nwanted:\n{wanted}\ngot:\n{got}"
    )
