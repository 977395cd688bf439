from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from modelpact._internal.signals import held_signals, interruptible
from modelpact.errors import DataError, FitError, PactError
from modelpact.pipeline.recorder import RunRecorder
from tests.support.publishing import not_none


def recorder() -> RunRecorder:
    return RunRecorder({"read": DataError, "fit": FitError}, name="sums")


def test_stages_are_timed_in_their_order() -> None:
    account = recorder()
    with account.stage("read"), account.stage("fit"):
        pass
    with account.stage("fit"):
        pass
    receipt = account.build_receipt()
    assert sorted(receipt.seconds) == ["fit", "read"]
    assert all(spent >= 0 for spent in receipt.seconds.values())
    assert (receipt.status, receipt.stage, receipt.error) == ("ok", None, None)


def test_foreign_errors_become_the_error_of_the_stage() -> None:
    account = recorder()
    with (
        pytest.raises(FitError, match="fit failed: ZeroDivisionError: by\nzero") as raised,
        account.stage("fit"),
    ):
        raise ZeroDivisionError("by\nzero")
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    receipt = account.build_receipt(raised.value)
    assert receipt.stage == "fit"
    assert not_none(receipt.error).startswith("FitError: fit failed")
    assert "fit" in receipt.seconds


def test_errors_of_modelpact_are_raised_unchanged() -> None:
    account = recorder()
    error = PactError("as it is")
    with pytest.raises(PactError) as raised, account.stage("fit"):
        raise error
    assert raised.value is error


def check_raised_unchanged(kind: type[BaseException], stop: Callable[[], object]) -> None:
    account = recorder()
    with pytest.raises(kind) as raised, held_signals(), account.stage("fit"), interruptible():
        stop()
    receipt = account.build_receipt(raised.value)
    assert receipt.stage == "fit"
    assert not_none(receipt.error).startswith(kind.__name__)


def test_interrupts_are_raised_unchanged() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    check_raised_unchanged(KeyboardInterrupt, interrupt)


@pytest.mark.parametrize("handler", [signal.SIG_DFL, lambda *_: sys.exit("stopped")])
def test_signals_are_raised_unchanged(handler: Any) -> None:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        check_raised_unchanged(SystemExit, lambda: os.kill(os.getpid(), signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("code", [None, 0, 143, "no licence"])
@pytest.mark.parametrize("context", [contextlib.nullcontext, held_signals])
def test_sys_exit_is_an_error_of_the_stage(context: Any, code: object) -> None:
    with pytest.raises(FitError) as raised, context(), recorder().stage("fit"):
        raise SystemExit(code)
    assert raised.value.message == f"fit failed: SystemExit: {code}"


def test_messages_of_libraries_are_whole_up_to_a_limit() -> None:
    with pytest.raises(FitError) as raised, recorder().stage("fit"):
        raise ValueError("x" * 5000)
    assert raised.value.message == f"fit failed: ValueError: {'x' * 5000}"
    with pytest.raises(FitError) as raised, recorder().stage("fit"):
        raise ValueError("x" * 5_000_000)
    assert len(raised.value.message) < 11_000


def test_recorded_facts_are_in_the_receipt() -> None:
    account = recorder()
    account.record(version="3", metrics={"r2": 0.5})
    assert (account.build_receipt().version, account.build_receipt().metrics) == (
        "3",
        {"r2": 0.5},
    )


def test_the_observer_is_called_for_each_stage() -> None:
    seen: list[str] = []
    account = RunRecorder({}, seen.append, name="sums")
    with account.stage("read"):
        assert seen == ["read"]
