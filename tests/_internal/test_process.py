from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelpact._internal import process as processes
from modelpact._internal.process import Process


@pytest.fixture(params=["linux", "elsewhere"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """With the process table of Linux, and without one."""
    if request.param == "elsewhere":
        monkeypatch.setattr(processes, "_PROC", Path("/no/such/folder"))
    elif not Path("/proc/self/stat").exists():
        pytest.skip("this is not Linux")
    processes._current.cache_clear()
    yield request.param
    processes._current.cache_clear()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as running:
        yield running
        running.kill()


def process(pid: int) -> Process:
    return Process(Process.current().host, pid, processes._read_create_time(pid) or "")


def test_the_current_process_is_running(kind: str) -> None:
    here = Process.current()
    assert here.is_running() is True
    assert here.pid == os.getpid()
    assert bool(here.create_time) == (kind == "linux")


def test_tags_and_token_are_read_back(kind: str) -> None:
    here = Process.current()
    assert Process.from_tags({**here.tags(), "team": "lab"}) == here
    assert Process.from_token(here.token).is_running() is True
    assert Process.from_token(here.token).pid == here.pid


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"modelpact.host": "a"},
        {"modelpact.pid": "1"},
        {"modelpact.host": "a", "modelpact.pid": "x"},
    ],
)
def test_incomplete_tags_have_no_process(tags: dict[str, str]) -> None:
    assert Process.from_tags(tags) is None


@pytest.mark.usefixtures("kind")
def test_a_child_process_is_running_until_it_is_killed(child: subprocess.Popen[bytes]) -> None:
    other = process(child.pid)
    assert other.is_running() is True
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert other.is_running() is False


def test_a_zombie_process_is_not_running(child: subprocess.Popen[bytes]) -> None:
    other = process(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert other.is_running() is False


def test_a_reused_pid_is_another_process(child: subprocess.Popen[bytes]) -> None:
    other = process(child.pid)
    assert Process(other.host, other.pid, "0123abcd_1").is_running() is False
    assert (
        Process(other.host, other.pid, "").is_running() is True
    )  # it was not known when that one began


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("pid", [2**22 + 1, 10**30])
def test_an_impossible_pid_is_not_running(pid: int) -> None:
    assert Process(Process.current().host, pid, "").is_running() is False


def test_a_process_of_another_user_is_running(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(processes, "_PROC", Path("/no/such/folder"))
    assert Process(Process.current().host, 1, "").is_running() is True


def test_a_process_of_another_host_is_unknown() -> None:
    here = Process.current()
    assert Process("elsewhere/0123abcd", here.pid, here.create_time).is_running() is None
    assert (
        Process(here.host.partition("/")[0] + "/another", here.pid, here.create_time).is_running()
        is None
    )


def test_a_forked_process_has_its_own_identity() -> None:
    before = Process.current()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, Process.current().token.encode())
        os._exit(0)
    os.waitpid(child, 0)
    label = os.read(reading, 200).decode()
    os.close(reading)
    os.close(writing)
    assert label != before.token
    assert Process.from_token(label).pid == child
    assert Process.current() == before
