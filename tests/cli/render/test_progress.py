from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from modelpact.cli.render.console import hide_start, show_start
from modelpact.cli.render.progress import Progress, show_receipt
from modelpact.types import Check, Receipt

CHECKS = [
    Check(code="GOOD", ok=True, detail="as it should be"),
    Check(code="BAD", ok=False, detail="as it should not"),
]


def receipt(**changes: Any) -> Receipt:
    facts = {
        "status": "ok",
        "name": "sums",
        "version": "3",
        "metrics": {"r2": 0.51234},
        "checks": CHECKS,
    }
    return Receipt(
        **{
            **facts,
            "steps": {"model": "Doubler"},
            "seconds": {"fit": 1.5, "load": 0.001},
            **changes,
        }
    )


def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make both streams terminals of 120 columns."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "registered sums version 3; r2=0.5123; 1 of 2 checks passed; receipt in out\n"),
        ({"reused": True, "metrics": {}, "checks": []}, "reused sums version 3; receipt in out\n"),
        (
            {"version": None, "model_uri": "models:/m-1", "metrics": {}, "checks": []},
            "saved sums as models:/m-1, not registered; receipt in out\n",
        ),
    ],
)
def test_one_line_without_a_terminal(
    changes: dict[str, Any], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_receipt(receipt(**changes), Path.cwd() / "out")
    assert capsys.readouterr().out == text


def test_a_folder_elsewhere_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    show_receipt(receipt(), Path("/elsewhere/out"))
    assert capsys.readouterr().out.endswith("receipt in /elsewhere/out\n")


def test_a_table_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(monkeypatch)
    show_receipt(receipt(), Path.cwd() / "out")
    shown = capsys.readouterr().out
    for part in (
        "registered sums version 3",
        "Doubler",
        "r2=0.5123",
        "GOOD: as it should be",
        "BAD: as it should not",
    ):
        assert part in shown
    assert "out/receipt.json" in shown


def test_a_table_without_metrics(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(monkeypatch)
    show_receipt(receipt(metrics={}), Path.cwd() / "out")
    assert "none" in capsys.readouterr().out


def test_finished_stages_stay_visible_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    terminal(monkeypatch)
    mocker.patch("time.perf_counter", side_effect=[0.0, 1.5, 1.5, 14.0])
    mocker.patch("rich.live.Live.start")
    mocker.patch("rich.live.Live.refresh")

    def run() -> None:
        with Progress() as progress:
            progress.stage("fit")
            progress.stage("predict")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["fit                   1.50 s", "predict              12.50 s  failed"]


def test_the_stages_of_a_sweep_do_not_stay(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    terminal(monkeypatch)
    mocker.patch("rich.live.Live.start")
    mocker.patch("rich.live.Live.refresh")
    with Progress(keep_finished=False) as progress:
        progress.stage("fit")
    assert capsys.readouterr().err == ""


def test_the_start_is_shown_on_a_terminal_until_it_is_hidden(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show_start()
    hide_start()
    assert capsys.readouterr().err == ""
    terminal(monkeypatch)
    show_start()
    assert capsys.readouterr().err == "starting\r"
    hide_start()
    assert capsys.readouterr().err == "\x1b[K"


def test_nothing_is_shown_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.stage("fit")
    assert capsys.readouterr() == ("", "")
