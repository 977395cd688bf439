"""Writes tables to CSV, JSON lines or Parquet files."""

from __future__ import annotations

import base64
import contextlib
import datetime
import decimal
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from modelpact._internal.files import temporary_sibling
from modelpact._internal.text import did_you_mean
from modelpact.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["WRITERS", "check_suffix", "replace_on_success", "write_tables"]

JSON_ROWS = 16_384
"""Rows that are converted to Python objects at a time."""


def check_suffix(path: Path, key: str) -> None:
    """Check that the suffix of a file names a format.

    Raises:
        ConfigError: The suffix is missing or unknown.
    """
    if path.suffix not in WRITERS:
        what = f"unknown format {path.suffix!r}" if path.suffix else "the file name has no suffix"
        raise ConfigError(
            f"{key}={path}: {what}{did_you_mean(path.suffix, WRITERS)}",
            remedy=f"Supported suffixes: {', '.join(WRITERS)}.",
            path=str(path),
        )


@contextlib.contextmanager
def replace_on_success(path: Path) -> Iterator[Path]:
    """Yield a temporary file, which replaces `path` unless the block raises."""
    temporary = temporary_sibling(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_tables(
    path: Path, temporary: Path, schema: pa.Schema, tables: Iterator[pa.Table]
) -> None:
    """Write tables of one schema to a file.

    Args:
        path: The final name of the file; its suffix determines the format.
        temporary: The file to write.
        schema: The columns.
        tables: The rows.
    """
    with WRITERS[path.suffix](temporary, schema) as writer:
        for table in tables:
            writer.write(table)


class _TableWriter(ABC):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._stack = contextlib.ExitStack()
        self._schema = schema

    def __enter__(self) -> _TableWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Append rows."""


class _ParquetWriter(_TableWriter):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        from pyarrow import parquet

        super().__init__(path, schema)
        self._writer = self._stack.enter_context(parquet.ParquetWriter(path, schema))

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)


class _CsvWriter(_TableWriter):
    """Writes nested values as JSON text."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow as pa
        from pyarrow import csv

        super().__init__(path, schema)
        self._nested = [field.name for field in schema if _is_nested(field.type)]
        self._flat = pa.schema([(field.name, _cell_type(field.type)) for field in schema])
        self._writer = self._stack.enter_context(csv.CSVWriter(str(path), self._flat))

    def write(self, table: pa.Table) -> None:
        import pyarrow as pa

        for name in self._nested:
            values = table[name].to_pylist(maps_as_pydicts="strict")
            texts = [None if value is None else _to_json(value) for value in values]
            index = table.column_names.index(name)
            table = table.set_column(index, name, pa.array(texts, pa.string()))
        self._writer.write_table(table.cast(self._flat))


class _JsonlWriter(_TableWriter):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        super().__init__(path, schema)
        self._file: IO[str] = self._stack.enter_context(path.open("w", encoding="utf-8"))

    def write(self, table: pa.Table) -> None:
        for batch in table.to_batches(max_chunksize=JSON_ROWS):
            rows = batch.to_pylist(maps_as_pydicts="strict")
            self._file.writelines(f"{_to_json(row)}\n" for row in rows)


WRITERS: dict[str, type[_TableWriter]] = {
    ".csv": _CsvWriter,
    ".jsonl": _JsonlWriter,
    ".parquet": _ParquetWriter,
}
"""The writer of each suffix."""


def _is_nested(kind: pa.DataType) -> bool:
    """Return whether a type is nested or binary, which CSV cannot represent."""
    import pyarrow as pa

    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    checks = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary)
    return any(check(value) for check in checks)


def _cell_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if _is_nested(kind):
        return pa.string()
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _to_json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_to_jsonable)
    except ValueError:
        # NaN and Infinity are not valid JSON.
        return json.dumps(_replace_nan(value), ensure_ascii=False, default=_to_jsonable)


def _replace_nan(value: object) -> object:
    """Replace NaN and Infinity by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _replace_nan(item) for key, item in value.items()}
    return [_replace_nan(item) for item in value] if isinstance(value, list | tuple) else value


def _to_jsonable(value: object) -> str:
    """Return the text of a value that JSON does not have a type for."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
