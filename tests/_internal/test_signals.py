"""Signals are held back, raised once, and raised again if the code swallows them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType, FunctionType

import pytest

from modelpact._internal.signals import FORCING, SIGNALS, held_signals, interruptible

NEW = {signal.SIGINT: signal.default_int_handler}

STATUSES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def send(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers are those of a new process, before the test and after it."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # nohup ignores SIGHUP.
    for number in SIGNALS:
        signal.signal(number, NEW.get(number, signal.SIG_DFL))
    new = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    assert {number: signal.getsignal(number) for number in SIGNALS} == new
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def held_until(status: int) -> Iterator[None]:
    """Hold back signals, and check the exit status of what is raised at the end."""
    found: object = 0
    try:
        with held_signals():
            yield
    except KeyboardInterrupt:
        found = 130
    except SystemExit as error:
        found = error.code
    assert found == status


@pytest.mark.parametrize("number", STATUSES)
def test_a_signal_is_held_until_the_end(number: signal.Signals) -> None:
    done = []
    with held_until(STATUSES[number]):
        send(number)
        done.append("after the signal")
    assert done == ["after the signal"]


@pytest.mark.parametrize("number", STATUSES)
def test_interruptible_code_is_interrupted(number: signal.Signals) -> None:
    cleaned = []
    with held_until(STATUSES[number]):
        try:
            with interruptible():
                send(number)
                pytest.fail("the signal was not raised")
        finally:
            send(number)
            cleaned.append("all")
    assert cleaned == ["all"]


def test_a_held_signal_is_raised_before_the_next_interruptible_code() -> None:
    with held_until(143):
        send()
        with interruptible():
            pytest.fail("the code was started")


def test_the_end_of_an_inner_context_does_not_raise_within_the_outer_one() -> None:
    done = []
    with held_until(143):
        with held_signals():
            send()
        done.append("outer")
    assert done == ["outer"]


def test_the_end_of_an_inner_context_raises_in_interruptible_code() -> None:
    with held_until(143), interruptible():
        with held_signals():
            send()
        pytest.fail("the signal was not raised")


@pytest.mark.parametrize("swallows", [True, False], ids=["swallowed", "converted"])
def test_a_signal_that_the_code_hides_is_raised_again(swallows: bool) -> None:
    with held_until(143):
        with interruptible():
            try:
                send()
            except SystemExit as error:
                if not swallows:
                    raise ValueError("something went wrong") from error
        pytest.fail("the signal was not raised again")


def test_a_signal_while_an_error_is_handled_replaces_the_error() -> None:
    with held_until(143):
        try:
            raise ValueError("an error")
        finally:
            send()


@pytest.mark.parametrize("fails", [False, True])
def test_a_signal_is_raised_when_the_database_store_returns(fails: bool) -> None:
    done = []

    def query() -> None:
        send()
        done.append("the query")
        if fails:
            raise ValueError("the query failed")

    in_store = FunctionType(
        query.__code__, {**globals(), "__name__": "sqlalchemy.engine"}, closure=query.__closure__
    )
    tracer = sys.gettrace()
    with held_until(143):
        try:
            with interruptible():
                in_store()
                done.append("after the query")
        finally:
            done.append("clean up")
            sys.settrace(tracer)
    assert done == ["the query", "clean up"]


def test_an_error_without_a_signal_passes() -> None:
    with pytest.raises(ValueError, match="an error"), held_signals(), interruptible():
        raise ValueError("an error")


def test_the_fourth_signal_is_forced() -> None:
    sent = 0
    with held_until(143):
        for _ in range(FORCING + 1):
            sent += 1
            send()
    assert sent == FORCING


def test_the_first_signal_determines_the_status() -> None:
    with held_until(129):
        send(signal.SIGHUP)
        send(signal.SIGINT)


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held_signals(), interruptible():
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_handler_of_the_user_is_called_once_and_not_while_signals_are_held() -> None:
    calls: list[tuple[int, bool]] = []
    holding = False

    def handle(number: int, frame: FrameType | None) -> None:
        calls.append((number, holding))

    before = signal.signal(signal.SIGTERM, handle)
    try:
        with held_signals():
            holding = True
            send()
            holding = False
            with interruptible():
                pass
            with interruptible():
                send()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert calls == [(signal.SIGTERM, False)] * 2


def test_without_a_context_code_is_interrupted_as_usual() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        send(signal.SIGINT)


def test_other_threads_hold_nothing_back() -> None:
    done = []

    def work() -> None:
        with held_signals(), interruptible():
            done.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize("again", [True, False], ids=["held again", "inherited"])
def test_a_forked_process_is_interrupted_though_its_parent_holds_back(again: bool) -> None:
    with contextlib.suppress(SystemExit), held_signals():
        send()  # already received by the parent
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with held_signals() if again else contextlib.nullcontext(), interruptible():
                    send(signal.SIGHUP)
            except SystemExit as error:
                status = int(str(error.code))
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 129
