"""JSON, one row a line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelpact.batch.base import Chunk, Part, ReadPlan, Rows
from modelpact.batch.records import parts_of, records
from modelpact.data import JsonlData
from modelpact.signature import Violation, ViolationCode

__all__ = ["JsonlReader"]


class JsonlReader(Rows):
    """The rows of a file with a JSON text a line.

    Args:
        data: The file, as it is composed.
        path: Where it is.
        wanted: What is read of it.
    """

    def __init__(self, data: JsonlData, path: Path, wanted: ReadPlan) -> None:
        self._path = path
        self._wanted = wanted
        self._columns = data.columns
        self._target = data.target
        schema = wanted.signature.inputs
        tensors = schema is not None and schema.is_tensor_spec()
        self._tensors = (
            [str(name) for name in schema.input_names()]
            if schema and tensors and schema.has_input_names()
            else None
        )
        self._objects = schema is not None and schema.has_input_names()
        self._required = (
            [spec.name for spec in schema.inputs if tensors or spec.required]
            if schema and self._objects
            else []
        )
        self._expected = (
            {spec.name: str(spec.type) for spec in schema.inputs}
            if schema and self._objects
            else {}
        )
        self._flat = _flat(wanted) if data.columns is None and not wanted.every else None

    def identity(self) -> dict[str, Any]:
        return {"columns": self._columns, "target": self._target}

    def parts(self) -> Iterator[Part]:
        begin = 3 if records(self._path, 0, 3) == b"\xef\xbb\xbf" else 0
        return parts_of(self._path, begin, self._wanted.part, False)

    def chunks(self, part: Part, rejects: list[Violation]) -> Iterator[Chunk]:
        body = records(self._path, part.begin, part.end)
        batch = self._wanted.batch
        frame = None if self._flat is None else _read_with_arrow(body, self._flat, part.n_rows)
        if frame is not None:
            for begin in range(0, part.n_rows, batch):
                piece = frame.iloc[begin : begin + batch].reset_index(drop=True)
                kept = {name: piece[name] for name in self._wanted.keep}
                yield Chunk(piece, range(part.first + begin, part.first + begin + len(piece)), kept)
            return
        rows, numbers = self._rows(body, part, rejects)
        for begin in range(0, len(rows), batch):
            found = rows[begin : begin + batch]
            kept = {name: [row.get(name) for row in found] for name in self._wanted.keep}
            yield Chunk(self._inputs(found), numbers[begin : begin + batch], kept)

    def _rows(
        self, body: bytes, part: Part, rejects: list[Violation]
    ) -> tuple[list[Any], list[int]]:
        """The rows that can be read, and their numbers."""
        rows, numbers = [], []
        lines = (
            line for line in body.split(b"\n") if line not in (b"", b"\r")
        )  # as they were counted
        for number, line in enumerate(lines, part.first):
            row, wrong = _parsed(line)
            wrong = wrong or self._wrong(row)
            if wrong is not None:
                code, path, expected, got = wrong
                rejects.append(Violation(code, path, number, expected, got))
            else:
                rows.append(row)
                numbers.append(number)
        return rows, numbers

    def _wrong(self, row: Any) -> tuple[str, str, str, str] | None:
        """Why a row cannot be taken by itself, whatever the others are."""
        if not isinstance(row, dict):
            if self._objects or self._wanted.keep:
                return ViolationCode.MALFORMED, "", "an object", type(row).__name__
            return None
        for name in self._wanted.keep:
            if name not in row:
                return "MISSING_COLUMN", name, "a value to keep", "no column"
        for name in self._required:
            if name not in row:
                return "MISSING_COLUMN", name, self._expected[name], "no column"
        return None

    def _inputs(self, rows: list[Any]) -> Any:
        if self._tensors is not None:
            return {name: [row[name] for row in rows] for name in self._tensors}
        if not all(isinstance(row, dict) for row in rows):
            return rows
        if self._columns is not None:
            return [{name: row[name] for name in self._columns if name in row} for row in rows]
        keep = set(self._wanted.keep) - set(self._expected)
        if self._target not in self._expected and self._target is not None:
            keep.add(self._target)
        if not self._wanted.every and self._objects:
            return [
                {name: value for name, value in row.items() if name in self._expected}
                for row in rows
            ]
        return (
            [{name: value for name, value in row.items() if name not in keep} for row in rows]
            if keep
            else rows
        )


def _parsed(line: bytes) -> tuple[Any, tuple[str, str, str, str] | None]:
    try:
        found = json.loads(line.decode(), parse_constant=_no_number)
        if b"\\u" in line:
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no character
    except UnicodeDecodeError:
        return None, (ViolationCode.MALFORMED, "", "text in UTF-8", "other bytes")
    except UnicodeEncodeError:
        return None, (
            ViolationCode.MALFORMED,
            "",
            "whole characters",
            "one half of a surrogate pair",
        )
    except RecursionError:
        return None, (ViolationCode.MALFORMED, "", "JSON", "a value that is nested too deeply")
    except json.JSONDecodeError as error:
        return None, (ViolationCode.MALFORMED, "", "JSON", f"column {error.colno}: {error.msg}")
    except ValueError as error:
        return None, (ViolationCode.MALFORMED, "", "JSON", str(error)[:60])
    return found, None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name}, which is no number of JSON")


def _flat(wanted: ReadPlan) -> dict[str, str] | None:
    """The Arrow type of each column, where all of them are plain numbers, texts and booleans; else None."""
    from mlflow.types.schema import DataType

    schema = wanted.signature.inputs
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return None
    kinds = {
        DataType.double: "double",
        DataType.long: "int64",
        DataType.string: "string",
        DataType.boolean: "bool",
    }
    found = {
        spec.name: kinds.get(spec.type, "") if isinstance(spec.type, DataType) else ""
        for spec in schema.inputs
    }
    known = all(found.values()) and set(wanted.keep) <= set(found)
    return found if known and all(spec.required for spec in schema.inputs) else None


def _read_with_arrow(body: bytes, types: dict[str, str], n_rows: int) -> Any:
    """A frame of rows that Arrow reads just as Python does; None where there is any doubt."""
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
        if pa.types.is_floating(column.type):
            bounds = compute.min_max(compute.abs(column))
            if not bounds["max"].as_py() < 2**53 or compute.any(compute.is_nan(column)).as_py():
                return None
    return table.to_pandas(split_blocks=True)
