"""Jobs in processes: their order, crashes, imported modules, and forking or spawning."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from modelpact.cli.error_reporting import translate
from modelpact.cli.sweeps import process_pool
from modelpact.errors import ConfigError, SweepError

LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}}
HYDRA = OmegaConf.create({"hydra": {"hydra_logging": LOGGING, "verbose": False}})


class Unpicklable(Exception):
    def __reduce__(self) -> Any:
        raise TypeError("not this one")


class Worker:
    """Runs jobs whose only override is a word that scripts them."""

    config = HYDRA

    def prepare_launch(self) -> None: ...

    def run_job(self, overrides: Sequence[str], number: int) -> JobReturn:
        word = overrides[0]
        if word == "raise":
            raise KeyError("of Hydra's own")
        returned = JobReturn(status=JobStatus.COMPLETED)
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "leave":
            os._exit(7)
        if word == "fail":
            returned.status, returned.return_value = (
                JobStatus.FAILED,
                SweepError("it failed", remedy="Mend it."),
            )
        elif word == "odd":
            returned.status, returned.return_value = JobStatus.FAILED, Unpicklable("odd")
        elif word == "wait":
            try:
                Path(f"begun{number}").touch()
                time.sleep(60)
            finally:
                Path("closed").touch()
        else:
            time.sleep(0.02 if number % 2 else 0.0)
            returned.return_value = (number, os.getpid(), "modelpact.made_by_hand" in sys.modules)
        return returned


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hydra's logging is configured by a launch."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report no other thread: pytest may have one, which would make forking unsafe."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


def made(n_jobs: int = 2) -> process_pool.ProcessPool:
    worker: Any = Worker()
    return process_pool.ProcessPool(worker, n_jobs)


def launched(*words: str, first: int = 0, n_jobs: int = 2) -> list[JobReturn]:
    processes = made(n_jobs)
    with processes.ready(len(words)):
        return processes.run([[word] for word in words], first)


def test_results_are_in_job_order_and_processes_are_reused() -> None:
    values = [result.return_value for result in launched(*["go"] * 8, first=3)]
    assert [number for number, _, _ in values] == list(range(3, 11))
    pids = {pid for _, pid, _ in values}
    assert len(pids) == 2
    assert os.getpid() not in pids


def add_marker_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a module that only a forked process has."""
    monkeypatch.setitem(sys.modules, "modelpact.made_by_hand", sys)


def have_marker(results: list[JobReturn]) -> set[bool]:
    return {result.return_value[2] for result in results}


def test_a_process_starts_with_the_imported_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    add_marker_module(monkeypatch)
    assert have_marker(launched("go", "go")) == {True}
    assert set(process_pool.LATE_IMPORTS) <= set(sys.modules)


def test_failed_early_imports_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("broken.py").write_text("raise SystemError('broken')")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.setattr(process_pool, "LATE_IMPORTS", ("broken", "nowhere.at_all"))
    assert [result.status for result in launched("go")] == [JobStatus.COMPLETED]


def another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)


def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = SimpleNamespace(cuda=SimpleNamespace(is_initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "torch", torch)


def another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")


@pytest.mark.parametrize("unsafe", [another_thread, cuda, another_system])
@pytest.mark.slow
def test_a_process_is_spawned_if_forking_is_unsafe(
    unsafe: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_marker_module(monkeypatch)
    unsafe(monkeypatch)
    assert have_marker(launched("go", n_jobs=1)) == {False}


def test_a_replacement_process_is_spawned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_marker_module(monkeypatch)
    first, _, last = launched("go", "die", "go", n_jobs=1)
    assert have_marker([first]) == {True}
    assert have_marker([last]) == {False}


def test_processes_live_as_long_as_the_pool_is_ready() -> None:
    processes = made(1)
    with processes.ready(2):
        pids = {result.return_value[1] for _ in range(2) for result in processes.run([["go"]], 0)}
        assert len(pids) == 1
        assert [child.pid for child in multiprocessing.active_children()] == list(pids)
    assert multiprocessing.active_children() == []
    processes.run([["go"]], 0)  # by a sweeper that does not know of it
    assert multiprocessing.active_children() == []


def test_there_are_at_most_as_many_processes_as_jobs() -> None:
    with made(4).ready(1):
        assert len(multiprocessing.active_children()) == 1
    with made(4).ready(0):
        assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_processes_end_with_a_killed_sweep() -> None:
    processes = made(2)
    sweep = os.fork()
    if sweep == 0:
        with processes.ready(2):
            Path("workers.new").write_text(
                " ".join(str(child.pid) for child in multiprocessing.active_children())
            )
            Path("workers.new").rename("workers")
            time.sleep(60)
        os._exit(0)
    while not Path("workers").exists():
        time.sleep(0.01)
    os.kill(sweep, signal.SIGKILL)
    os.waitpid(sweep, 0)
    deadline = time.monotonic() + 30
    while alive := [
        pid for pid in Path("workers").read_text().split() if Path(f"/proc/{pid}/cmdline").exists()
    ]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("word", "how"), [("die", "was killed by SIGKILL"), ("leave", "ended with status 7")]
)
def test_a_crashed_process_fails_only_its_job(word: str, how: str) -> None:
    results = launched("go", word, "go", word, "go")
    assert [result.status for result in results] == [
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.COMPLETED,
    ]
    with pytest.raises(SweepError, match=f"the process of the job {how}"):
        _ = results[1].return_value


def test_errors_are_returned_unchanged_or_as_text() -> None:
    failed, odd, raised = launched("fail", "odd", "raise")
    with pytest.raises(SweepError, match="it failed") as caught:
        _ = failed.return_value
    assert caught.value.remedy == "Mend it."
    with pytest.raises(SweepError, match="Unpicklable: odd"):
        _ = odd.return_value
    with pytest.raises(KeyError, match="of Hydra's own"):
        _ = raised.return_value


def test_an_interrupt_lets_running_jobs_clean_up() -> None:
    def stop() -> None:
        deadline = time.monotonic() + 60
        while not Path("begun0").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    stopping = threading.Thread(target=stop)
    stopping.start()
    with pytest.raises(KeyboardInterrupt):
        launched("wait", n_jobs=1)
    stopping.join()
    assert Path("closed").exists()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("n_jobs", [0, -1, "many", 1.5])
def test_n_jobs_is_validated(n_jobs: Any) -> None:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    with pytest.raises(InstantiationException) as caught:
        instantiate(
            {
                "_target_": "hydra_plugins.modelpact_process_launcher.ProcessLauncher",
                "n_jobs": n_jobs,
            }
        )
    error = translate(caught.value)
    assert isinstance(error, ConfigError)
    assert error.message == f"hydra.launcher.n_jobs={n_jobs} is not a positive integer"
