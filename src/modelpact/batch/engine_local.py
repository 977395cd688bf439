"""Runs a batch on this machine: in threads, and in processes if the GIL limits the threads."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Literal

from modelpact._internal.guards import capture
from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import Scorer, ScoringPlan, score_in_worker
from modelpact.errors import PredictError
from modelpact.security.redacted_output import redact_output

if TYPE_CHECKING:
    from modelpact.loaders import Adapter

__all__ = ["count_cores", "run"]

WARM_UP = 10.0
"""Seconds before the GIL monitor decides."""

MIN_REMAINING = 30.0
"""Seconds of remaining work that justify starting processes, which import MLflow first."""

PARTS_AHEAD = 2
"""Parts per worker that may be finished before an earlier part."""

JOIN_TIMEOUT = 10.0
"""Seconds to wait for a thread after an error; threads are daemons."""


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    plan: ScoringPlan,
    adapter: Adapter,
    parts: Iterator[Part],
    workers: int | None,
    processes: int | None,
) -> Iterator[PartResult]:
    """Score parts on this machine; yield the results in order.

    Args:
        plan: The plan.
        adapter: The model.
        parts: The parts.
        workers: The number of threads; None for one per core.
        processes: The number of processes that replace the threads; 0 for none, None to start
            them if they are worthwhile.
    """
    n_threads = 1 if processes else workers or count_cores()
    with contextlib.ExitStack() as stack:
        # BLAS threads of several workers would compete for the same cores.
        stack.enter_context(_limit_threads("blas"))
        pool = _OrderedWorkers(parts, n_threads + (processes or 0))
        stack.callback(pool.stop)
        if processes:
            _add_processes(plan, pool, processes, stack)
        else:
            _add_threads(plan, adapter, pool, n_threads)
        may_add_processes = processes is None and n_threads > 1
        monitor = _GilMonitor(n_threads)
        for result in pool.results():
            yield result
            if may_add_processes and monitor.recommends_processes(result.part.share):
                may_add_processes = False
                _add_processes(plan, pool, n_threads, stack)
                pool.retire(n_threads - 1)


def _add_threads(plan: ScoringPlan, adapter: Adapter, pool: _OrderedWorkers, number: int) -> None:
    for _ in range(number):
        pool.add(Scorer(plan, adapter).score)


def _add_processes(
    plan: ScoringPlan, pool: _OrderedWorkers, number: int, stack: contextlib.ExitStack
) -> None:
    import multiprocessing

    # A fork would copy locks that other threads hold.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(number, mp_context=context, initializer=redact_output)
    stack.callback(executor.shutdown, wait=True, cancel_futures=True)
    for _ in range(number):
        pool.add(lambda part: _score_in_process(executor, plan, part))


def _score_in_process(executor: ProcessPoolExecutor, plan: ScoringPlan, part: Part) -> PartResult:
    try:
        return executor.submit(score_in_worker, plan, part).result()
    except BrokenProcessPool as error:
        raise PredictError(
            f"a worker process died while {plan.uri} scored rows {part.first} to {part.last}",
            remedy="It may have run out of memory. "
            "Reduce task.batch_size, or use threads only: task.processes=0.",
            uri=plan.uri,
        ) from error


def _limit_threads(
    api: Literal["blas", "openmp"],
) -> contextlib.AbstractContextManager[object]:
    """Limit numeric libraries to one thread per call.

    BLAS is limited in all threads of the process, OpenMP in the current thread.
    """
    from threadpoolctl import threadpool_limits

    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1, user_api=api)
    return limits


class _GilMonitor:
    """Detects threads that wait for the GIL while most of the work is still to be done.

    Args:
        n_threads: The number of threads.
    """

    def __init__(self, n_threads: int) -> None:
        self._n_threads = n_threads
        self._wall_start = time.monotonic()
        self._cpu_start = time.process_time()
        self._first_share: float | None = None

    def recommends_processes(self, share: float) -> bool:
        """Return whether processes are worthwhile.

        Args:
            share: The share of the input that is done, from 0 to 1.
        """
        if self._first_share is None:
            # Parts that were finished before a resume do not count.
            self._first_share = share
            return False
        elapsed = time.monotonic() - self._wall_start
        if elapsed < WARM_UP or share <= self._first_share:
            return False
        remaining = elapsed * (1 - share) / (share - self._first_share)
        busy_cores = (time.process_time() - self._cpu_start) / elapsed
        is_one_core = 0.7 < busy_cores < 1 + 0.4 * (self._n_threads - 1)
        return remaining > MIN_REMAINING and is_one_core


class _OrderedWorkers:
    """Threads that score parts concurrently and return the results in order.

    Args:
        parts: The parts.
        n_workers: The expected number of threads; bounds the number of finished parts that wait.
    """

    def __init__(self, parts: Iterator[Part], n_workers: int) -> None:
        self._parts = parts
        self._parts_lock = threading.Lock()
        self._changed = threading.Condition()
        self._slots = threading.Semaphore(PARTS_AHEAD * n_workers)
        self._results: dict[int, PartResult | BaseException] = {}
        self._n_taken = 0
        self._n_total: int | None = None
        self._is_stopped = False
        self._n_retired = 0
        self._threads: list[threading.Thread] = []

    def add(self, score: Callable[[Part], PartResult]) -> None:
        """Start a thread that scores parts with a function."""
        worker = len(self._threads)
        thread = threading.Thread(target=self._run, args=(score, worker), daemon=True)
        self._threads.append(thread)
        thread.start()

    def retire(self, number: int) -> None:
        """End the first threads after their current parts."""
        self._n_retired = number

    def stop(self) -> None:
        """End all threads after their current parts."""
        self._is_stopped = True
        for _ in self._threads:
            self._slots.release()
        for thread in self._threads:
            thread.join(JOIN_TIMEOUT)

    def results(self) -> Iterator[PartResult]:
        """Yield the result of each part, in order; raise the first error in its place."""
        index = 0
        while True:
            with self._changed:
                while index not in self._results and not self._is_end(index):
                    self._changed.wait()
                if index not in self._results:
                    return
                result = self._results.pop(index)
            self._slots.release()
            if isinstance(result, BaseException):
                raise result
            yield result
            index += 1

    def _is_end(self, index: int) -> bool:
        return self._n_total is not None and index >= self._n_total

    def _run(self, score: Callable[[Part], PartResult], worker: int) -> None:
        with _limit_threads("openmp"):
            while worker >= self._n_retired:
                self._slots.acquire()
                if self._is_stopped:
                    return
                index, part = self._take_part()
                if part is None:
                    self._slots.release()
                    return
                self._store(index, self._score(score, part))

    def _score(
        self, score: Callable[[Part], PartResult], part: Part | BaseException
    ) -> PartResult | BaseException:
        if isinstance(part, BaseException):
            return part
        result = capture(lambda: score(part), BaseException)
        if isinstance(result, BaseException):
            # No further part is started.
            with self._parts_lock:
                self._set_total(self._n_taken)
        return result

    def _take_part(self) -> tuple[int, Part | BaseException | None]:
        """Return the next part; the error if it cannot be read, None if all are taken."""
        with self._parts_lock:
            if self._n_total is not None:
                return 0, None
            index = self._n_taken
            part = capture(lambda: next(self._parts, None), BaseException)
            self._n_taken += part is not None
            if not isinstance(part, Part):
                self._set_total(self._n_taken)
            return index, part

    def _store(self, index: int, result: PartResult | BaseException) -> None:
        with self._changed:
            self._results[index] = result
            self._changed.notify()

    def _set_total(self, total: int) -> None:
        with self._changed:
            self._n_total = total
            self._changed.notify()
