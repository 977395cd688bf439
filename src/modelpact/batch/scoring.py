"""Scores the parts of an input; every engine runs this code."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal.guards import capture
from modelpact._internal.text import truncate
from modelpact.batch.base import Chunk, Part, PartResult, RowReader
from modelpact.batch.outputs import to_table
from modelpact.datatypes import take_rows
from modelpact.errors import DataError, InputsError
from modelpact.loaders import Loader
from modelpact.models.row_objects import read_row_hint
from modelpact.signature import Enforcer, ViolationCode
from modelpact.signature import compile as compile_signature

if TYPE_CHECKING:
    import pyarrow as pa

    from modelpact.loaders import Adapter
    from modelpact.signature import Violation

__all__ = [
    "Scorer",
    "ScoringPlan",
    "dump_result",
    "incompatible_types",
    "load_result",
    "score_in_worker",
]

OnError = Literal["raise", "reject"]

COLUMN_CODES = frozenset(
    {
        ViolationCode.MISSING_COLUMN,
        ViolationCode.EXTRA_COLUMN,
        ViolationCode.DUPLICATE_COLUMN,
        ViolationCode.UNKNOWN_PARAM,
    }
)
"""The codes of violations that concern all rows."""

MAX_SHOWN = 20
"""Failures that a message lists at most."""

NO_LIMIT = 10**9


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """What a worker needs to score parts; it is sent to every worker process.

    Attributes:
        key: A unique key of the plan.
        name: The name of the input in messages.
        reader: Reads the input.
        loader: Loads the model.
        uri: The model in messages.
        folder: The files of the model.
        params: Inference parameters.
        on_error: Whether a row that violates the signature ends the batch, or is rejected.
    """

    key: str
    name: str
    reader: RowReader
    loader: Loader
    uri: str
    folder: str
    params: dict[str, Any] | None
    on_error: OnError


class Scorer:
    """Scores parts of an input; not thread-safe.

    Args:
        plan: The plan.
        adapter: The model; None to load it.
    """

    def __init__(self, plan: ScoringPlan, adapter: Adapter | None = None) -> None:
        self._plan = plan
        self._adapter = adapter if adapter is not None else plan.loader.load(plan.folder)
        # A reader may keep an open file.
        self._reader = copy.copy(plan.reader)
        self._enforcer: Enforcer | None = None

    def score(self, part: Part) -> PartResult:
        """Read a part and return the predictions of its rows.

        Raises:
            DataError: The part cannot be read.
            InputsError: A row violates the signature and `on_error` is `raise`, or all rows
                violate it, for example because a column is missing.
            PredictError: The model raised.
            OutputsError: A prediction violates the signature.
        """
        import pyarrow as pa

        rejects: list[Violation] = []
        tables = []
        for chunk in self._reader.chunks(part, rejects):
            self._raise_rejects(rejects)
            table = self._score_chunk(chunk, rejects)
            if table is not None:
                tables.append(table)
        self._raise_rejects(rejects)
        try:
            table = pa.concat_tables(tables, promote_options="permissive") if tables else None
        except pa.ArrowException as error:
            raise incompatible_types(self._plan.name, error) from error
        return PartResult(part, table, sorted(rejects, key=_row_of))

    def _score_chunk(self, chunk: Chunk, rejects: list[Violation]) -> pa.Table | None:
        """Return the predictions of the valid rows; None if there are none."""
        n_rows = len(chunk.numbers)
        if n_rows == 0:
            return None
        try:
            outputs = self._adapter.predict(chunk.inputs, self._plan.params)
        except InputsError as error:
            # Type hints are checked after the signature, so that there may be more errors.
            return self._score_chunk(self._reject_rows(chunk, error, rejects), rejects)
        columns = {name: _to_arrow(values) for name, values in chunk.kept.items()}
        return to_table(outputs.prediction, n_rows, self._adapter.signature, columns)

    def _reject_rows(self, chunk: Chunk, error: InputsError, rejects: list[Violation]) -> Chunk:
        """Append the violations of a chunk to the rejects; return the other rows."""
        found = self._find_row_violations(chunk, error)
        rejects.extend(
            replace(violation, row=int(chunk.numbers[index])) for index, violation in found
        )
        self._raise_rejects(rejects)
        valid = sorted(set(range(len(chunk.numbers))) - {index for index, _ in found})
        if not valid:
            return replace(chunk, numbers=[])
        return replace(
            chunk,
            inputs=_take(chunk.inputs, valid),
            numbers=[chunk.numbers[index] for index in valid],
            kept={name: take_rows(values, valid) for name, values in chunk.kept.items()},
        )

    def _find_row_violations(self, chunk: Chunk, error: InputsError) -> list[tuple[int, Violation]]:
        """Return the violations of a chunk, each with the index of its row in the chunk.

        Raises:
            InputsError: The violations concern all rows.
        """
        violations = self._find_violations(chunk.inputs) or self._find_forbidden(chunk.inputs)
        without_row = [violation for violation in violations if violation.row is None]
        if any(chunk.typed or self._concerns_all_rows(violation) for violation in without_row):
            raise self._all_rows_error(error, without_row) from error
        found = self._check_each_row(chunk) if without_row else _by_row(violations)
        if not found:
            raise self._all_rows_error(error, without_row) from error
        return found

    def _check_each_row(self, chunk: Chunk) -> list[tuple[int, Violation]]:
        return [
            (index, violation)
            for index in range(len(chunk.numbers))
            for violation in self._find_violations(_take(chunk.inputs, [index]))
        ]

    def _concerns_all_rows(self, violation: Violation) -> bool:
        """Return whether a violation without a row concerns a column or a param."""
        if violation.code in COLUMN_CODES:
            return True
        root = violation.path.partition("[")[0].partition(".")[0]
        return any(param.name == root for param in self._adapter.signature.params or ())

    def _find_violations(self, inputs: object) -> list[Violation]:
        if self._enforcer is None:
            loader = self._plan.loader
            self._enforcer = compile_signature(self._adapter.signature, loader.policy, loader.extra)
        return self._enforcer.find_violations(inputs, self._plan.params, limit=NO_LIMIT).recorded

    def _find_forbidden(self, inputs: object) -> list[Violation]:
        """Return the violations of the type hint of the model, if it has one."""
        model = self._adapter.model
        hint = None if model is None else read_row_hint(type(model).predict)
        try:
            if hint is not None:
                hint.to_objects(inputs, limit=NO_LIMIT)
        except InputsError as error:
            return list(error.failures)
        return []

    def _all_rows_error(self, error: InputsError, violations: list[Violation]) -> InputsError:
        lines = "".join(f"\n  {violation}" for violation in violations[:MAX_SHOWN])
        plan = self._plan
        message = f"all rows of {plan.name} violate the signature of {plan.uri}:{lines}"
        return InputsError(
            message if lines else error.message,
            remedy="Correct the data or the params; task=check lists all violations.",
            failures=tuple(violations) or error.failures,
            uri=plan.uri,
        )

    def _raise_rejects(self, rejects: list[Violation]) -> None:
        """Raise if there are rejects and `on_error` is `raise`."""
        if self._plan.on_error == "reject" or not rejects:
            return
        rejects = sorted(rejects, key=_row_of)
        lines = "".join(f"\n  {violation}" for violation in rejects[:MAX_SHOWN])
        if len(rejects) > MAX_SHOWN:
            lines += f"\n  ... and {len(rejects) - MAX_SHOWN:,} more"
        raise InputsError(
            f"{self._plan.name} violates the signature of {self._plan.uri}:{lines}",
            remedy="Correct the data, or skip such rows with task.on_error=reject.",
            failures=tuple(rejects),
            uri=self._plan.uri,
        )


def _row_of(violation: Violation) -> int:
    return -1 if violation.row is None else violation.row


def _by_row(violations: Sequence[Violation]) -> list[tuple[int, Violation]]:
    return [(_row_of(violation), violation) for violation in violations]


def _take(inputs: object, indices: Sequence[int]) -> object:
    """Return some rows of model inputs, which may be a dict of lists."""
    if isinstance(inputs, dict) and all(isinstance(values, list) for values in inputs.values()):
        return {name: [values[index] for index in indices] for name, values in inputs.items()}
    return take_rows(inputs, indices)


def _to_arrow(values: object) -> pa.Array:
    """Return a kept column as an Arrow array."""
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)


def incompatible_types(name: str, error: Exception) -> DataError:
    """Return the error for a column whose type changes within a file."""
    return DataError(
        f"the output of {name} has columns with incompatible types: {truncate(error, 200)}",
        remedy="Use one type per kept column, or declare the outputs in the signature.",
    )


_worker = threading.local()


def score_in_worker(plan: ScoringPlan, part: Part) -> PartResult:
    """Score a part in a worker process, which loads the model once per plan."""
    if getattr(_worker, "key", None) != plan.key:
        _worker.scorer = Scorer(plan)
        _worker.key = plan.key
    scorer: Scorer = _worker.scorer
    return scorer.score(part)


def dump_result(score: Callable[[], PartResult]) -> bytes:
    """Score a part and pickle the result, or the exception if it raises.

    Ray and Spark would wrap an exception in one of their own, without its attributes.
    """
    return pickle.dumps(capture(score, Exception))


def load_result(data: bytes) -> PartResult:
    """Return a result that `dump_result` pickled, or raise its exception."""
    result: PartResult | Exception = pickle.loads(data)  # noqa: S301  # from our own workers
    if isinstance(result, Exception):
        raise result
    return result
