"""Runs a batch: reads a file, scores its rows and writes the predictions to another file."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal.guards import on_error
from modelpact._internal.schema_kinds import list_specs
from modelpact._internal.text import did_you_mean, truncate
from modelpact.batch.base import Part, PartResult, ReadPlan, RowReader
from modelpact.batch.checkpoint import Checkpoint
from modelpact.batch.input_file import InputCheck, InputFile
from modelpact.batch.merge import merge_parts, merge_rejects
from modelpact.batch.output_paths import check_paths
from modelpact.batch.outputs import empty_table, output_names
from modelpact.batch.readers import open_reader
from modelpact.batch.scoring import ScoringPlan
from modelpact.data import DataSource
from modelpact.data.table_file import TableFile
from modelpact.errors import ConfigError, DataError, InputsError, PactError
from modelpact.signature import ViolationCode, digest
from modelpact.signature import compile as compile_signature

if TYPE_CHECKING:
    from mlflow.types.schema import ColSpec, TensorSpec

    from modelpact.loaders import Adapter, Loader
    from modelpact.types import Signature

__all__ = ["Batch", "BatchResult"]

Engine = Literal["local", "ray", "spark"]
ProgressCallback = Callable[[float, int], None]

STATE_VERSION = 1
"""The version of the checkpoint's state; parts of another version are not resumed."""

CHUNK_CELLS = 1 << 20
"""Numbers per chunk: as many as fit into the caches of a core."""

MAX_CHUNK_ROWS = 1 << 16

NESTED_CHUNK_ROWS = 64
"""Rows per chunk if rows may be long, or predictions expensive."""

CHUNKS_PER_PART = 4

DEFAULT_AXIS = 64
"""The assumed length of a variable axis of a tensor."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of a batch.

    Attributes:
        out: The file of predictions.
        n_predicted: The number of its rows.
        rejects: The file of rejected rows; None if no row was rejected.
        n_rejected: The number of rejected rows.
        n_resumed: The number of parts that an earlier run had finished.
    """

    out: Path
    n_predicted: int
    rejects: Path | None
    n_rejected: int
    n_resumed: int


