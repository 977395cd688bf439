"""`task=repair`: close what killed jobs left open, and leave running jobs alone."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelpact._internal.counts import format_count
from modelpact._internal.files import MAX_NAME, cache_folder, owner_of
from modelpact._internal.mlflow_search import search_all
from modelpact._internal.process import Process
from modelpact._internal.text import truncate
from modelpact.cli.render.console import echo
from modelpact.cli.tasks.base import Task
from modelpact.errors import StoreError
from modelpact.registry.aliases import find_unfinished, format_version
from modelpact.tracking import Store, Tracking

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run

__all__ = ["RepairTask"]

REPAIRED_TAG = "modelpact.repaired"
"""The tag of a run that `task=repair` closed, with the reason."""

ENDED = ("FINISHED", "FAILED", "KILLED")

PAGE_SIZE = 500

RunState = Literal["finished", "ended", "running", "unknown", "gone", "foreign"]
"""The state of a run.

`ended` is without success. `gone` is RUNNING in the store, without its process. `foreign` is not a
run of modelpact.
"""


@dataclass(frozen=True, slots=True)
class _Repair:
    """One repair: its description in the past and as a plan, its subject, and the action."""

    done: str
    planned: str
    subject: str
    act: Callable[[], object]

    def describe(self, dry_run: bool) -> str:
        return f"{f'would {self.planned}' if dry_run else self.done} {self.subject}"


class RepairTask(Task):
    """Closes runs, models, alias moves and temporary files that killed jobs left open.

    Attributes:
        older_than: Hours after which a run counts as killed if its process cannot be checked from
            this host; None for never.
        dry_run: Show the repairs without making them.
        folders: The folders of runs and sweeps, which are searched for unfinished files.
        tracking: The store; its experiment is repaired.
    """

    older_than: float | None = Field(default=None, ge=0)
    dry_run: bool = False
    folders: list[str] = ["outputs", "multirun"]
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from mlflow.exceptions import MlflowException

        found = False
        try:
            with contextlib.closing(self._find_repairs()) as repairs:
                for repair in repairs:
                    found = True
                    if not self.dry_run:
                        repair.act()
                    echo(repair.describe(self.dry_run))
        except MlflowException as error:
            uri = self.tracking.display_uri()
            raise StoreError(
                f"cannot repair the store {uri}: {truncate(error, 300)}",
                remedy="Repeat the command when the store is available; finished repairs are kept.",
                uri=uri,
            ) from error
        if not found:
            echo("nothing to repair")
        return None

    def _find_repairs(self) -> Generator[_Repair, None, None]:
        file = self.tracking.file()
        if file is not None and not file.exists():
            echo(f"the store {file} does not exist; checking temporary files only")
        else:
            with self.tracking.open() as store:
                experiment = _Experiment(store, self.older_than)
                yield from experiment.runs()
                yield from experiment.models()
                yield from _alias_moves(store)
            for reason, count in sorted(experiment.skipped.items()):
                echo(f"skipped {format_count(count, 'run')} {reason}")
        yield from self._temporary_files()

    def _temporary_files(self) -> Iterator[_Repair]:
        for path in sorted(set(self._candidates())):
            process = owner_of(path)
            if process is None:
                continue
            alive = process.is_running()
            if alive is False or (alive is None and _is_older(_modified(path), self.older_than)):
                yield _Repair("removed", "remove", str(path), partial(_remove, path))

    def _candidates(self) -> Iterator[Path]:
        """Yield the paths that may be temporary files and folders of modelpact."""
        yield from Path(tempfile.gettempdir()).glob("modelpact-*")
        cache = cache_folder()
        if cache is not None:
            yield from cache.glob("modelpact-*")
            yield from cache.rglob(".*.new*")
        file = self.tracking.file()
        if file is not None:
            yield from file.parent.absolute().glob(f".{file.name[:MAX_NAME]}.*.new*")
        for folder in self.folders:
            yield from Path(folder).absolute().rglob(".*.new*")


def _alias_moves(store: Store) -> Iterator[_Repair]:
    """Yield the alias moves that are in the history, but not yet in the registry."""
    for aliases, state in find_unfinished(store.client):
        subject = (
            f"the alias {state.alias} of {state.name} to {format_version(state.recorded)}: "
            "its last move is not in the registry yet"
        )
        yield _Repair("set", "set", subject, partial(aliases.finish, state.alias))


class _Experiment:
    """The runs and models of a store's experiment, by the state of the process that made them."""

    def __init__(self, store: Store, older_than: float | None) -> None:
        self._store = store
        self._older_than = older_than
        self._states: dict[str | None, RunState] = {}
        self.skipped: Counter[str] = Counter()

    def runs(self) -> Iterator[_Repair]:
        """Yield the runs that are RUNNING in the store, without their process."""
        for run in self._search_runs("attributes.status != 'FINISHED'"):
            state = self._state(run)
            if state == "gone":
                reason = _reason(Process.from_tags(run.data.tags))
                subject = f"run {run.info.run_id} ({run.info.run_name}) as KILLED: {reason}"
                yield _Repair("closed", "close", subject, partial(self._close, run, reason))
            elif state == "running":
                self.skipped["of running processes"] += 1
            elif state == "unknown":
                self.skipped[
                    "whose process cannot be checked from here "
                    "(task.older_than=<hours> closes older ones)"
                ] += 1

    def models(self) -> Iterator[_Repair]:
        """Yield incomplete models, and unregistered models of runs that did not finish.

        Requires the states that `runs` collects.
        """
        for found in self._search_models():
            unfinished = self._states.get(found.source_run_id) in ("ended", "gone")
            if found.status == "PENDING" or (found.status == "READY" and unfinished):
                yield from self._fail(found, unfinished)

    def _fail(self, found: LoggedModel, unfinished: bool) -> Iterator[_Repair]:
        if self._state_of_model(found) not in ("finished", "ended", "gone"):
            return
        # Read it again: it may have changed until its run ended.
        model = self._store.client.get_logged_model(found.model_id)
        if model.status == "PENDING":
            reason = "it was never saved completely"
        elif model.status == "READY" and unfinished and not self._has_version(model):
            reason = "its run did not finish, and it is not a version"
        else:
            return
        subject = f"model {model.model_id} ({model.status}) as FAILED: {reason}"
        finalize = self._store.client.finalize_logged_model
        yield _Repair("marked", "mark", subject, partial(finalize, model.model_id, "FAILED"))

    def _close(self, run: Run, reason: str) -> None:
        self._store.client.set_tag(run.info.run_id, REPAIRED_TAG, reason)
        self._store.client.set_terminated(run.info.run_id, "KILLED")

    def _state_of_model(self, model: LoggedModel) -> RunState:
        """Return the state of the run that saved a model; without a run only its age is known."""
        from mlflow.exceptions import MlflowException

        run_id = model.source_run_id
        if run_id is None:
            old = _is_older(model.creation_timestamp / 1000, self._older_than)
            return "gone" if old else "unknown"
        if run_id not in self._states:
            try:
                self._states[run_id] = self._state(self._store.client.get_run(run_id))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                self._states[run_id] = "unknown"
        return self._states[run_id]

    def _state(self, run: Run) -> RunState:
        if not any(tag.startswith("modelpact.") for tag in run.data.tags):
            return "foreign"
        state = self._state_of_process(run)
        if state == "gone":
            # The run may have ended after it was listed. Without a process it changes no more.
            state = self._state_of_process(self._store.client.get_run(run.info.run_id))
        return self._states.setdefault(run.info.run_id, state)

    def _state_of_process(self, run: Run) -> RunState:
        if run.info.status == "FINISHED":
            return "finished"
        if run.info.status in ENDED:
            return "ended"
        process = Process.from_tags(run.data.tags)
        alive = None if process is None else process.is_running()
        if alive is None:
            return "gone" if _is_older(run.info.start_time / 1000, self._older_than) else "unknown"
        return "running" if alive else "gone"

    def _has_version(self, model: LoggedModel) -> bool:
        search = self._store.client.search_model_versions
        if search(f"source_path = '{model.model_uri}'", max_results=1):
            return True
        return any(
            version.model_id in (None, model.model_id) or model.model_id in str(version.source)
            for version in search(f"run_id = '{model.source_run_id}'")
        )

    def _search_runs(self, condition: str) -> list[Run]:
        search = self._store.client.search_runs
        experiments = [self._store.experiment_id]
        return list(search_all(search, experiments, condition, max_results=PAGE_SIZE))

    def _search_models(self) -> list[LoggedModel]:
        search = self._store.client.search_logged_models
        return list(search_all(search, [self._store.experiment_id], max_results=PAGE_SIZE))


def _reason(process: Process | None) -> str:
    if process is None:
        return "it is older than task.older_than, and no tag names its process"
    name = f"process {process.pid} of {process.host.partition('/')[0]}"
    if process.is_running() is False:
        return f"{name} is gone"
    return f"it is older than task.older_than, and {name} cannot be checked from here"


def _is_older(timestamp: float, hours: float | None) -> bool:
    return hours is not None and time.time() - timestamp > hours * 3600


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        # The file was removed in the meantime.
        return time.time()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
