"""Jobs in processes of this machine: each begins with all that jobs import, and takes one job after another.

The processes are forked from a server that Python's `multiprocessing` keeps: it has one thread and does nothing but import, so no
lock is held when it forks. It imports while this process composes and checks the sweep.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import types
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, cast

from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals

from modelpact.errors import SweepError
from modelpact.plugins.preloaded import VARIABLE
from modelpact.plugins.workers import Work

__all__ = ["launch_on_processes", "preload"]

GRACE = 20.0
"""Seconds that a job has to close what it has open when the sweep is stopped."""

LATE = (
    "alembic.migration",
    "filelock",
    "git",
    "mlflow.pyfunc.scoring_server",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracing.processor.base_mlflow",
    "modelpact.pipeline",
    "modelpact.tasks.publish",
)
"""What a job imports when it is under way, and no `_target_` names."""

OF_ESTIMATORS = ("mlflow.sklearn", "skops.io")
"""The same for jobs that save scikit-learn's estimators."""

log = logging.getLogger(__name__)


class _Context(Protocol):
    def Pipe(self) -> tuple[Connection, Connection]: ...  # noqa: N802  # multiprocessing's own names
    def Process(self, *, target: Any, args: tuple[Any, ...]) -> Any: ...  # noqa: N802


def preload(config: Mapping[str, Any]) -> None:
    """Start the process that others are forked from, where the system has such a thing; it imports what a configuration names.

    Args:
        config: A configuration, as plain data, in which `_target_` names classes.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    from multiprocessing import forkserver

    named = dict.fromkeys(target.rpartition(".")[0] for target in _targets(config))
    late = (*LATE, *OF_ESTIMATORS) if any(name.startswith("sklearn.") for name in named) else LATE
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = " ".join(name for name in [*late, *named] if name)
    try:
        forkserver.set_forkserver_preload(["modelpact.plugins.preloaded"])
        forkserver.ensure_running()
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def launch_on_processes(work: Work, jobs: Sequence[Sequence[str]], first: int, *, n_jobs: int) -> list[JobReturn]:
    """Run jobs in processes.

    Args:
        work: What the jobs have in common.
        jobs: The overrides of each.
        first: The number of the first.
        n_jobs: How many processes there are at once.

    Returns:
        What each job returned, in their order; one whose process died has failed.
    """
    setup_globals()
    configure_log(work.config.hydra.hydra_logging, work.config.hydra.verbose)
    log.info("%d processes run %d jobs", min(n_jobs, len(jobs)), len(jobs))
    returned: dict[int, JobReturn] = {}
    with _workers(work, n_jobs) as workers:
        waiting = deque(enumerate(jobs, start=first))
        while waiting or workers.busy:
            while waiting and workers.free:
                number, overrides = waiting.popleft()
                log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
                workers.give(number, overrides)
            for number, result in workers.results():
                returned[number] = result
    return [returned[number] for number in sorted(returned)]


class _Workers:
    """Processes, each with at most one job at a time; they are started as they are needed.

    Args:
        work: What the jobs have in common.
        most: How many processes there may be.
    """

    def __init__(self, work: Work, most: int) -> None:
        import cloudpickle

        methods = multiprocessing.get_all_start_methods()
        self._context = cast("_Context", multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn"))
        self._work, self._pickled, self._most = work, cloudpickle.dumps(work), most
        self._processes: dict[Connection, Any] = {}
        self.busy: dict[Connection, tuple[int, list[str]]] = {}

    @property
    def free(self) -> bool:
        """Whether one of them could take a job."""
        return len(self.busy) < self._most

    def give(self, number: int, overrides: Sequence[str]) -> None:
        """Give a job to one that has none."""
        composed = self._work.composed(overrides, number)
        idle = [connection for connection in self._processes if connection not in self.busy]
        connection = idle[0] if idle else self._start()
        self.busy[connection] = (number, list(overrides))
        with contextlib.suppress(OSError):  # it died while it had nothing to do: `results` will see that
            connection.send_bytes(pickle.dumps(composed))

    def results(self) -> Iterator[tuple[int, JobReturn]]:
        """Wait until jobs have ended; their numbers and what they returned."""
        for ready in wait(list(self.busy)):
            connection = cast("Connection", ready)
            number, overrides = self.busy.pop(connection)
            try:
                result: JobReturn = pickle.loads(connection.recv_bytes())  # noqa: S301  # of our own process
            except (EOFError, OSError):
                result = self._lost(connection, number, overrides)
            yield number, result

    def end(self) -> None:
        """End them all; those that still have a job get a signal, and time to close what they have open."""
        for connection, process in self._processes.items():
            connection.close()
            if connection in self.busy:
                process.terminate()
        for process in self._processes.values():
            process.join(GRACE)
            if process.is_alive():
                process.kill()
                process.join()

    def _start(self) -> Connection:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._pickled, dict(os.environ)))
        with _no_main():
            process.start()
        theirs.close()  # the other end of a pipe must be the worker's alone, or its death would go unseen
        self._processes[ours] = process
        return ours

    def _lost(self, connection: Connection, number: int, overrides: list[str]) -> JobReturn:
        process = self._processes.pop(connection)
        connection.close()
        process.join()
        code = process.exitcode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        lost = SweepError(f"its process {how}", remedy="Is there memory enough for so many jobs at once? Resume the sweep.")
        log.error("job %d (%s) failed: %s", number, " ".join(filter_overrides(overrides)), lost.message)
        failed = JobReturn(overrides=overrides, status=JobStatus.FAILED)
        failed.return_value = lost
        return failed


@contextlib.contextmanager
def _workers(work: Work, most: int) -> Iterator[_Workers]:
    workers = _Workers(work, most)
    try:
        yield workers
    finally:
        workers.end()


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Keep `multiprocessing` from running the program's own file in the process that is started, whose work is elsewhere."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve(connection: Connection, pickled: bytes, environment: dict[str, str]) -> None:
    """Take jobs until there are no more; what runs in a worker."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server that it is forked from ignores it
    os.environ.clear()  # the server has that of its own beginning
    os.environ.update(environment)
    work: Work = pickle.loads(pickled)  # noqa: S301  # of our own process
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt, SystemExit):  # whoever gave jobs is gone, or has said why
        while True:
            composed = pickle.loads(connection.recv_bytes())  # noqa: S301
            connection.send_bytes(_pickled(work.run(composed)))


def _pickled(result: JobReturn) -> bytes:
    """A result for the sweep, which knows the job's configuration; an error that cannot travel is told in words."""
    result.cfg = result.hydra_cfg = None
    try:
        return pickle.dumps(result)
    except Exception as error:  # whatever a pickler meets in somebody's exception
        value = result._return_value
        told = f"{type(value).__name__}: {value}" if isinstance(value, Exception) else f"its result cannot be pickled: {error}"
        result.return_value = SweepError(told)
        return pickle.dumps(result)


def _targets(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping):
        target = config.get("_target_")
        if isinstance(target, str):
            yield target
        for value in config.values():
            yield from _targets(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _targets(value)
