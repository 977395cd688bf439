"""Reads JSON lines: one JSON value per line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from modelpact._internal.schema_kinds import has_tensors, list_specs
from modelpact._internal.type_checks import is_list_of
from modelpact.batch.base import Chunk, Part, ReadPlan, RowReader
from modelpact.data import JsonlData
from modelpact.data.json_lines import MalformedLineError, parse_line
from modelpact.data.records import read_bytes, split_records
from modelpact.signature import Violation, ViolationCode, format_type
from modelpact.signature.enforcement.json_decoding import JsonDecoder

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from mlflow.types.schema import Schema

__all__ = ["JsonlReader"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

MAX_EXACT_FLOAT = 2**53
"""Up to here, every integer is a double."""


ARROW_TYPES = {"double": "double", "long": "int64", "string": "string", "boolean": "bool"}
"""The Arrow type of each simple type."""


class _Fault(NamedTuple):
    """Why a row is rejected; the fields of a `Violation` without the row."""

    code: str
    path: str
    expected: str
    got: str


class JsonlReader(RowReader):
    """Reads the rows of a JSON lines file.

    Args:
        data: The data source.
        path: The file.
        plan: What is read of it.
    """

    def __init__(self, data: JsonlData, path: Path, plan: ReadPlan) -> None:
        self._path = path
        self._plan = plan
        self._columns = data.columns
        self._target = data.target
        schema = plan.signature.inputs
        self._names = dict.fromkeys(plan.input_names())
        kept = dict.fromkeys(plan.keep, "a value to keep")
        # What each row must contain, with the expected type; kept values first.
        self._needed = kept | _required_inputs(schema) | kept
        self._is_tensors = has_tensors(schema)
        self._decoder = JsonDecoder(schema)
        declared = self._names if self._names and not plan.read_extra else None
        self._selected = data.columns if data.columns is not None else declared
        self._excluded = {*plan.keep, data.target} - {*self._names, None}
        can_use_arrow = data.columns is None and not plan.read_extra
        self._arrow_types = _arrow_types(plan) if can_use_arrow else None

    def identity(self) -> dict[str, object]:
        return {"columns": self._columns, "target": self._target}

    def parts(self) -> Iterator[Part]:
        mark = read_bytes(self._path, 0, len(BYTE_ORDER_MARK))
        begin = len(mark) if mark == BYTE_ORDER_MARK else 0
        return split_records(self._path, begin, self._plan.part_rows)

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        body = read_bytes(self._path, part.begin, part.end)
        size = self._plan.chunk_rows
        if self._arrow_types is not None:
            frame = _read_with_arrow(body, self._arrow_types, part.n_rows)
            if frame is not None:
                yield from self._split_frame(frame, part)
                return
        rows, numbers = self._read_rows(body, part, rejects)
        for begin in range(0, len(rows), size):
            chunk = rows[begin : begin + size]
            kept = {name: [row.get(name) for row in chunk] for name in self._plan.keep}
            inputs = self._decoder.decode(self._to_inputs(chunk))
            yield Chunk(inputs, numbers[begin : begin + size], kept)

    def _split_frame(self, frame: pd.DataFrame, part: Part) -> Iterator[Chunk]:
        for begin in range(0, part.n_rows, self._plan.chunk_rows):
            piece = frame.iloc[begin : begin + self._plan.chunk_rows].reset_index(drop=True)
            first = part.first + begin
            kept = {name: piece[name] for name in self._plan.keep}
            yield Chunk(piece, range(first, first + len(piece)), kept)

    def _read_rows(
        self, body: bytes, part: Part, rejects: list[Violation]
    ) -> tuple[list[Any], list[int]]:
        """Return the rows that can be parsed, and their numbers in the file."""
        rows, numbers = [], []
        # The same lines that `split_records` counts as records.
        lines = (line for line in body.split(b"\n") if line not in (b"", b"\r"))
        for number, line in enumerate(lines, part.first):
            try:
                row = parse_line(line)
                fault = self._find_fault(row)
            except MalformedLineError as error:
                fault = _Fault(ViolationCode.MALFORMED, "", error.expected, error.got)
            if fault is not None:
                rejects.append(Violation(fault.code, fault.path, number, fault.expected, fault.got))
            else:
                rows.append(row)
                numbers.append(number)
        return rows, numbers

    def _find_fault(self, row: object) -> _Fault | None:
        """Return why a row cannot be part of any chunk; None if it can."""
        if not isinstance(row, dict):
            if not self._names and not self._plan.keep:
                return None
            return _Fault(ViolationCode.MALFORMED, "", "an object", type(row).__name__)
        for name, expected in self._needed.items():
            if name not in row:
                return _Fault("MISSING_COLUMN", name, expected, "no column")
        return None

    def _to_inputs(self, rows: list[Any]) -> Any:
        """Return rows as model inputs."""
        if self._is_tensors and self._names:
            return {name: [row[name] for row in rows] for name in self._names}
        return list(map(self._select, rows)) if is_list_of(rows, dict) else rows

    def _select(self, row: dict[str, object]) -> dict[str, object]:
        """Return the values of a row that the model gets."""
        if self._selected is not None:
            return {name: row[name] for name in self._selected if name in row}
        if not self._excluded:
            return row
        return {name: row[name] for name in row if name not in self._excluded}


def _required_inputs(schema: Schema | None) -> dict[str, str]:
    """Return the type of each required input that has a name."""
    from mlflow.types.schema import TensorSpec

    return {
        str(spec.name): format_type(spec if isinstance(spec, TensorSpec) else spec.type)
        for spec in list_specs(schema)
        if spec.required and spec.name is not None
    }


def _arrow_types(plan: ReadPlan) -> dict[str, str] | None:
    """Return the Arrow type of each input; None unless all are required and of simple types."""
    required = _required_inputs(plan.signature.inputs)
    types = {name: ARROW_TYPES[kind] for name, kind in required.items() if kind in ARROW_TYPES}
    is_complete = types.keys() == set(plan.input_names()) and types.keys() >= set(plan.keep)
    return types if types and is_complete else None


def _read_with_arrow(body: bytes, types: dict[str, str], n_rows: int) -> pd.DataFrame | None:
    """Return the rows as Arrow parses them; None if Python might parse them differently."""
    import pyarrow as pa
    import pyarrow.json as arrow_json

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in types.items()])
    read = arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 1)
    parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        table = arrow_json.read_json(io.BytesIO(body), read, parse)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if table.num_rows != n_rows or not all(map(_is_exact, table.columns)):
        return None
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame


def _is_exact(column: pa.ChunkedArray) -> bool:
    """Return whether Python would parse the same numbers; Arrow rounds large integers."""
    import pyarrow as pa
    from pyarrow import compute

    if column.null_count:
        return False
    if not pa.types.is_floating(column.type):
        return True
    largest = compute.max(compute.abs(column)).as_py()
    return largest < MAX_EXACT_FLOAT and not compute.any(compute.is_nan(column)).as_py()
