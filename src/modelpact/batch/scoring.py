"""The one function that every engine runs: a part of the input in, its answers and the rows set aside out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from modelpact._internal.text import truncate
from modelpact.batch.base import Chunk, Part, PartResult, Rows
from modelpact.batch.outputs import table_of
from modelpact.datatypes import take_rows
from modelpact.errors import DataError, InputsError
from modelpact.loaders import Loader
from modelpact.signature import Enforcer
from modelpact.signature import compile as compile_signature

if TYPE_CHECKING:
    import pyarrow as pa

    from modelpact.loaders import Adapter
    from modelpact.signature import Violation
    from modelpact.types import Outputs

__all__ = ["Plan", "Scorer", "mixed", "score_in_worker"]

OnError = Literal["raise", "reject"]

_OF_ALL = frozenset({"MISSING_COLUMN", "EXTRA_COLUMN", "DUPLICATE_COLUMN", "UNKNOWN_PARAM"})
"""Failures that are no row's."""

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, as it goes to each process that does a part of it.

    Attributes:
        key: What tells it from other plans.
        name: What the input is called in messages.
        rows: The input.
        loader: How the model is loaded.
        uri: What the model is called in messages.
        folder: The model's files.
        params: Inference parameters.
        on_error: Whether a row that breaks the contract ends it all, or is set aside.
    """

    key: str
    name: str
    rows: Rows
    loader: Loader
    uri: str
    folder: str
    params: dict[str, Any] | None
    on_error: OnError


class Scorer:
    """Answers parts of an input. It is used by one thread at a time.

    Args:
        plan: What is to be done.
        adapter: The model where it is loaded already.
    """

    def __init__(self, plan: Plan, adapter: Adapter | None = None) -> None:
        import copy

        self._plan = plan
        self._adapter = adapter if adapter is not None else plan.loader.load(plan.folder)
        self._rows = copy.copy(plan.rows)
        self._enforcer: Enforcer | None = None

    def score(self, part: Part) -> PartResult:
        """Answer one part.

        Raises:
            DataError: The part cannot be read.
            InputsError: A row breaks the contract, and is not to be set aside; or all rows do, as where a column is missing.
            PredictError: The model failed.
            OutputsError: An answer breaks the contract.
        """
        import pyarrow as pa

        rejects: list[Violation] = []
        tables = []
        chunks = self._rows.chunks(part, rejects)
        for chunk in chunks:
            self._refuse(rejects)
            found = self._chunk(chunk, rejects)
            if found is not None:
                tables.append(found)
        self._refuse(rejects)
        try:
            table = pa.concat_tables(tables, promote_options="permissive") if tables else None
        except pa.ArrowException as error:
            raise mixed(self._plan.name, error) from error
        return PartResult(part, table, sorted(rejects, key=lambda reject: reject.row or 0))

    def _chunk(self, chunk: Chunk, rejects: list[Violation]) -> pa.Table | None:
        """The answers of the rows that can be answered."""
        n_rows = len(chunk.numbers)
        kept = {name: _arrow(values) for name, values in chunk.kept.items()}
        inputs = chunk.inputs
        if n_rows == 0:
            return None
        try:
            outputs = self._adapter.predict(inputs, self._plan.params)
        except InputsError as error:
            bad = self._judge(chunk, error, rejects)
            self._refuse(rejects)
            good = [place for place in range(n_rows) if place not in bad]
            if not good:
                return None
            kept = {name: values.take(good) for name, values in kept.items()}
            n_rows = len(good)
            outputs = self._adapter.predict(_take(inputs, good), self._plan.params)
        return self._table(outputs, n_rows, kept)

    def _table(self, outputs: Outputs, n_rows: int, kept: dict[str, Any]) -> pa.Table:
        return table_of(outputs.prediction, n_rows, self._adapter.signature, kept)

    def _judge(self, chunk: Chunk, error: InputsError, rejects: list[Violation]) -> set[int]:
        """Add the rows that break the contract to `rejects`.

        Returns:
            Their places in the chunk.
        """
        found = self._find(chunk.inputs)
        of_all = [failure for failure in found if failure.row is None]
        if any(
            failure.code in _OF_ALL or chunk.whole or self._is_param(failure) for failure in of_all
        ):
            raise self._of_all(error, of_all) from error
        bad: set[int] = set()
        places: Sequence[tuple[int, Violation]] = [
            (failure.row, failure) for failure in found if failure.row is not None
        ]
        if of_all:  # it is not said of which row: each is asked about by itself
            places = [
                (place, failure)
                for place in range(len(chunk.numbers))
                for failure in self._find(_take(chunk.inputs, [place]))
            ]
        for place, failure in places:
            bad.add(place)
            number = int(chunk.numbers[place])
            rejects.append(replace(failure, row=number))
        if not bad:
            raise self._of_all(error, of_all) from error
        return bad

    def _is_param(self, failure: Violation) -> bool:
        params = self._adapter.signature.params
        return any(
            failure.path.partition("[")[0].partition(".")[0] == param.name for param in params or ()
        )

    def _find(self, inputs: Any) -> list[Violation]:
        if self._enforcer is None:
            self._enforcer = compile_signature(
                self._adapter.signature, self._plan.loader.policy, self._plan.loader.extra
            )
        return self._enforcer.find_violations(inputs, self._plan.params, limit=10**9).recorded

    def _of_all(self, error: InputsError, failures: list[Violation]) -> InputsError:
        lines = "".join(f"\n  {failure}" for failure in failures[:SHOWN])
        return InputsError(
            f"{self._plan.name} breaks the signature of {self._plan.uri} as a whole:{lines}"
            if lines
            else error.message,
            remedy="No row of it can be answered: correct the data or the params; task=check says more.",
            failures=tuple(failures) or error.failures,
            uri=self._plan.uri,
        )

    def _refuse(self, rejects: list[Violation]) -> None:
        """End it all at the first rows that are not to be answered."""
        if self._plan.on_error == "reject" or not rejects:
            return
        rejects = sorted(rejects, key=lambda reject: reject.row or 0)
        lines = "".join(f"\n  {reject}" for reject in rejects[:SHOWN])
        more = (
            f"\n  ... and {len(rejects) - SHOWN:,} more thereabouts" if len(rejects) > SHOWN else ""
        )
        raise InputsError(
            f"{self._plan.name} breaks the signature of {self._plan.uri}:{lines}{more}",
            remedy="Correct the data; task.on_error=reject sets such rows aside and answers the others.",
            failures=tuple(rejects),
            uri=self._plan.uri,
        )


def _take(inputs: Any, places: Sequence[int]) -> Any:
    """Some rows; of named tensors that are still lists as well."""
    if isinstance(inputs, dict) and all(isinstance(values, list) for values in inputs.values()):
        return {name: [values[place] for place in places] for name, values in inputs.items()}
    return take_rows(inputs, places)


def _arrow(values: Any) -> Any:
    """A column that is passed through."""
    import pyarrow as pa

    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)


def mixed(name: str, error: Exception) -> DataError:
    """The error for columns whose types change within the file."""
    return DataError(
        f"the answers to {name} have columns of types that do not go together: {truncate(error, 200)}",
        remedy="Give a column that is kept one type in all rows, or sign the model's outputs.",
    )


_mine = threading.local()


def score_in_worker(plan: Plan, part: Part) -> PartResult:
    """Answer a part in a process that may be asked for many: the model is loaded once."""
    if getattr(_mine, "key", None) != plan.key:
        _mine.scorer = Scorer(plan)
        _mine.key = plan.key
    scorer: Scorer = _mine.scorer
    return scorer.score(part)
