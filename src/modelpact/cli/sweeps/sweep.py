"""`Sweep`: a set of jobs with one parent run in MLflow, a record to resume from, and results."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact._internal.files import exclusive_lock, log_text, write_atomically
from modelpact._internal.guards import on_error
from modelpact._internal.process import Process
from modelpact.cli.sweeps.html_report import render_report
from modelpact.cli.sweeps.record import SweepRecord, list_differences
from modelpact.cli.sweeps.results import JobResult, find_best, read_results, to_csv
from modelpact.errors import AliasError, ConfigError, SweepError
from modelpact.registry.aliases import Aliases
from modelpact.tracking.remote_store import log_failure

if TYPE_CHECKING:
    from modelpact.tracking import Store, Tracking

__all__ = ["Sweep"]

MAX_DIFFERENCES = 20
"""Differences that a message lists at most."""


class Sweep:
    """One sweep and its folder.

    Args:
        folder: The folder of the record and of the jobs' folders.
        base: The configuration that all jobs share, as plain data, unresolved.
        tracking: The store of the parent run.
        title: The name of the parent run.
        resume: Whether to resume the sweep in the folder.

    Attributes:
        results: The results of all jobs; empty before the sweep has run.

    Raises:
        SweepError: The folder contains a sweep and `resume` is False, it contains none and `resume`
            is True, or it contains a different sweep.
    """

    def __init__(
        self,
        folder: Path,
        base: dict[str, object],
        tracking: Tracking,
        *,
        title: str = "sweep",
        resume: bool = False,
    ) -> None:
        self.folder = folder
        self.tracking = tracking
        self.title = title
        existing = SweepRecord.read(folder)
        self.resumed = existing is not None
        new = SweepRecord(base=base, jobs=[])
        if existing is None and resume:
            raise SweepError(
                f"{folder} contains no sweep to resume",
                remedy="Set its folder: resume=true hydra.sweep.dir=multirun/<date>/<time>.",
            )
        if existing is not None:
            if not resume:
                raise SweepError(
                    f"{folder} already contains a sweep",
                    remedy="Set resume=true to resume it, or omit hydra.sweep.dir.",
                )
            # JSON supports neither infinity nor keys that are numbers.
            differences = list_differences(existing.base, new.normalize().base)
            _require_same("configuration differs", differences, folder)
        self.record = existing or new
        self.results: list[JobResult] = []

    def plan(self, combinations: list[list[str]]) -> list[int]:
        """Set the jobs of the sweep and return the numbers of the jobs to run.

        Raises:
            SweepError: The sweep is resumed with other combinations.
        """
        if not self.resumed:
            return self.extend(combinations)
        known = self.record.jobs
        removed = [
            f"job {number} ({' '.join(job)}) was removed"
            for number, job in enumerate(known)
            if job not in combinations
        ]
        added = [f"{' '.join(job)} was added" for job in combinations if job not in known]
        _require_same("combinations differ", [*removed, *added], self.folder)
        results = read_results(self.record, self.folder)
        return [result.number for result in results if result.status != "ok"]

    def extend(self, combinations: list[list[str]]) -> list[int]:
        """Add jobs, as a search finds them, and return their numbers."""
        first = len(self.record.jobs)
        self.record = self.record.model_copy(update={"jobs": [*self.record.jobs, *combinations]})
        if self.record.parent is not None:
            self.record.write(self.folder)
        return list(range(first, len(self.record.jobs)))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Keep the parent run open while the jobs run.

        The run ends as FAILED if a job failed, and as KILLED if the sweep was interrupted.

        Raises:
            StoreError: The store cannot be opened.
            SweepError: Another process runs this sweep.
        """
        refusal = SweepError(
            f"another process is running the sweep in {self.folder}",
            remedy="Wait until it has ended, or stop it; then resume the sweep.",
        )
        with exclusive_lock(self.folder / ".lock", refusal):
            parent = self._start_parent()
            with on_error(lambda error: self._end(parent, error)):
                yield
            self._end(parent, None)

    def _end(self, parent: str, error: BaseException | None) -> None:
        self.results = read_results(self.record, self.folder)
        all_ok = error is None and all(result.status == "ok" for result in self.results)
        is_killed = not isinstance(error, Exception | None)
        status = "KILLED" if is_killed else "FINISHED" if all_ok else "FAILED"
        self._end_parent(parent, status, self._write_results())

    def promote(self, alias: str) -> JobResult | None:
        """Move an alias to the version of the best job and return that job.

        Returns None if no job has both a version and a metric.

        Raises:
            SweepError: The alias is protected, or the store failed.
        """
        best = find_best([result for result in self.results if result.version])
        if best is None or best.receipt is None:
            return None
        receipt = best.receipt
        metric = next(iter(best.metrics))
        why = f"job {best.number} is the best of {len(self.results)} by {metric}"
        try:
            with self.tracking.open() as store:
                aliases = Aliases(store.client, receipt.name)
                aliases.move(alias, int(best.version), by="sweep", why=why)
        except (AliasError, ConfigError) as error:
            raise SweepError(
                f"sweep.promote={alias}: cannot move the alias to version {best.version}:"
                f" {error.message}",
                remedy=error.remedy,
            ) from error
        return best

    def _start_parent(self) -> str:
        """Create the parent run, or reopen it, and write the record; return the ID of the run."""
        with self.tracking.open() as store:
            parent, process = self.record.parent, Process.current().tags()
            if parent is None:
                tags = {"mlflow.runName": self.title, "modelpact.sweep": "parent", **process}
                parent = store.client.create_run(store.experiment_id, tags=tags).info.run_id
            else:
                # Tags first: task=repair closes RUNNING runs of processes that have ended.
                for key, value in process.items():
                    store.client.set_tag(parent, key, value)
                store.client.update_run(parent, status="RUNNING")
            self.record = self.record.model_copy(
                update={"parent": parent, "calls": self.record.calls + 1}
            )
            self.record.write(self.folder)
        return str(parent)

    def _write_results(self) -> dict[str, str]:
        """Write `sweep.csv` and `sweep.html` and return their contents by file name."""
        files = {
            "sweep.csv": to_csv(self.results),
            "sweep.html": render_report(self.results, self.title),
        }
        for name, text in files.items():
            write_atomically(self.folder / name, text)
        return files

    def _end_parent(self, parent: str, status: str, files: dict[str, str]) -> None:
        """Log the results to the parent run and end it; a failing store is only a warning."""
        failure = f"cannot log the results of the sweep to MLflow; they are in {self.folder}"
        with log_failure(failure), self.tracking.open() as store:
            for name, text in files.items():
                log_text(store.client, parent, text, name)
            best = find_best(self.results)
            if best is not None:
                store.client.set_tag(parent, "modelpact.best_job", str(best.number))
                for metric, value in best.metrics.items():
                    store.client.log_metric(parent, metric, value)
            if status == "KILLED":
                _end_children(store, parent)
            store.client.set_terminated(parent, status)


def _end_children(store: Store, parent: str) -> None:
    """End the runs of jobs whose processes were killed with the sweep, and fail their models."""
    experiments = [store.experiment_id]
    running = f"tags.`mlflow.parentRunId` = '{parent}' and attributes.status = 'RUNNING'"
    for run in store.client.search_runs(experiments, running, max_results=1000):
        models = f"source_run_id = '{run.info.run_id}'"
        for model in store.client.search_logged_models(experiments, models):
            if model.status == "PENDING":
                store.client.finalize_logged_model(model.model_id, "FAILED")
        store.client.set_terminated(run.info.run_id, "KILLED")


def _require_same(what: str, lines: list[str], folder: Path) -> None:
    if not lines:
        return
    shown = lines[:MAX_DIFFERENCES]
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more")
    raise SweepError(
        f"{folder} contains a different sweep; its {what}:\n"
        + "\n".join(f"  {line}" for line in shown),
        remedy="Resume it with the command that started it, or start a new sweep without resume"
        " and hydra.sweep.dir.",
        differences=lines,
    )
