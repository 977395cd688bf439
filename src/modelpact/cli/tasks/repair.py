"""`task=repair`: closes what a SIGKILL, or a machine that went down, left open; jobs that are running are left alone."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelpact._internal.files import cache_folder, maker
from modelpact._internal.mlflow_search import search_all
from modelpact._internal.process import Process
from modelpact._internal.text import truncate
from modelpact.cli.render.console import echo
from modelpact.cli.tasks.base import Task
from modelpact.errors import StoreError
from modelpact.registry.aliases import find_unfinished
from modelpact.tracking import SqliteTracking, Store, Tracking
from modelpact.tracking.base import hide_credentials

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run

__all__ = ["RepairTask"]

REPAIRED = "modelpact.repaired"
"""The tag of a run that was closed here: why."""

ENDED = ("FINISHED", "FAILED", "KILLED")

PAGE = 500

State = Literal["finished", "ended", "running", "unknown", "gone", "not ours"]
"""What became of a run: `ended` is without success; `gone` says it is running, and its process is gone."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """Something that was left open: what is done about it, in words as it was done and as it would be, and the deed."""

    done: str
    planned: str
    about: str
    act: Callable[[], object]


class RepairTask(Task):
    """Closes what was left open by jobs that were killed: runs, models, moves of aliases and temporary files.

    Attributes:
        older_than: Hours after which a run counts as killed whose process cannot be looked for from here, such as one of another
            machine; None for never.
        dry_run: Show what would be done, and do nothing.
        folders: Where the folders of runs and sweeps are; searched for files that were never finished.
        tracking: The store; its experiment is repaired.
    """

    older_than: float | None = Field(default=None, ge=0)
    dry_run: bool = False
    folders: list[str] = ["outputs", "multirun"]
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from mlflow.exceptions import MlflowException

        found = 0
        try:
            with contextlib.closing(self._findings()) as findings:
                for finding in findings:
                    found += 1
                    if not self.dry_run:
                        finding.act()
                    echo(
                        f"{f'would {finding.planned}' if self.dry_run else finding.done} {finding.about}"
                    )
        except MlflowException as error:
            uri = hide_credentials(self.tracking.uri)
            raise StoreError(
                f"the store {uri} cannot be repaired: {truncate(error, 300)}",
                remedy="Call it again when the store is up: what was repaired stays repaired.",
                uri=uri,
            ) from error
        if not found:
            echo("nothing to repair")
        return None

    def _findings(self) -> Generator[_Finding, None, None]:
        if isinstance(self.tracking, SqliteTracking) and not self.tracking.path.exists():
            echo(f"there is no store {self.tracking.path}: looking for temporary files only")
        else:
            with self.tracking.open() as store:
                ledger = _Ledger(store, self.older_than)
                yield from ledger.runs()
                yield from ledger.models()
                yield from _aliases(store)
            for why, count in sorted(ledger.left.items()):
                echo(f"left alone: {count} {'run' if count == 1 else 'runs'} {why}")
        yield from self._files()

    def _files(self) -> Iterator[_Finding]:
        for path in sorted(set(self._places())):
            process = maker(path)
            if process is None:
                continue
            lives = process.lives()
            if lives is False or (lives is None and _is_older(_changed(path), self.older_than)):
                yield _Finding("removed", "remove", str(path), partial(_remove, path))

    def _places(self) -> Iterator[Path]:
        """Wherever temporary folders and files are made."""
        yield from Path(tempfile.gettempdir()).glob("modelpact-*")
        cache = cache_folder()
        if cache is not None:
            yield from cache.glob("modelpact-*")
            yield from cache.rglob(".*.new*")
        if isinstance(self.tracking, SqliteTracking):
            yield from self.tracking.path.parent.absolute().glob(
                f".{self.tracking.path.name}.*.new*"
            )
        for folder in self.folders:
            yield from Path(folder).absolute().rglob(".*.new*")


def _aliases(store: Store) -> Iterator[_Finding]:
    """The moves of aliases that are in the history, and that the registry was not told of."""
    for aliases, state in find_unfinished(store.client):
        named = "nothing" if state.recorded is None else f"version {state.recorded}"
        about = f"the alias {state.alias} of {state.name} to {named}: it was moved, and the registry was not told"
        yield _Finding("set", "set", about, partial(aliases.finish, state.alias))


class _Ledger:
    """The runs and models of a store's experiment, by what became of the processes that made them."""

    def __init__(self, store: Store, older_than: float | None) -> None:
        self._store = store
        self._older_than = older_than
        self._states: dict[str | None, State] = {}
        self.left: dict[str, int] = {}

    def runs(self) -> Iterator[_Finding]:
        """The runs that say they are running, and whose process is gone."""
        for run in self._search_runs("attributes.status != 'FINISHED'"):
            state = self._state(run)
            if state == "gone":
                why = _reason(Process.of(run.data.tags))
                about = f"run {run.info.run_id} ({run.info.run_name}) as KILLED: {why}"
                yield _Finding("closed", "close", about, partial(self._close, run, why))
            elif state == "running":
                self._leave("of living processes")
            elif state == "unknown":
                self._leave(
                    "whose process cannot be looked for from here (task.older_than=<hours> closes those that are older)"
                )

    def models(self) -> Iterator[_Finding]:
        """The models that were not saved whole, and those that were to become a version, or to be taken back, when it ended.

        After `runs`, which finds the runs that did not finish.
        """
        for found in self._search_models():
            unfinished = self._states.get(found.source_run_id) in ("ended", "gone")
            if found.status != "PENDING" and not (found.status == "READY" and unfinished):
                continue
            if self._state_of(found) not in ("finished", "ended", "gone"):
                continue
            model = self._store.client.get_logged_model(
                found.model_id
            )  # as it is since its run is over
            if model.status == "PENDING":
                yield self._failing(model, "it was never saved whole")
            elif model.status == "READY" and unfinished and not self._has_version(model):
                yield self._failing(model, "its run did not finish, and it is no version")

    def _failing(self, model: LoggedModel, why: str) -> _Finding:
        about = f"model {model.model_id} ({model.status}) as FAILED: {why}"
        return _Finding(
            "marked",
            "mark",
            about,
            lambda: self._store.client.finalize_logged_model(model.model_id, "FAILED"),
        )

    def _close(self, run: Run, why: str) -> None:
        self._store.client.set_tag(run.info.run_id, REPAIRED, why)
        self._store.client.set_terminated(run.info.run_id, "KILLED")

    def _leave(self, why: str) -> None:
        self.left[why] = self.left.get(why, 0) + 1

    def _state_of(self, model: LoggedModel) -> State:
        """What became of the run that saved a model; without a run only its age is known."""
        from mlflow.exceptions import MlflowException

        run_id = model.source_run_id
        if run_id is None:
            return (
                "gone"
                if _is_older(model.creation_timestamp / 1000, self._older_than)
                else "unknown"
            )
        if run_id not in self._states:
            try:
                self._states[run_id] = self._state(self._store.client.get_run(run_id))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                self._states[run_id] = "unknown"
        return self._states[run_id]

    def _state(self, run: Run) -> State:
        if not any(tag.startswith("modelpact.") for tag in run.data.tags):
            return "not ours"
        state = self._process_state(run)
        if (
            state == "gone"
        ):  # it may have ended as it should between the two looks; once it is gone nothing changes any more
            run = self._store.client.get_run(run.info.run_id)
            state = self._process_state(run)
        return self._states.setdefault(run.info.run_id, state)

    def _process_state(self, run: Run) -> State:
        if run.info.status == "FINISHED":
            return "finished"
        if run.info.status in ENDED:
            return "ended"
        process = Process.of(run.data.tags)
        lives = None if process is None else process.lives()
        if lives is None:
            return "gone" if _is_older(run.info.start_time / 1000, self._older_than) else "unknown"
        return "running" if lives else "gone"

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
        return list(search_all(search, [self._store.experiment_id], condition, max_results=PAGE))

    def _search_models(self) -> list[LoggedModel]:
        search = self._store.client.search_logged_models
        return list(search_all(search, [self._store.experiment_id], max_results=PAGE))


def _reason(process: Process | None) -> str:
    if process is None:
        return "it is old, and no tag says whose it is"
    what = f"process {process.pid} of {process.host.partition('/')[0]}"
    return (
        f"{what} is gone"
        if process.lives() is False
        else f"it is old, and {what} cannot be looked for from here"
    )


def _is_older(then: float, hours: float | None) -> bool:
    return hours is not None and time.time() - then > hours * 3600


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it is gone
        return time.time()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
