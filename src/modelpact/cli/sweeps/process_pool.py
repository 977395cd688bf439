"""Running jobs in processes of this machine that have imported everything before the first job.

The processes are forked after every job of the sweep was built, and before the store is opened, so
that neither a connection nor a lock is copied. If a fork is unsafe or unsupported, each process is
spawned and imports on its own.

joblib's loky starts processes that import everything again, which takes longer than a job; this
pool is ours because its processes share the imports and the built jobs.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import multiprocessing
import pickle
import signal
import sys
import threading
import types
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, cast

from hydra.core.utils import JobReturn, filter_overrides

from modelpact._internal.guards import capture
from modelpact._internal.signals import held_signals, interruptible
from modelpact.cli import gc_tuning
from modelpact.cli.sweeps.workers import WorkerContext, failed_job
from modelpact.errors import SweepError

__all__ = ["ProcessPool"]

GRACE_SECONDS = 20.0
"""The time that a job has to close its run when the sweep is stopped."""

LATE_IMPORTS = (
    "alembic.migration",
    "filelock",
    "git",
    "mlflow.pyfunc.scoring_server",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.tracing.processor.base_mlflow",
)
"""Modules that running a job imports, and building it does not."""

log = logging.getLogger(__name__)


class _Context(Protocol):
    def Pipe(self) -> tuple[Connection, Connection]: ...  # noqa: N802
    def Process(self, *, target: object, args: tuple[object, ...]) -> Any: ...  # noqa: N802


class ProcessPool:
    """Processes for the jobs of a sweep, each with at most one job at a time.

    Args:
        worker: What the jobs share.
        n_processes: The maximum number of processes.
    """

    def __init__(self, worker: WorkerContext, n_processes: int) -> None:
        self._worker, self._n_processes = worker, n_processes
        self._processes: dict[Connection, Any] = {}
        self._busy: dict[Connection, tuple[int, list[str]]] = {}
        self._persistent = False

    @contextlib.contextmanager
    def ready(self, n_jobs: int) -> Iterator[None]:
        """Fork processes for `n_jobs` jobs, if a fork is safe, and keep them within the context.

        Outside of it, each call of `run` starts processes of its own.
        """
        self._persistent = True
        try:
            if n_jobs and _can_fork():
                _import_ahead()
                # Frozen objects are not visited, so their pages stay shared.
                gc_tuning.resume()
                for _ in range(min(n_jobs, self._n_processes)):
                    self._start("fork")
            yield
        finally:
            self._persistent = False
            self.stop()

    def run(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Run jobs.

        Args:
            jobs: The overrides of each job.
            first: The number of the first job.

        Returns:
            The result of each job, in order; a job whose process died has failed.
        """
        self._worker.prepare_launch()
        log.info("%d processes run %d jobs", min(self._n_processes, len(jobs)), len(jobs))
        results: dict[int, JobReturn] = {}
        queue = deque(enumerate(jobs, start=first))
        try:
            while queue or self._busy:
                self._submit_next(queue)
                results |= self._wait_for_results()
        finally:
            if self._busy or not self._persistent:
                self.stop()
        return [results[number] for number in sorted(results)]

    def stop(self) -> None:
        """Stop all processes; a running job gets SIGTERM and time to close its run."""
        for connection, process in self._processes.items():
            connection.close()
            if connection in self._busy:
                process.terminate()
        for process in self._processes.values():
            process.join(GRACE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes, self._busy = {}, {}

    def _submit_next(self, queue: deque[tuple[int, Sequence[str]]]) -> None:
        """Send the next jobs while a process is idle or may be started."""
        while queue and len(self._busy) < self._n_processes:
            number, overrides = queue.popleft()
            log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
            self._submit(number, overrides)

    def _submit(self, number: int, overrides: Sequence[str]) -> None:
        """Send a job to an idle process."""
        idle = [connection for connection in self._processes if connection not in self._busy]
        connection = idle[0] if idle else self._start("spawn")
        self._busy[connection] = (number, list(overrides))
        # The process may have died while it was idle; `_wait_for_results` detects that.
        with contextlib.suppress(OSError):
            connection.send((list(overrides), number))

    def _wait_for_results(self) -> dict[int, JobReturn]:
        """Wait until at least one job has ended, and return results by job number."""
        results: dict[int, JobReturn] = {}
        for ready in wait(list(self._busy)):
            connection = cast("Connection", ready)
            number, overrides = self._busy.pop(connection)
            try:
                # The pickle comes from our own process.
                results[number] = pickle.loads(connection.recv_bytes())  # noqa: S301
            except (EOFError, OSError):
                error = self._remove_dead(connection)
                results[number] = failed_job(overrides, number, error)
        return results

    def _start(self, method: str) -> Connection:
        context = cast("_Context", multiprocessing.get_context(method))
        ours, theirs = context.Pipe()
        if method == "fork":
            arguments = (theirs, self._worker, [ours, *self._processes])
            process = context.Process(target=_serve_forked, args=arguments)
            process.start()
        else:
            import cloudpickle

            pickled = cloudpickle.dumps(self._worker)
            process = context.Process(
                target=_serve_spawned, args=(theirs, pickled, gc.get_threshold())
            )
            with _without_main_module():
                process.start()
        # With a second copy of the worker's end, its death would go unnoticed.
        theirs.close()
        self._processes[ours] = process
        return ours

    def _remove_dead(self, connection: Connection) -> SweepError:
        process = self._processes.pop(connection)
        connection.close()
        process.join()
        code = process.exitcode
        killed = code < 0
        how = (
            f"was killed by {signal.Signals(-code).name}" if killed else f"ended with status {code}"
        )
        return SweepError(
            f"the process of the job {how}",
            remedy="Check that there is enough memory for this many concurrent jobs,"
            " then resume the sweep.",
        )


def _can_fork() -> bool:
    """Return whether a fork is safe: on Linux, without other threads and without CUDA."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and not (cuda is not None and cuda.is_initialized())
    )


def _import_ahead() -> None:
    """Import what jobs will import, so that each forked process shares it."""
    for name in LATE_IMPORTS:
        # For example git without the program; a job that needs it raises a clear error.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


@contextlib.contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep `multiprocessing` from importing the main module of the program in a spawned process."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve_forked(connection: Connection, worker: WorkerContext, others: list[Connection]) -> None:
    # With a copy of the sweep's end, a worker would not notice that the sweep has ended.
    for other in others:
        other.close()
    _serve(connection, worker)


def _serve_spawned(connection: Connection, pickled: bytes, threshold: tuple[int, int, int]) -> None:
    gc.set_threshold(*threshold)
    # The pickle comes from our own process.
    worker: WorkerContext = pickle.loads(pickled)  # noqa: S301
    _serve(connection, worker)


def _serve(connection: Connection, worker: WorkerContext) -> None:
    """Run jobs in a worker process until the sweep closes the connection."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with (
        contextlib.suppress(EOFError, OSError, KeyboardInterrupt, SystemExit),
        held_signals(),
        interruptible(),
    ):
        while True:
            overrides, number = connection.recv()
            connection.send_bytes(_pickle_result(_run(worker, overrides, number)))


def _run(worker: WorkerContext, overrides: list[str], number: int) -> JobReturn:
    # Errors of composing; an error of the job itself is part of its result.
    result = capture(lambda: worker.run_job(overrides, number), Exception)
    return failed_job(overrides, number, result) if isinstance(result, Exception) else result


def _pickle_result(result: JobReturn) -> bytes:
    """Pickle a result without its configuration, which the sweep knows.

    An error that cannot be pickled is replaced by its text.
    """
    result.cfg = result.hydra_cfg = None
    try:
        return pickle.dumps(result)
    # Pickling a user's exception can raise anything.
    except Exception as error:
        value = result._return_value
        if isinstance(value, Exception):
            text = f"{type(value).__name__}: {value}"
        else:
            text = f"the result of the job cannot be pickled: {error}"
        result.return_value = SweepError(text)
        return pickle.dumps(result)
