"""Runs `modelpact` commands in the process of the test."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

import pytest

from modelpact.cli import main

SETS_MODE = re.compile(r"experiment=|hydra|--config")
"""Arguments that can set `hydra.mode`. Without one, Hydra need not compose everything once more
to read the mode, which is null."""


@dataclass(frozen=True)
class CommandResult:
    """The exit status and the output of a command."""

    status: int
    out: str
    err: str


class CommandRunner:
    """Runs commands like the console script `modelpact`."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str) -> CommandResult:
        """Run one command."""
        from hydra.core.global_hydra import GlobalHydra

        GlobalHydra.instance().clear()
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["modelpact", *arguments])
        if not any(SETS_MODE.match(argument) for argument in arguments):
            self._monkeypatch.setattr("hydra._internal.hydra.Hydra.get_mode", lambda *_, **__: None)
        status = 0
        try:
            main.main()
        except SystemExit as error:
            status = int(error.code or 0)
        captured = self._capsys.readouterr()
        return CommandResult(status, captured.out, captured.err)


@pytest.fixture
def modelpact(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandRunner:
    """Return a runner of `modelpact` commands."""
    return CommandRunner(capsys, monkeypatch)
