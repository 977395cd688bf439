from __future__ import annotations

import io
import sys

import pytest

from modelpact.models.chat import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("delay", "is_shown"), [(0.0, True), (60.0, False)])
def test_a_bar_appears_on_a_terminal_after_the_delay(
    monkeypatch: pytest.MonkeyPatch, delay: float, is_shown: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress_bar, "DELAY", delay)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress_bar.row_progress(3) as advance:
        for _ in range(3):
            advance()
    assert ("3/3" in terminal.getvalue()) == is_shown


def test_no_bar_appears_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_bar, "DELAY", 0.0)
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    with progress_bar.row_progress(1) as advance:
        advance()
    assert stream.getvalue() == ""
