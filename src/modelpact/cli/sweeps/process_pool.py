"""Jobs in processes of this machine: each begins with all that jobs import, and takes one job after another.

The processes are forked when everything is imported and every job of the sweep is built, but before its store is opened, so that
neither a connection nor a lock is copied. Where a fork is not safe, or there is none, each starts anew and imports by itself.
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

from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, setup_globals

from modelpact.cli import gc_tuning
from modelpact.cli.sweeps.workers import Work
from modelpact.errors import SweepError

__all__ = ["Pool"]

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
)
"""What a job imports when it is under way, and checking it does not."""

log = logging.getLogger(__name__)


class _Context(Protocol):
    def Pipe(self) -> tuple[Connection, Connection]: ...  # noqa: N802  # multiprocessing's own names
    def Process(self, *, target: Any, args: tuple[Any, ...]) -> Any: ...  # noqa: N802


class Pool:
    """Processes for the jobs of a sweep, each with at most one job at a time.

    Args:
        work: What the jobs have in common.
        most: How many processes there may be.
    """

    def __init__(self, work: Work, most: int) -> None:
        self._work, self._most = work, most
        self._processes: dict[Connection, Any] = {}
        self._busy: dict[Connection, tuple[int, list[str]]] = {}
        self._lasting = False

    @contextlib.contextmanager
    def ready(self, jobs: int) -> Iterator[None]:
        """Fork as many processes as so many jobs need, if that is safe; without this, each `run` has processes of its own."""
        self._lasting = True
        try:
            if jobs and _can_fork():
                _import_late()
                gc_tuning.resume()  # what is there is looked at no more: a look would copy what all of them share
                for _ in range(min(jobs, self._most)):
                    self._start("fork")
            yield
        finally:
            self._lasting = False
            self.end()

    def run(self, jobs: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Run jobs.

        Args:
            jobs: The overrides of each.
            first: The number of the first.

        Returns:
            What each job returned, in their order; one whose process died has failed.
        """
        setup_globals()
        configure_log(self._work.config.hydra.hydra_logging, self._work.config.hydra.verbose)
        log.info("%d processes run %d jobs", min(self._most, len(jobs)), len(jobs))
        returned: dict[int, JobReturn] = {}
        waiting = deque(enumerate(jobs, start=first))
        try:
            while waiting or self._busy:
                while waiting and len(self._busy) < self._most:
                    number, overrides = waiting.popleft()
                    log.info("\t#%d : %s", number, " ".join(filter_overrides(overrides)))
                    self._give(number, overrides)
                for number, result in self._results():
                    returned[number] = result
        finally:
            if self._busy or not self._lasting:
                self.end()
        return [returned[number] for number in sorted(returned)]

    def end(self) -> None:
        """End them all; those that still have a job get a signal, and time to close what they have open."""
        for connection, process in self._processes.items():
            connection.close()
            if connection in self._busy:
                process.terminate()
        for process in self._processes.values():
            process.join(GRACE)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes, self._busy = {}, {}

    def _give(self, number: int, overrides: Sequence[str]) -> None:
        """Give a job to a process that has none."""
        idle = [connection for connection in self._processes if connection not in self._busy]
        connection = idle[0] if idle else self._start("spawn")
        self._busy[connection] = (number, list(overrides))
        with contextlib.suppress(
            OSError
        ):  # it died while it had nothing to do: `_results` will see that
            connection.send((list(overrides), number))

    def _results(self) -> Iterator[tuple[int, JobReturn]]:
        """Wait until jobs have ended; their numbers and what they returned."""
        for ready in wait(list(self._busy)):
            connection = cast("Connection", ready)
            number, overrides = self._busy.pop(connection)
            try:
                result: JobReturn = pickle.loads(connection.recv_bytes())  # noqa: S301  # of our own process
            except (EOFError, OSError):
                result = self._lost(connection, number, overrides)
            yield number, result

    def _start(self, method: str) -> Connection:
        context = cast("_Context", multiprocessing.get_context(method))
        ours, theirs = context.Pipe()
        if method == "fork":
            process = context.Process(
                target=_serve_forked, args=(theirs, self._work, [ours, *self._processes])
            )
            process.start()
        else:
            import cloudpickle

            process = context.Process(
                target=_serve_spawned,
                args=(theirs, cloudpickle.dumps(self._work), gc.get_threshold()),
            )
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
        how = (
            f"was killed by {signal.Signals(-code).name}"
            if code < 0
            else f"ended with status {code}"
        )
        lost = SweepError(
            f"its process {how}",
            remedy="Is there memory enough for so many jobs at once? Resume the sweep.",
        )
        log.error(
            "job %d (%s) failed: %s", number, " ".join(filter_overrides(overrides)), lost.message
        )
        failed = JobReturn(overrides=overrides, status=JobStatus.FAILED)
        failed.return_value = lost
        return failed


def _can_fork() -> bool:
    """Whether a fork of this process works: with another thread in it, or with CUDA begun, it may not."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and not (cuda is not None and cuda.is_initialized())
    )


def _import_late() -> None:
    """Import what jobs will, so that each process that is forked has it."""
    for name in LATE:
        with contextlib.suppress(
            Exception
        ):  # as of git, where there is no such program: a job that needs it will say so
            importlib.import_module(name)


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Keep `multiprocessing` from running the program's own file in the process that is started, whose work is elsewhere."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve_forked(connection: Connection, work: Work, others: list[Connection]) -> None:
    for other in others:
        other.close()  # a worker with a copy of the sweep's end would not see that the sweep is gone
    _serve(connection, work)


def _serve_spawned(connection: Connection, pickled: bytes, threshold: tuple[int, int, int]) -> None:
    gc.set_threshold(*threshold)
    work: Work = pickle.loads(pickled)  # noqa: S301  # of our own process
    _serve(connection, work)


def _serve(connection: Connection, work: Work) -> None:
    """Take jobs until there are no more; what runs in a worker."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(
        EOFError, OSError, KeyboardInterrupt, SystemExit
    ):  # whoever gave jobs is gone, or has said why
        while True:
            overrides, number = connection.recv()
            connection.send_bytes(_pickled(_run(work, overrides, number)))


def _run(work: Work, overrides: list[str], number: int) -> JobReturn:
    try:
        work.enter()
        return work.run(work.composed(overrides, number))
    except (
        Exception
    ) as error:  # Hydra's, or of composing: what the job itself raises is in what it returns
        log.error("job %d (%s) failed: %s", number, " ".join(filter_overrides(overrides)), error)
        failed = JobReturn(overrides=overrides, status=JobStatus.FAILED)
        failed.return_value = error
        return failed


def _pickled(result: JobReturn) -> bytes:
    """A result for the sweep, which knows the job's configuration; an error that cannot travel is told in words."""
    result.cfg = result.hydra_cfg = None
    try:
        return pickle.dumps(result)
    except Exception as error:  # whatever a pickler meets in somebody's exception
        value = result._return_value
        told = (
            f"{type(value).__name__}: {value}"
            if isinstance(value, Exception)
            else f"its result cannot be pickled: {error}"
        )
        result.return_value = SweepError(told)
        return pickle.dumps(result)
