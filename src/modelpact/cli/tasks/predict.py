"""`task=predict`: run a stored model on a file of any size and write the predictions to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelpact._internal.counts import format_count
from modelpact.cli.render.console import echo
from modelpact.cli.render.progress import ProgressBar
from modelpact.cli.stored_model import find_model, open_store
from modelpact.cli.tasks.base import Task
from modelpact.data import DataSource
from modelpact.errors import ConfigError
from modelpact.loaders import Loader
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from modelpact.batch import Batch

__all__ = ["PredictTask"]


class PredictTask(Task):
    """Predicts the rows of a data source with a stored model, in parts, under its contract.

    Attributes:
        uri: The model: `models:/name/1`, `models:/name@alias`, `models:/<model_id>`,
            `runs:/<run_id>/model`, or a folder.
        out: The output file; its suffix determines the format.
        data: The data; no rows are held out.
        params: Inference parameters; None for those of the data.
        keep: Input columns to copy to the output.
        on_error: What to do with a row that violates the contract: raise an error, or reject the
            row.
        rejects: The file for rejected rows; None for a file next to the output.
        batch_size: Rows per call of the model; None for a size that suits the contract.
        resume: Whether to continue an interrupted job.
        overwrite: Whether to replace an existing output.
        check_input: How a changed input file is recognized: by its size and modification time
            (`stat`), or by its content (`digest`).
        engine: The engine that runs the job.
        workers: Local threads, Ray actors or Spark cores; None for one per core.
        processes: Local processes; None for a number that pays off.
        address: The address of a Ray cluster or a Spark master.
        loader: How the model is loaded and the contract enforced.
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
    check_input: Literal["stat", "digest"] = "stat"
    engine: Literal["local", "ray", "spark"] = "local"
    workers: int | None = Field(default=None, ge=1)
    processes: int | None = Field(default=None, ge=0)
    address: str | None = None
    loader: Loader
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from modelpact.batch.output_paths import check_paths

        self._check_options()
        out = Path(self.out)
        rejects = Path(self.rejects) if self.rejects is not None else None
        # Loading the model may take long, so the paths are checked first.
        check_paths(self.data, out, rejects, overwrite=self.overwrite or self.resume)
        with open_store(self.uri, self.tracking):
            batch = self._batch(out, rejects)
            with ProgressBar() as bar:
                result = batch.run(bar.update)
        summary = (
            f"predicted {result.n_predicted:,} rows of {self.data.name} with {batch.uri} "
            f"into {result.out}"
        )
        if result.n_resumed:
            summary += f"; {format_count(result.n_resumed, 'part')} done before"
        if result.rejects is not None:
            rows = format_count(result.n_rejected, "row")
            summary += f"; {rows} rejected into {result.rejects}"
        echo(summary)
        return None

    def _batch(self, out: Path, rejects: Path | None) -> Batch:
        from modelpact.batch import Batch

        stored = find_model(self.uri)
        return Batch(
            data=self.data,
            adapter=self.loader.load(stored.uri),
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
            check_input=self.check_input,
            engine=self.engine,
            workers=self.workers,
            processes=self.processes,
            address=self.address,
        )

    def _check_options(self) -> None:
        if len(set(self.keep)) < len(self.keep):
            raise ConfigError("task.keep repeats a column", remedy="Name each column once.")
        if self.engine == "local":
            self._check_local_options()
        elif self.processes is not None:
            raise ConfigError(
                f"task.processes requires task.engine=local, not {self.engine}",
                remedy=f"Set the number of workers of {self.engine} with task.workers.",
            )

    def _check_local_options(self) -> None:
        if self.address is not None:
            raise ConfigError(
                "task.address requires task.engine=ray or task.engine=spark",
                remedy="Choose one of them, or remove task.address.",
            )
        if self.workers is not None and self.processes:
            raise ConfigError(
                "task.workers (threads) and task.processes cannot be combined",
                remedy="Remove one of them.",
            )
