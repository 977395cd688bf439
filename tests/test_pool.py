"""Jobs in forked processes: their order, what becomes of one that dies, and what they start with."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from modelpact.complaints import explain
from modelpact.errors import ConfigError, SweepError
from modelpact.plugins import pool
from modelpact.signals import sigterm_raises

LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}}
HYDRA = OmegaConf.create({"hydra": {"hydra_logging": LOGGING, "verbose": False}})


class Unpicklable(Exception):
    def __reduce__(self) -> Any:
        raise TypeError("not this one")


class Work:
    """Jobs that say in one word what they do."""

    config = HYDRA

    def composed(self, overrides: Sequence[str], number: int) -> tuple[str, int]:
        return overrides[0], number

    def run(self, composed: tuple[str, int]) -> JobReturn:
        word, number = composed
        returned = JobReturn(status=JobStatus.COMPLETED)
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "leave":
            os._exit(7)
        if word == "fail":
            returned.status, returned.return_value = JobStatus.FAILED, SweepError("it failed", remedy="Mend it.")
        elif word == "odd":
            returned.status, returned.return_value = JobStatus.FAILED, Unpicklable("odd")
        elif word == "wait":
            Path(f"begun{number}").touch()
            try:
                with sigterm_raises():
                    time.sleep(60)
            finally:
                Path("closed").touch()
        else:
            time.sleep(0.02 if number % 2 else 0.0)
            returned.return_value = (number, os.getpid(), os.environ.get("OF_THE_SWEEP"))
        return returned


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hydra's logging is configured by a launch."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def launched(*words: str, first: int = 0, n_jobs: int = 2) -> list[JobReturn]:
    work: Any = Work()
    return pool.launch_on_processes(work, [[word] for word in words], first, n_jobs=n_jobs)


def test_results_are_in_the_order_of_the_jobs_and_processes_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_SWEEP", "yes")  # set after the server that they are forked from was started
    values = [result.return_value for result in launched(*["go"] * 8, first=3)]
    assert [number for number, _, _ in values] == list(range(3, 11))
    pids = {pid for _, pid, _ in values}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert {told for _, _, told in values} == {"yes"}


@pytest.mark.parametrize(("word", "how"), [("die", "was killed by SIGKILL"), ("leave", "ended with status 7")])
def test_a_process_that_dies_loses_its_job_and_no_other(word: str, how: str) -> None:
    results = launched("go", word, "go", word, "go")
    assert [result.status for result in results] == [
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.COMPLETED,
        JobStatus.FAILED,
        JobStatus.COMPLETED,
    ]
    with pytest.raises(SweepError, match=f"its process {how}"):
        _ = results[1].return_value


def test_an_error_comes_back_as_it_is_or_in_words() -> None:
    failed, odd = launched("fail", "odd")
    with pytest.raises(SweepError, match="it failed") as caught:
        _ = failed.return_value
    assert caught.value.remedy == "Mend it."
    with pytest.raises(SweepError, match="Unpicklable: odd"):
        _ = odd.return_value


def test_who_is_stopped_gives_its_jobs_time_to_close_what_they_have_open() -> None:
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


def test_what_a_configuration_names_is_imported_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    monkeypatch.setattr(forkserver, "set_forkserver_preload", found.append)
    monkeypatch.setattr(forkserver, "ensure_running", lambda: found.append(os.environ["MODELPACT_PRELOAD"].split()))
    config = {"model": {"_target_": "a.b.C", "estimator": {"_target_": "sklearn.linear_model.Ridge"}}, "x": [{"_target_": "d.E"}]}
    pool.preload(config)
    modules, names = found
    assert modules == ["modelpact.plugins.preloaded"]
    assert {"a.b", "sklearn.linear_model", "d", "modelpact.pipeline", "skops.io"} <= set(names)
    found.clear()
    pool.preload({"model": {"_target_": "a.b.C"}})
    assert "skops.io" not in found[1]
    assert "MODELPACT_PRELOAD" not in os.environ


def test_each_name_that_is_imported_ahead_exists() -> None:
    assert [name for name in (*pool.LATE, *pool.OF_ESTIMATORS) if find_spec(name) is None] == []


def test_a_module_that_cannot_be_imported_is_left_to_the_job_that_needs_it() -> None:
    Path("broken.py").write_text("raise SystemError('broken')")
    script = "import modelpact.plugins.preloaded, os, sys; print('json' in sys.modules, os.environ.get('MODELPACT_PRELOAD'))"
    environment = {**os.environ, "MODELPACT_PRELOAD": "broken nowhere.at_all json"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True None\n", "")


@pytest.mark.parametrize("n_jobs", [0, -1, "many", 1.5])
def test_a_number_of_processes_is_one(n_jobs: Any) -> None:
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    with pytest.raises(InstantiationException) as caught:
        instantiate({"_target_": "hydra_plugins.modelpact_process_launcher.ProcessLauncher", "n_jobs": n_jobs})
    error = explain(caught.value)
    assert isinstance(error, ConfigError)
    assert error.message == f"hydra.launcher.n_jobs={n_jobs} is not a number of processes"