@dataclass(frozen=True)
class Batch:
    """Scores a file with a model and writes the predictions to another file.

    Attributes:
        data: The input.
        adapter: The model.
        loader: Loads the model in worker processes.
        uri: The immutable URI of the model version.
        out: The output file; its suffix determines the format.
        rejects: The file of rejected rows; None for a file next to the output.
        params: Inference parameters.
        keep: The input columns that are copied to the output.
        on_error: Whether a row that violates the signature ends the batch, or is rejected.
        batch_size: Rows per call of the model; None to choose by the signature.
        resume: Whether to continue an unfinished batch.
        overwrite: Whether the output may exist.
        check_input: How a changed input file is recognized: by its size and modification time
            (`stat`), or by its content (`digest`).
        engine: The engine that runs the batch.
        workers: The number of threads, Ray actors or Spark cores; None for one per core.
        processes: The number of local processes; None to start them if they are worthwhile.
        address: The address of a Ray cluster, or the Spark master.
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
    check_input: InputCheck = "stat"
    engine: Engine = "local"
    workers: int | None = None
    processes: int | None = None
    address: str | None = None

    def run(self, progress: ProgressCallback = lambda share, n_rows: None) -> BatchResult:
        """Run the batch.

        Args:
            progress: Called with the share of the input that is done and the number of rows.

        Raises:
            ConfigError: The configuration is invalid, or does not match the unfinished batch.
            DataError: The input cannot be read, or the output cannot be written.
            InputsError: Rows violate the signature.
            PredictError: The model raised.
            OutputsError: A prediction violates the signature.
        """
        rejects = check_paths(
            self.data, self.out, self.rejects, overwrite=self.overwrite or self.resume
        )
        source = InputFile(self.data, self.check_input)
        with open_reader(self.data, self._plan()) as reader:
            self._check_columns(reader)
            return self._run_with_checkpoint(reader, source, rejects, progress)

    def _run_with_checkpoint(
        self, reader: RowReader, source: InputFile, rejects: Path, progress: ProgressCallback
    ) -> BatchResult:
        checkpoint = Checkpoint(self.out)
        state = self._state(reader, source)
        try:
            with checkpoint.open(state, resume=self.resume, overwrite=self.overwrite):
                result = self._run(reader, source, checkpoint, rejects, progress)
                checkpoint.delete()
                return result
        except PactError as error:
            # A file that changes while it is read may look malformed.
            source.check_status()
            if checkpoint.count_parts() and not isinstance(error, ConfigError):
                progress_made = checkpoint.describe_progress()
                error.remedy += f" {progress_made}; continue with task.resume=true."
            raise
        except OSError as error:
            raise DataError(
                f"task.out={self.out} cannot be written: {error.strerror or error}",
                remedy="Free disk space or choose another task.out; "
                "task.resume=true continues with the finished parts.",
                path=str(self.out),
            ) from error

    def _run(
        self,
        reader: RowReader,
        source: InputFile,
        checkpoint: Checkpoint,
        rejects: Path,
        progress: ProgressCallback,
    ) -> BatchResult:
        import pyarrow as pa

        parts = self._list_parts(reader)
        waiting = [part for part in parts if not checkpoint.has(part)]
        empty = empty_table(self.adapter.signature, dict.fromkeys(self.keep, pa.null()))
        total = sum(part.n_rows for part in parts)
        n_rows = total - sum(part.n_rows for part in waiting)
        progress(n_rows / total, n_rows)
        for result in self._score(reader, iter(waiting)):
            # Finished parts are those of the unchanged file, so that they can be resumed.
            source.check_status()
            checkpoint.save(result, empty)
            n_rows += result.part.n_rows
            progress(n_rows / total, n_rows)
        source.check_status()
        # Nothing is known about the parts of a file that changed without a change of its status.
        with on_error(lambda error: checkpoint.delete()):
            source.check_content()
        n_predicted = merge_parts(checkpoint, parts, self.out)
        n_rejected = merge_rejects(checkpoint, parts, rejects)
        n_resumed = len(parts) - len(waiting)
        return BatchResult(
            self.out, n_predicted, rejects if n_rejected else None, n_rejected, n_resumed
        )

    def _list_parts(self, reader: RowReader) -> list[Part]:
        """Return the parts of the input, which has rows and all required columns."""
        parts = list(reader.parts())
        if not parts:
            raise DataError(
                f"{self.data.name} has no rows", remedy="Nothing to predict; no file was written."
            )
        if reader.columns and isinstance(self.data, TableFile):
            self._check_required_columns(reader, reader.columns)
        return parts

    def _score(self, reader: RowReader, parts: Iterator[Part]) -> Iterator[PartResult]:
        plan = ScoringPlan(
            key=uuid.uuid4().hex,
            name=self.data.name,
            reader=reader,
            loader=self.loader.pinned_to(self.adapter.artifact_digest),
            uri=self.uri,
            folder=str(self.adapter.stored.absolute()),
            params=self.params,
            on_error=self.on_error,
        )
        if self.engine == "ray":
            from modelpact.batch import engine_ray

            return engine_ray.run(plan, parts, self.workers, self.address)
        if self.engine == "spark":
            from modelpact.batch import engine_spark

            return engine_spark.run(plan, parts, self.workers, self.address)
        from modelpact.batch import engine_local

        return engine_local.run(plan, self.adapter, parts, self.workers, self.processes)

    def _plan(self) -> ReadPlan:
        signature = self.adapter.signature
        chunk_rows, part_rows = _choose_sizes(signature, self.batch_size)
        read_extra = self.loader.extra != "ignore"
        return ReadPlan(signature, self.keep, read_extra, chunk_rows, part_rows)

    def _check_columns(self, reader: RowReader) -> None:
        signature = self.adapter.signature
        if reader.columns is not None:
            self._check_named_columns(reader.columns)
        duplicates = sorted(set(self.keep) & set(output_names(signature) or ()))
        if duplicates:
            raise ConfigError(
                f"task.keep: the model also returns a column {duplicates[0]!r}",
                remedy="Remove the column from task.keep, or rename it in the data.",
            )

    def _check_required_columns(self, reader: RowReader, columns: list[str]) -> None:
        """Check that no column of the signature is missing, even if no row can be parsed."""
        import pandas as pd

        chosen = getattr(self.data, "columns", None) or columns
        enforcer = compile_signature(self.adapter.signature, self.loader.policy)
        found = enforcer.find_violations(pd.DataFrame(columns=chosen), None).recorded
        missing = [one for one in found if one.code == ViolationCode.MISSING_COLUMN]
        if missing:
            lines = "".join(f"\n  {violation}" for violation in missing)
            remedy = f"Columns of the data: {truncate(', '.join(columns), 500)}. {reader.suggest()}"
            raise InputsError(
                f"all rows of {self.data.name} violate the signature of {self.uri}:{lines}",
                remedy=remedy.rstrip(),
                failures=tuple(missing),
                uri=self.uri,
            )

    def _check_named_columns(self, columns: list[str]) -> None:
        chosen = getattr(self.data, "columns", None) or ()
        used = [("task.keep", name) for name in self.keep]
        used += [("data.columns", name) for name in chosen]
        for key, name in used:
            if name not in columns:
                raise DataError(
                    f"{key}: {self.data.name} does not have a column {name!r}"
                    f"{did_you_mean(name, columns)}",
                    remedy=f"Columns: {truncate(', '.join(columns) or 'none', 500)}.",
                    column=name,
                )

    def _state(self, reader: RowReader, source: InputFile) -> dict[str, object]:
        """Return everything that the predictions depend on, as JSON values."""
        mlmodel = (self.adapter.folder / "MLmodel").read_bytes()
        state: dict[str, Any] = {
            "protocol": STATE_VERSION,
            "model": self.uri,
            "signature": digest(self.adapter.signature),
            "model_files": hashlib.sha256(mlmodel).hexdigest(),
            "data": self.data.KIND,
            **source.state,
            "input": reader.identity(),
            "batch_size": _choose_sizes(self.adapter.signature, self.batch_size)[0],
            "params": self.params,
            "keep": list(self.keep),
            "policy": self.loader.policy,
            "extra": self.loader.extra,
        }
        json_state: dict[str, object] = json.loads(json.dumps(state, default=str))
        return json_state


def _choose_sizes(signature: Signature, batch_size: int | None) -> tuple[int, int]:
    """Return the number of rows per chunk and per part.

    Rows of plain numbers are scored many at a time, nested rows few at a time.
    """
    cells = list(map(_count_cells, list_specs(signature.inputs)))
    if not cells or 0 in cells:
        size = batch_size or NESTED_CHUNK_ROWS
        return size, size
    size = batch_size or max(1, min(MAX_CHUNK_ROWS, CHUNK_CELLS // sum(cells)))
    return size, size * CHUNKS_PER_PART


def _count_cells(spec: ColSpec | TensorSpec) -> int:
    """Return the numbers per row of an input; 0 for nested values."""
    from mlflow.types.schema import DataType, TensorSpec

    if isinstance(spec, TensorSpec):
        axes = enumerate(spec.shape)
        return prod(abs(int(n)) if n != -1 or not axis else DEFAULT_AXIS for axis, n in axes)
    return 1 if isinstance(spec.type, DataType) else 0
