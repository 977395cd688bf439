# ruff: noqa: T201
"""Redaction of what a process prints and logs."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor

import pytest

from modelpact.security.redacted_output import redact_logs, redact_output, redacted_output

VALUE = "zQ8/plover+77xkT=91ab"


@pytest.fixture(autouse=True)
def _variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_KEY", VALUE)


def test_both_streams_are_redacted_and_restored(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with redacted_output():
        print("out", VALUE)
        print("err", VALUE, file=sys.stderr)
    assert capsys.readouterr() == ("out [redacted]\n", "err [redacted]\n")
    assert before == (sys.stdout, sys.stderr)


def test_a_name_and_its_value_that_are_written_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with redacted_output():
        print("api_key:", "q7Zx2mPv9KfT", file=sys.stderr)
    assert capsys.readouterr().err == "api_key: [redacted]\n"


def test_an_unfinished_line_is_written_when_it_is_flushed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with redacted_output():
        print("continue? ", end="", flush=True)
        assert capsys.readouterr().out == "continue? "
        print("no", end="")
    assert capsys.readouterr().out == "no"


def test_wrapping_twice_redacts_once(capsys: pytest.CaptureFixture[str]) -> None:
    with redacted_output():
        outer = sys.stdout
        with redacted_output():
            assert sys.stdout is outer
            print(VALUE)
        print(VALUE)
    assert capsys.readouterr().out == "[redacted]\n[redacted]\n"


def test_a_spawned_process(capfd: pytest.CaptureFixture[str]) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=redact_output) as pool:
        pool.submit(print, VALUE).result()
        pool.submit(warnings.warn, VALUE).result()
    captured = capfd.readouterr()
    assert captured.out == "[redacted]\n"
    assert "UserWarning: [redacted]" in captured.err


def test_lines_of_several_threads_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        for _ in range(200):
            sys.stdout.write("one line\n")

    with redacted_output():
        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert capsys.readouterr().out.splitlines() == ["one line"] * 800


def test_logs_are_redacted_with_their_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    redact_logs()
    try:
        raise KeyError(VALUE)
    except KeyError:
        logging.getLogger("any").exception("for %s", VALUE)
    err = capsys.readouterr().err
    assert VALUE not in err
    assert err.startswith("for [redacted]\nTraceback")
    assert "KeyError: '[redacted]'" in err
