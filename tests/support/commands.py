"""The command line, run in this process."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from modelpact.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


class Commands:
    """Runs commands as `modelpact` would."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str) -> Ended:
        """Run one command, with a store and requirements that cost nothing."""
        from hydra.core.global_hydra import GlobalHydra

        GlobalHydra.instance().clear()
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["modelpact", *arguments])
        status = 0
        try:
            main.main()
        except SystemExit as error:
            status = int(error.code or 0)
        captured = self._capsys.readouterr()
        return Ended(status, captured.out, captured.err)


@pytest.fixture
def modelpact(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Run `modelpact` with arguments, in this process."""
    return Commands(capsys, monkeypatch)
