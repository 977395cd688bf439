"""`task=predict`: a file through a stored model into a file."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from pydantic import Field

from modelpact._internal.signals import sigterm_raises
from modelpact.cli.render.console import echo
from modelpact.cli.stored_model import find_model, open_store
from modelpact.cli.tasks.base import Task
from modelpact.data import DataSource
from modelpact.errors import ConfigError
from modelpact.loaders import Loader
from modelpact.tracking import Tracking

__all__ = ["PredictTask"]


class PredictTask(Task):
    """Asks a stored model about each row of an input, part by part, under its contract.

    Attributes:
        uri: Which model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`, `runs:/<run_id>/model`, or a folder.
        out: The answers; the suffix says the format.
        data: Where the rows come from; none are held out.
        params: Inference parameters; None for those of the data.
        keep: Columns of the input that stand beside the answers.
        on_error: Whether a row that breaks the contract ends it all, or is set aside.
        rejects: Where such rows are listed; None for beside the answers.
        batch_size: Rows that the model is asked at once; None for what suits its contract.
        resume: Whether to go on where one stopped.
        overwrite: Whether the output may be there already.
        engine: What runs it.
        workers: Threads of this machine, actors of Ray, or cores of Spark's; None for one a core.
        processes: Processes of this machine; None for those that pay.
        address: A cluster of Ray, or a master of Spark.
        loader: How the model is loaded, and the contract enforced.
        tracking: The store.
    """

    uri: str = Field(min_length=1)
    out: str = Field(min_length=1)
    data: DataSource
    params: dict[str, Any] | None = None
    keep: list[str] = []
    on_error: Literal["raise", "reject"] = "raise"
    rejects: str | None = None
    batch_size: int | None = Field(default=None, ge=1)
    resume: bool = False
    overwrite: bool = False
    engine: Literal["local", "ray", "spark"] = "local"
    workers: int | None = Field(default=None, ge=1)
    processes: int | None = Field(default=None, ge=0)
    address: str | None = None
    loader: Loader
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from modelpact.batch import Batch
        from modelpact.batch.output_paths import check_paths

        self._check()
        out = Path(self.out)
        rejects = Path(self.rejects) if self.rejects is not None else None
        check_paths(
            self.data, out, rejects, overwrite=self.overwrite or self.resume
        )  # before the model is loaded
        with open_store(self.uri, self.tracking):
            stored = find_model(self.uri)
            adapter = self.loader.load(stored.uri)
            batch = Batch(
                data=self.data,
                adapter=adapter,
                loader=self.loader,
                uri=stored.uri,
                out=out,
                rejects=rejects,
                params=self.params if self.params is not None else self.data.params,
                keep=tuple(self.keep),
                on_error=self.on_error,
                batch_size=self.batch_size,
                resume=self.resume,
                overwrite=self.overwrite,
                engine=self.engine,
                workers=self.workers,
                processes=self.processes,
                address=self.address,
            )
            with _Bar() as bar, sigterm_raises():
                done = batch.run(bar.move)
        what = f"{done.n_predicted:,} rows of {self.data.name} are answered by {stored.uri} in {done.out}"
        if done.n_resumed:
            what += f"; {done.n_resumed:,} {'part' if done.n_resumed == 1 else 'parts'} had been done before"
        if done.rejects is not None:
            what += f"; {done.n_rejected:,} {'row is' if done.n_rejected == 1 else 'rows are'} set aside in {done.rejects}"
        echo(what)
        return None

    def _check(self) -> None:
        if len(set(self.keep)) < len(self.keep):
            raise ConfigError("task.keep names a column twice", remedy="Name each once.")
        if self.engine != "local" and self.processes is not None:
            raise ConfigError(
                f"task.processes is of task.engine=local, not of {self.engine}",
                remedy="task.workers says how many it uses.",
            )
        if self.engine == "local" and self.address is not None:
            raise ConfigError(
                "task.address is of task.engine=ray or spark",
                remedy="Choose one of them, or leave it out.",
            )
        if self.engine == "local" and self.workers is not None and self.processes:
            raise ConfigError(
                "task.workers and task.processes are one or the other",
                remedy="Leave one of them out.",
            )


class _Bar:
    """How far it is, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> _Bar:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                Progress,
                TaskProgressColumn,
                TextColumn,
                TimeRemainingColumn,
            )

            columns = (
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[rows]:,} rows"),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
            self._task = self._progress.add_task("", total=1.0, rows=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def move(self, share: float, n_rows: int) -> None:
        """Say how far it is."""
        if self._progress is not None:
            self._progress.update(self._task, completed=share, rows=n_rows)
