from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from modelpact import publish
from modelpact.pipeline.notebook_progress import notebook_observer
from tests.support.publishing import steps


class FakeIPython(ModuleType):
    """IPython with a shell, which has a kernel in a notebook only."""

    def __init__(self, *, kernel: bool) -> None:
        super().__init__("IPython")
        self.shown: list[str] = []
        self.shell = SimpleNamespace(kernel=object()) if kernel else SimpleNamespace()
        self.display = SimpleNamespace(display=self._display)

    def get_ipython(self) -> Any:
        return self.shell

    def _display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        return SimpleNamespace(update=lambda data, raw: self.shown.append(data["text/plain"]))


def test_a_notebook_shows_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython = FakeIPython(kernel=True)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    publish(**steps())
    assert ipython.shown[0] == "modelpact: check"
    assert ipython.shown[-1].startswith("modelpact: check, open, read, ")
    assert ipython.shown[-1].endswith(", verify, register")


def test_a_terminal_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", FakeIPython(kernel=False))
    assert notebook_observer() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook_observer() is None
