"""The cores of this machine: threads of this process, and processes where Python's lock keeps threads from more than one core."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from modelpact.batch.base import Part, PartResult
from modelpact.batch.scoring import Plan, Scorer, score_in_worker
from modelpact.errors import PredictError

if TYPE_CHECKING:
    from modelpact.loaders import Adapter

__all__ = ["cores", "run"]

PATIENCE = 10.0
"""Seconds until it is asked whether processes would pay."""

WORTH = 30.0
"""Seconds that must be left then: each process imports MLflow and loads the model first."""

AHEAD = 2
"""So many parts a lane may be done before those in front of them."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    plan: Plan, adapter: Adapter, parts: Iterator[Part], workers: int | None, processes: int | None
) -> Iterator[PartResult]:
    """Answer parts on this machine, and give them in their order.

    Args:
        plan: What is to be done.
        adapter: The model.
        parts: What is to be answered.
        workers: Threads of this process; None for one a core.
        processes: Further processes instead; 0 for none, None for none until they would pay.
    """
    n_threads = 1 if processes else workers or cores()
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            _one_core("blas")
        )  # else those of each lane wait for each other, and burn the cores by that
        lanes = _OrderedWorkers(parts, n_threads + (processes or 0))
        stack.callback(lanes.stop)
        if not processes:
            for _ in range(n_threads):
                lanes.add(Scorer(plan, adapter).score)
        else:
            _add_processes(plan, lanes, processes, stack)
        watch = _GilMonitor(n_threads) if processes is None and n_threads > 1 else None
        for scored in lanes.results():
            yield scored
            if watch is not None and watch.would_pay(scored.part.share):
                _add_processes(plan, lanes, n_threads, stack)
                lanes.retire(n_threads - 1)
                watch = None


def _add_processes(
    plan: Plan, lanes: _OrderedWorkers, number: int, stack: contextlib.ExitStack
) -> None:
    import multiprocessing

    pool = ProcessPoolExecutor(
        number, mp_context=multiprocessing.get_context("spawn")
    )  # a fork would copy locks of threads
    stack.callback(pool.shutdown, wait=True, cancel_futures=True)
    for _ in range(number):
        lanes.add(lambda part: _in_process(pool, plan, part))


def _in_process(pool: ProcessPoolExecutor, plan: Plan, part: Part) -> PartResult:
    try:
        return pool.submit(score_in_worker, plan, part).result()
    except BrokenProcessPool as error:
        raise PredictError(
            f"a process that asked {plan.uri} about rows {part.first} to {part.first + part.n_rows - 1} has ended",
            remedy="It may have run out of memory: ask about fewer rows at once with task.batch_size, or set task.processes=0.",
            uri=plan.uri,
        ) from error


def _one_core(kind: str) -> contextlib.AbstractContextManager[object]:
    """Let numeric libraries work on the core that they are called on: `blas` in all threads, `openmp` in this one."""
    from threadpoolctl import threadpool_limits

    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1, user_api=kind)
    return limits


class _GilMonitor:
    """Tells threads that wait for each other: the process is busy on one core, and most of the work is still to come."""

    def __init__(self, n_threads: int) -> None:
        self._n_threads = n_threads
        self._began = time.monotonic(), time.process_time()
        self._share: float | None = None

    def would_pay(self, share: float) -> bool:
        """Whether further processes would, where this share of the input is done."""
        if self._share is None:
            self._share = share  # what was done before
            return False
        spent = time.monotonic() - self._began[0]
        if spent < PATIENCE or share <= self._share:
            return False
        left = spent * (1 - share) / (share - self._share)
        busy = (time.process_time() - self._began[1]) / spent
        return left > WORTH and 0.7 < busy < 1 + 0.4 * (self._n_threads - 1)


_FAREWELL = 10.0
"""Seconds that a part has to end where nobody waits for it any longer; its thread does not outlive the process."""


class _OrderedWorkers:
    """Threads that take part after part, and hand over what has become of them in order."""

    def __init__(self, parts: Iterator[Part], width: int) -> None:
        self._parts = parts
        self._turn = threading.Lock()
        self._changed = threading.Condition()
        self._room = threading.Semaphore(AHEAD * width)
        self._done: dict[int, PartResult | BaseException] = {}
        self._taken = 0
        self._end: int | None = None
        self._stopped = False
        self._retired = 0
        self._threads: list[threading.Thread] = []

    def add(self, score: Callable[[Part], PartResult]) -> None:
        """Begin another lane."""
        thread = threading.Thread(target=self._work, args=(score, len(self._threads)), daemon=True)
        self._threads.append(thread)
        thread.start()

    def retire(self, number: int) -> None:
        """Let the first lanes end with the part that they are at."""
        self._retired = number

    def stop(self) -> None:
        """End all lanes as soon as their parts are done."""
        self._stopped = True
        for _ in self._threads:
            self._room.release()
        for thread in self._threads:
            thread.join(_FAREWELL)

    def results(self) -> Iterator[PartResult]:
        """What has become of each part, in order."""
        place = 0
        while True:
            with self._changed:
                while place not in self._done and (self._end is None or place < self._end):
                    self._changed.wait()
                if place not in self._done:
                    return
                found = self._done.pop(place)
            self._room.release()
            if isinstance(found, BaseException):
                raise found
            yield found
            place += 1

    def _work(self, score: Callable[[Part], PartResult], lane: int) -> None:
        with _one_core("openmp"):
            self._answer(score, lane)

    def _answer(self, score: Callable[[Part], PartResult], lane: int) -> None:
        while lane >= self._retired:
            self._room.acquire()
            if self._stopped:
                return
            place, part = self._next()
            if part is None:
                self._room.release()
                return
            found: PartResult | BaseException
            try:
                found = part if isinstance(part, BaseException) else score(part)
            except BaseException as error:
                found = error
                with self._turn:  # no part behind it is begun
                    self._finish(self._taken)
            with self._changed:
                self._done[place] = found
                self._changed.notify()

    def _next(self) -> tuple[int, Part | BaseException | None]:
        """The next part; an error where it cannot be read, None where there is none."""
        with self._turn:
            if self._end is not None:
                return 0, None
            try:
                part: Part | BaseException = next(self._parts)
            except StopIteration:
                self._finish(self._taken)
                return 0, None
            except BaseException as error:
                self._finish(self._taken + 1)
                part = error
            self._taken += 1
            return self._taken - 1, part

    def _finish(self, end: int) -> None:
        with self._changed:
            self._end = end
            self._changed.notify()
