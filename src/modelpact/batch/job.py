"""`Batch`: a file through a model into a file."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal.text import did_you_mean, truncate
from modelpact.batch.base import Part, PartResult, ReadPlan, Rows
from modelpact.batch.checkpoint import Checkpoint
from modelpact.batch.merge import gather, gather_rejects
from modelpact.batch.outputs import answer_names, empty
from modelpact.batch.readers import rows_of
from modelpact.batch.scoring import Plan
from modelpact.batch.writers import check_suffix
from modelpact.data import DataSource
from modelpact.data.file_sources import TableFile, check_file
from modelpact.errors import ConfigError, DataError, PactError
from modelpact.signature import digest

if TYPE_CHECKING:
    import pyarrow as pa

    from modelpact.loaders import Adapter, Loader

__all__ = ["Batch", "BatchResult", "check_paths"]

Engine = Literal["local", "ray", "spark"]

CELLS = 1 << 20
"""Numbers in a chunk: what fits into the caches of a core."""

MOST_ROWS = 1 << 16
FEW_ROWS = 64
CHUNKS = 4
"""Chunks in a part."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch has done.

    Attributes:
        out: The answers.
        n_predicted: How many rows it has.
        rejects: The rows that were set aside; None where there are none.
        n_rejected: How many they are.
        n_resumed: How many parts had been done before.
    """

    out: Path
    n_predicted: int
    rejects: Path | None
    n_rejected: int
    n_resumed: int


@dataclass(frozen=True)
class Batch:
    """A file through a model into a file.

    Attributes:
        data: The input.
        adapter: The model.
        loader: How processes load it again.
        uri: What names this very version of it.
        out: The output; its suffix says the format.
        rejects: Where rows that are set aside go; None for beside the output.
        params: Inference parameters.
        keep: Columns that are passed through.
        on_error: Whether a row that breaks the contract ends it all, or is set aside.
        batch_size: Rows that the model is asked at once; None for what suits the contract.
        resume: Whether to go on where one stopped.
        overwrite: Whether the output may be there already.
        engine: What runs it.
        workers: Threads, actors or cores; None for as many as there are cores.
        processes: Processes of this machine; None for those that pay.
        address: The cluster of Ray, or Spark's master.
    """

    data: DataSource
    adapter: Adapter
    loader: Loader
    uri: str
    out: Path
    rejects: Path | None = None
    params: dict[str, Any] | None = None
    keep: tuple[str, ...] = ()
    on_error: Literal["raise", "reject"] = "raise"
    batch_size: int | None = None
    resume: bool = False
    overwrite: bool = False
    engine: Engine = "local"
    workers: int | None = None
    processes: int | None = None
    address: str | None = None

    def run(
        self, progress: Callable[[float, int], None] = lambda share, n_rows: None
    ) -> BatchResult:
        """Do it.

        Args:
            progress: Is told the share of the input that is done, and the number of rows.

        Raises:
            ConfigError: It cannot be done as asked.
            DataError: The input cannot be read, or the output not be written.
            InputsError: Rows, or all of them, break the contract.
            PredictError: The model failed.
            OutputsError: An answer breaks the contract.
        """
        rejects = check_paths(
            self.data, self.out, self.rejects, overwrite=self.overwrite or self.resume
        )
        rows = self._rows()
        kept = Checkpoint(self.out)
        try:
            with kept.opened(self._state(rows), resume=self.resume, overwrite=self.overwrite):
                done = self._run(rows, kept, rejects, progress)
                kept.remove()
                return done
        except PactError as error:
            if (n_done := kept.count()) and not isinstance(error, ConfigError):
                what = "1 part is" if n_done == 1 else f"{n_done:,} parts are"
                error.remedy += f" {what} done: task.resume=true goes on from there, with data and model as they were."
            raise
        except OSError as error:
            raise DataError(
                f"task.out={self.out} cannot be written: {error.strerror or error}",
                remedy="Make room, or choose another folder; task.resume=true goes on with the parts that are done.",
                path=str(self.out),
            ) from error

    def _run(
        self, rows: Rows, kept: Checkpoint, rejects: Path, progress: Callable[[float, int], None]
    ) -> BatchResult:
        parts = _listed(rows, self.data.name)
        done = [part for part in parts if kept.has(part)]
        waiting = [part for part in parts if not kept.has(part)]
        nothing = empty(self.adapter.signature, dict.fromkeys(self.keep, _null()))
        n_rows = sum(part.n_rows for part in done)
        total = sum(part.n_rows for part in parts)
        progress(n_rows / total, n_rows)
        for scored in self._scored(self._plan(rows), iter(waiting)):
            kept.put(scored, nothing)
            n_rows += scored.part.n_rows
            progress(n_rows / total, n_rows)
        answered = gather(kept, parts, self.out)
        rejected = gather_rejects(kept, parts, rejects)
        return BatchResult(self.out, answered, rejects if rejected else None, rejected, len(done))

    def _scored(self, plan: Plan, parts: Iterator[Part]) -> Iterator[PartResult]:
        if self.engine == "ray":
            from modelpact.batch import engine_ray

            return engine_ray.run(plan, parts, self.workers, self.address)
        if self.engine == "spark":
            from modelpact.batch import engine_spark

            return engine_spark.run(plan, parts, self.workers, self.address)
        from modelpact.batch import engine_local

        return engine_local.run(plan, self.adapter, parts, self.workers, self.processes)

    def _plan(self, rows: Rows) -> Plan:
        return Plan(
            key=uuid.uuid4().hex,
            name=self.data.name,
            rows=rows,
            loader=self.loader.only(self.adapter.artifact_digest),
            uri=self.uri,
            folder=str(self.adapter.stored.absolute()),
            params=self.params,
            on_error=self.on_error,
        )

    def _rows(self) -> Rows:
        batch, part = self._sizes()
        rows = rows_of(
            self.data,
            ReadPlan(self.adapter.signature, self.keep, self.loader.extra != "ignore", batch, part),
        )
        if rows.columns is not None:
            self._check_columns(rows.columns)
        clash = sorted(set(self.keep) & set(answer_names(self.adapter.signature) or ()))
        if clash:
            raise ConfigError(
                f"task.keep: the model answers with a column {clash[0]!r} itself",
                remedy="Leave it out of task.keep, or rename it in the data.",
            )
        return rows

    def _check_columns(self, columns: list[str]) -> None:
        inputs = getattr(self.data, "columns", None) or ()
        for key, name in [
            *(("task.keep", name) for name in self.keep),
            *(("data.columns", name) for name in inputs),
        ]:
            if name not in columns:
                raise DataError(
                    f"{self.data.name} has no column {name!r}, which {key} names{did_you_mean(name, columns)}",
                    remedy=f"Its columns: {truncate(', '.join(columns) or 'none', 500)}.",
                    column=name,
                )

    def _sizes(self) -> tuple[int, int]:
        """Rows in a chunk and in a part: many of plain numbers; few where a row may be long, or its answer dear."""
        from mlflow.types.schema import DataType, TensorSpec

        schema = self.adapter.signature.inputs
        cells = 0
        for spec in schema.inputs if schema is not None else ():
            if isinstance(spec, TensorSpec):
                cells += prod(
                    abs(int(axis)) if axis != -1 or not index else 64
                    for index, axis in enumerate(spec.shape)
                )
            elif not isinstance(spec.type, DataType):
                cells = 0
                break
            else:
                cells += 1
        if not cells:
            size = self.batch_size or FEW_ROWS
            return size, size
        size = self.batch_size or max(1, min(MOST_ROWS, CELLS // cells))
        return size, size * CHUNKS

    def _state(self, rows: Rows) -> dict[str, Any]:
        """What the parts depend on."""
        batch, _ = self._sizes()
        found: dict[str, Any] = {
            "protocol": 1,
            "model": self.uri,
            "signature": digest(self.adapter.signature),
        }
        found["model_files"] = hashlib.sha256(
            (self.adapter.folder / "MLmodel").read_bytes()
        ).hexdigest()
        found["data"] = self.data.KIND
        if isinstance(self.data, TableFile):
            path = Path(self.data.path)
            told = path.stat()
            found |= {
                "path": str(path.resolve()),
                "bytes": told.st_size,
                "modified_ns": told.st_mtime_ns,
            }
        found |= {
            "input": rows.identity(),
            "batch_size": batch,
            "params": self.params,
            "keep": list(self.keep),
        }
        found |= {"policy": self.loader.policy, "extra": self.loader.extra}
        plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
        return plain


def check_paths(data: DataSource, out: Path, rejects: Path | None, *, overwrite: bool) -> Path:
    """Refuse files that cannot be read or written, before any work is done.

    Args:
        data: The input.
        out: The output.
        rejects: Where rows that are set aside go; None for beside the output.
        overwrite: Whether they may be there already.

    Returns:
        Where rows that are set aside go.

    Raises:
        ConfigError: They cannot be written.
        DataError: There is no input.
    """
    check_suffix(out, "task.out")
    rejects = rejects if rejects is not None else out.with_suffix(".rejects.jsonl")
    if rejects.suffix != ".jsonl":
        raise ConfigError(
            f"task.rejects={rejects}: rejects are JSON lines", remedy="Let it end in .jsonl."
        )
    if isinstance(data, TableFile):
        check_file(Path(data.path))
    for key, path in (("task.out", out), ("task.rejects", rejects)):
        if isinstance(data, TableFile) and path.exists() and path.samefile(data.path):
            raise ConfigError(
                f"{key}={path} is the input itself",
                remedy="Write the answers to another file.",
                path=str(path),
            )
        if path.is_dir():
            raise ConfigError(
                f"{key}={path} is a folder",
                remedy=f"Name a file in it: {key}={path / 'out.parquet'}.",
            )
        if not path.parent.is_dir():
            raise ConfigError(
                f"{key}={path}: there is no folder {path.parent}",
                remedy=f"Make it: mkdir -p {path.parent}.",
                path=str(path),
            )
        if path.exists() and not overwrite:
            raise ConfigError(
                f"{key}={path} exists",
                remedy="task.overwrite=true replaces it; another task.out leaves it.",
                path=str(path),
            )
    if out.absolute() == rejects.absolute():
        raise ConfigError(
            f"task.rejects={rejects} is task.out", remedy="Give each a file of its own."
        )
    return rejects


def _listed(rows: Rows, name: str) -> list[Part]:
    parts = list(rows.parts())
    if not parts:
        raise DataError(
            f"{name} has no rows", remedy="There is nothing to answer: no file was written."
        )
    return parts


def _null() -> pa.DataType:
    import pyarrow as pa

    return pa.null()
