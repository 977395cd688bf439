"""Runs the examples of a Markdown page: `console` blocks as a shell would, `python` blocks in one namespace.

In a `console` block a line that begins with `$ ` is a command, and what follows is what it prints (both streams, in the order
stdout, stderr); `...` stands for any text. `modelpact` runs in this process, everything else in a shell; a last line `[exit N]`
is the exit status where it is not 0. All blocks of a page share one working folder. Where an `sh` block starts the LiteLLM proxy
of examples/litellm, a stand-in for it runs until the page ends.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

from stand_in import running

BLOCK = re.compile(r"^```(console|python|yaml|json|csv|sh)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_page(page: Path) -> int:
    """Run every example of a page; returns how many commands and statements were run, and raises where one differs."""
    with contextlib.ExitStack() as servers:
        return _run(page, servers)


def _run(page: Path, servers: contextlib.ExitStack) -> int:
    namespace: dict[str, object] = {}
    ran = 0
    for language, title, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        file = re.search(r"title=(\S+)", title)
        if file is not None:  # a file that the examples use
            path = Path(file[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
        elif language == "sh" and "litellm --config" in body:
            servers.enter_context(running())
        elif language == "console":
            ran += _run_console(page, body)
        elif language == "python":
            ran += _run_python(page, body, namespace)
    return ran


def _run_console(page: Path, body: str) -> int:
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    for part in parts:
        command, _, wanted = part.partition("\n")
        got = _modelpact(command) if command.startswith("modelpact ") else _shell(command)
        _compare(f"{page.name}: $ {command}", wanted, got)
    return len(parts)


def _modelpact(command: str) -> str:
    from modelpact.cli import main

    out, err = io.StringIO(), io.StringIO()
    status = 0
    argv, sys.argv = sys.argv, shlex.split(command)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as stop:
                status = int(stop.code or 0)
    finally:
        sys.argv = argv
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
    assert checker.check_output(wanted.strip() + "\n", got.strip() + "\n", flags), f"{what}\nwanted:\n{wanted}\ngot:\n{got}"
