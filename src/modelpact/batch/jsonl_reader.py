"""Reads JSON lines: one JSON value per line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from modelpact.batch.base import Chunk, Part, ReadPlan, RowReader
from modelpact.batch.records import read_bytes, split_records
from modelpact.data import JsonlData
from modelpact.signature import Violation, ViolationCode

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.types.schema import Schema

__all__ = ["JsonlReader"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

MAX_EXACT_FLOAT = 2**53
"""Up to here, every integer is a double."""


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
        # The declared type of each named input; None for inputs without names.
        self._types = _input_types(schema) if schema and schema.has_input_names() else None
        self._required = _required_inputs(schema) if schema and self._types else []
        self._is_tensors = schema is not None and schema.is_tensor_spec()
        can_use_arrow = data.columns is None and not plan.read_extra
        self._arrow_types = _arrow_types(plan) if can_use_arrow else None

    def identity(self) -> dict[str, Any]:
        return {"columns": self._columns, "target": self._target}

    def parts(self) -> Iterator[Part]:
        mark = read_bytes(self._path, 0, len(BYTE_ORDER_MARK))
        begin = len(mark) if mark == BYTE_ORDER_MARK else 0
        return split_records(self._path, begin, self._plan.part_rows, quoted=False)

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
            yield Chunk(self._to_inputs(chunk), numbers[begin : begin + size], kept)

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
            row, fault = _parse_line(line)
            fault = fault or self._find_fault(row)
            if fault is not None:
                rejects.append(Violation(fault.code, fault.path, number, fault.expected, fault.got))
            else:
                rows.append(row)
                numbers.append(number)
        return rows, numbers

    def _find_fault(self, row: Any) -> _Fault | None:
        """Return why a row cannot be part of any chunk; None if it can."""
        if not isinstance(row, dict):
            if self._types is None and not self._plan.keep:
                return None
            return _Fault(ViolationCode.MALFORMED, "", "an object", type(row).__name__)
        for name in self._plan.keep:
            if name not in row:
                return _Fault("MISSING_COLUMN", name, "a value to keep", "no column")
        for name in self._required:
            if name not in row:
                expected = self._types[name] if self._types else ""
                return _Fault("MISSING_COLUMN", name, expected, "no column")
        return None

    def _to_inputs(self, rows: list[Any]) -> Any:
        """Return rows as model inputs."""
        if self._is_tensors and self._types is not None:
            return {name: [row[name] for row in rows] for name in self._types}
        if not all(isinstance(row, dict) for row in rows):
            return rows
        if self._columns is not None:
            return [{name: row[name] for name in self._columns if name in row} for row in rows]
        declared = self._types or {}
        if declared and not self._plan.read_extra:
            return [_filter_keys(row, declared.__contains__) for row in rows]
        excluded = {*self._plan.keep, self._target} - {*declared, None}
        if not excluded:
            return rows
        return [_filter_keys(row, lambda name: name not in excluded) for row in rows]


def _filter_keys(row: dict[str, Any], condition: Callable[[str], bool]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if condition(name)}


def _input_types(schema: Schema) -> dict[str, str]:
    return {str(spec.name): str(spec.type) for spec in schema.inputs}


def _required_inputs(schema: Schema) -> list[str]:
    is_tensors = schema.is_tensor_spec()
    return [str(spec.name) for spec in schema.inputs if is_tensors or spec.required]


def _parse_line(line: bytes) -> tuple[Any, _Fault | None]:
    """Return the JSON value of a line, or why it does not have one."""
    try:
        value = json.loads(line.decode(), parse_constant=_reject_constant)
        if b"\\u" in line:
            # An unpaired surrogate cannot be encoded.
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        return None, _Fault(ViolationCode.MALFORMED, "", "UTF-8 text", "invalid bytes")
    except UnicodeEncodeError:
        return None, _Fault(ViolationCode.MALFORMED, "", "Unicode text", "an unpaired surrogate")
    except RecursionError:
        return None, _Fault(
            ViolationCode.MALFORMED, "", "JSON", "a value that is nested too deeply"
        )
    except json.JSONDecodeError as error:
        return None, _Fault(
            ViolationCode.MALFORMED, "", "JSON", f"column {error.colno}: {error.msg}"
        )
    except ValueError as error:
        return None, _Fault(ViolationCode.MALFORMED, "", "JSON", str(error)[:60])
    return value, None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is not valid JSON")


def _arrow_types(plan: ReadPlan) -> dict[str, str] | None:
    """Return the Arrow type of each input; None unless all are required and of simple types."""
    from mlflow.types.schema import DataType

    schema = plan.signature.inputs
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return None
    known = {
        DataType.double: "double",
        DataType.long: "int64",
        DataType.string: "string",
        DataType.boolean: "bool",
    }
    types: dict[str, str] = {}
    for spec in schema.inputs:
        if not spec.required or not isinstance(spec.type, DataType) or spec.type not in known:
            return None
        types[spec.name] = known[spec.type]
    return types if set(plan.keep) <= set(types) else None


def _read_with_arrow(body: bytes, types: dict[str, str], n_rows: int) -> pd.DataFrame | None:
    """Return the rows as Arrow parses them; None if Python might parse them differently."""
    import pyarrow as pa
    import pyarrow.json as arrow_json
    from pyarrow import compute

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in types.items()])
    read = arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 1)
    parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        table = arrow_json.read_json(io.BytesIO(body), read, parse)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if table.num_rows != n_rows or any(column.null_count for column in table.columns):
        return None
    for column in table.columns:
        if not pa.types.is_floating(column.type):
            continue
        largest = compute.max(compute.abs(column)).as_py()
        if not largest < MAX_EXACT_FLOAT or compute.any(compute.is_nan(column)).as_py():
            return None
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame
