"""`Sweep`: from a list of combinations to an account of what came of them; it owns MLflow's parent run."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal.files import log_text, write_atomically
from modelpact._internal.process import Process
from modelpact._internal.text import truncate
from modelpact.cli.sweeps.html_report import page
from modelpact.cli.sweeps.record import SweepRecord, differences
from modelpact.cli.sweeps.results import Result, best, csv_text, read_results
from modelpact.errors import AliasError, ConfigError, SweepError
from modelpact.registry.aliases import Aliases

if TYPE_CHECKING:
    from modelpact.tracking import Store, Tracking

__all__ = ["Sweep"]

log = logging.getLogger(__name__)


class Sweep:
    """One sweep and its folder.

    Args:
        folder: Where its record and its jobs' folders are.
        base: The configuration that its jobs have in common, as plain data, unresolved.
        tracking: The store that its parent run is in.
        title: What the parent run is called.
        resume: Whether to go on with the sweep that is in the folder.

    Attributes:
        results: What came of its jobs, when it has run; empty before.

    Raises:
        SweepError: There is a sweep in the folder and it is not to be resumed, or the other way round, or it is another one.
    """

    def __init__(
        self,
        folder: Path,
        base: dict[str, Any],
        tracking: Tracking,
        *,
        title: str = "sweep",
        resume: bool = False,
    ) -> None:
        self.folder = folder
        self.tracking = tracking
        self.title = title
        before = SweepRecord.read(folder)
        self.resumed = before is not None
        if before is None and resume:
            raise SweepError(
                f"{folder} holds no sweep to resume",
                remedy="Name its folder: resume=true hydra.sweep.dir=multirun/<date>/<time>.",
            )
        if before is not None and not resume:
            raise SweepError(
                f"{folder} holds a sweep already",
                remedy="Set resume=true to go on with it, or leave hydra.sweep.dir out for a folder of its own.",
            )
        fresh = SweepRecord(base=base, jobs=[])
        if (
            before is not None
        ):  # compared as they are written: JSON knows neither infinity nor keys that are numbers
            _refuse_other(
                "configuration differs", differences(before.base, fresh.as_written().base), folder
            )
        self.record = before or fresh
        self.results: list[Result] = []

    def plan(self, combinations: list[list[str]]) -> list[int]:
        """Take up all combinations of a sweep; returns the numbers of those that are still to be done.

        Raises:
            SweepError: It is resumed, and these are not its combinations.
        """
        if self.resumed:
            known = self.record.jobs
            lost = [
                f"job {number} ({' '.join(job)}) is gone"
                for number, job in enumerate(known)
                if job not in combinations
            ]
            new = [f"{' '.join(job)} is new" for job in combinations if job not in known]
            _refuse_other("combinations differ", [*lost, *new], self.folder)
            return [
                result.number
                for result in read_results(self.record, self.folder)
                if result.status != "ok"
            ]
        return self.extend(combinations)

    def extend(self, combinations: list[list[str]]) -> list[int]:
        """Add combinations that were not known before, as a sweeper that learns finds them; returns their numbers."""
        first = len(self.record.jobs)
        self.record = self.record.model_copy(update={"jobs": [*self.record.jobs, *combinations]})
        if self.record.parent is not None:
            self.record.write(self.folder)
        return list(range(first, len(self.record.jobs)))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Keep the parent run open while the jobs run; it is FAILED when one of them did, KILLED when the sweep was stopped.

        Raises:
            StoreError: The store cannot be opened.
            SweepError: Another process is running this sweep.
        """
        with self._alone():
            yield from self._running()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise SweepError(
                f"{self.folder} holds a sweep that another process is running",
                remedy="Wait until it has ended, or end that process; then resume.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _running(self) -> Iterator[None]:
        with self.tracking.open() as store:
            parent, own = self.record.parent, Process.current().tags()
            if parent is None:
                tags = {"mlflow.runName": self.title, "modelpact.sweep": "parent", **own}
                parent = store.client.create_run(store.experiment_id, tags=tags).info.run_id
            else:
                for (
                    key,
                    value,
                ) in (
                    own.items()
                ):  # first: a run that is RUNNING without a living process gets repaired
                    store.client.set_tag(parent, key, value)
                store.client.update_run(parent, status="RUNNING")
            self.record = self.record.model_copy(
                update={"parent": parent, "calls": self.record.calls + 1}
            )
            self.record.write(self.folder)
        status: Literal["FINISHED", "FAILED", "KILLED"] = "KILLED"
        try:
            yield
            status = "FINISHED"
        except Exception:
            status = "FAILED"
            raise
        finally:
            self.results = read_results(self.record, self.folder)
            if status == "FINISHED" and any(result.status != "ok" for result in self.results):
                status = "FAILED"
            self._close(parent, status)

    def promote(self, alias: str) -> Result | None:
        """Move an alias to the version of the best job; returns that job, or None where none was registered.

        Raises:
            SweepError: It is protected, or the store refused.
        """
        winner = best(
            [
                result
                for result in self.results
                if result.receipt is not None and result.receipt.version is not None
            ]
        )
        if winner is None or winner.receipt is None or winner.receipt.version is None:
            return None
        receipt = winner.receipt
        why = f"job {winner.number} is the best of {len(self.results)} by {next(iter(receipt.metrics))}"
        try:
            with self.tracking.open() as store:
                Aliases(store.client, receipt.name).move(
                    alias, int(str(receipt.version)), by="sweep", why=why
                )
        except (AliasError, ConfigError) as error:
            raise SweepError(
                f"sweep.promote={alias}: the alias cannot be moved to version {receipt.version}: {error.message}",
                remedy=error.remedy,
            ) from error
        return winner

    def _close(self, parent: str, status: str) -> None:
        """Write the account into the folder and into the parent run; a store that fails now takes nothing away from the jobs."""
        files = {"sweep.csv": csv_text(self.results), "sweep.html": page(self.results, self.title)}
        for name, text in files.items():
            write_atomically(self.folder / name, text)
        try:
            with self.tracking.open() as store:
                for name, text in files.items():
                    log_text(store.client, parent, text, name)
                winner = best(self.results)
                if winner is not None and winner.receipt is not None:
                    store.client.set_tag(parent, "modelpact.best_job", str(winner.number))
                    for metric, value in winner.receipt.metrics.items():
                        store.client.log_metric(parent, metric, value)
                if status == "KILLED":
                    _close_children(store, parent)
                store.client.set_terminated(parent, status)
        except Exception as error:  # whatever a store, its server or its files' server raises
            log.warning(
                "the sweep's account could not be put into MLflow, it is in %s: %s",
                self.folder,
                truncate(error, 200),
            )


def _close_children(store: Store, parent: str) -> None:
    """Close the runs of jobs that were ended with the sweep before they could do it: a launcher kills its processes."""
    running = f"tags.`mlflow.parentRunId` = '{parent}' and attributes.status = 'RUNNING'"
    for run in store.client.search_runs([store.experiment_id], running, max_results=1000):
        store.client.set_terminated(run.info.run_id, "KILLED")


def _refuse_other(what: str, lines: list[str], folder: Path) -> None:
    if lines:
        shown = [*lines[:20], f"and {len(lines) - 20} more"] if len(lines) > 20 else lines
        raise SweepError(
            f"{folder} is the folder of another sweep; its {what}:\n"
            + "\n".join(f"  {line}" for line in shown),
            remedy="Resume with the very command that began it, or start a sweep of its own without resume and hydra.sweep.dir.",
            differences=lines,
        )
