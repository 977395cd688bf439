"""Answers in a file: CSV, JSON lines or Parquet, by its suffix; whole or not at all."""

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
from typing import IO, TYPE_CHECKING, Any

from modelpact._internal.files import beside
from modelpact._internal.text import did_you_mean
from modelpact.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SUFFIXES", "check_suffix", "whole_or_not", "write"]


def check_suffix(path: Path, key: str) -> None:
    """Refuse a file whose suffix names no format.

    Raises:
        ConfigError: It names none.
    """
    if path.suffix not in SUFFIXES:
        what = f"ends in {path.suffix}" if path.suffix else "has no suffix"
        raise ConfigError(
            f"{key}={path} {what}, which names no format{did_you_mean(path.suffix, SUFFIXES)}",
            remedy=f"Let it end in {', '.join(SUFFIXES)}.",
            path=str(path),
        )


@contextlib.contextmanager
def whole_or_not(path: Path) -> Iterator[Path]:
    """A file beside another, which is renamed over it at the end, or removed where that fails."""
    aside = beside(path)
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write(path: Path, aside: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
    """Write tables of one schema.

    Args:
        path: What the file is to be called: its suffix says the format.
        aside: Where it is written.
        schema: The columns.
        tables: The rows.
    """
    with SUFFIXES[path.suffix](aside, schema) as writer:
        for table in tables:
            writer.write(table)


class _Writer(ABC):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._stack = contextlib.ExitStack()
        self._schema = schema

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Add rows."""


class _Parquet(_Writer):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        from pyarrow import parquet

        super().__init__(path, schema)
        self._writer = self._stack.enter_context(parquet.ParquetWriter(path, schema))

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)


class _Csv(_Writer):
    """Nested values are JSON in their cells."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow as pa
        from pyarrow import csv

        super().__init__(path, schema)
        self._nested = [field.name for field in schema if not _is_flat(field.type)]
        fields = [
            pa.field(field.name, pa.string() if field.name in self._nested else field.type)
            for field in schema
        ]
        self._flat = pa.schema([_flattened(field) for field in fields])
        self._writer = self._stack.enter_context(csv.CSVWriter(str(path), self._flat))

    def write(self, table: pa.Table) -> None:
        import pyarrow as pa

        for name in self._nested:
            texts = [
                None if value is None else _json(value)
                for value in table[name].to_pylist(maps_as_pydicts="strict")
            ]
            table = table.set_column(
                table.column_names.index(name), name, pa.array(texts, pa.string())
            )
        self._writer.write_table(table.cast(self._flat))


class _Jsonl(_Writer):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        super().__init__(path, schema)
        self._file: IO[str] = self._stack.enter_context(path.open("w", encoding="utf-8"))

    def write(self, table: pa.Table) -> None:
        for batch in table.to_batches(max_chunksize=16_384):
            self._file.writelines(
                f"{_json(row)}\n" for row in batch.to_pylist(maps_as_pydicts="strict")
            )


SUFFIXES: dict[str, type[_Writer]] = {".csv": _Csv, ".jsonl": _Jsonl, ".parquet": _Parquet}
"""How each format is written."""


def _is_flat(kind: pa.DataType) -> bool:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return not (
        pa.types.is_nested(inner) or pa.types.is_binary(inner) or pa.types.is_large_binary(inner)
    )


def _flattened(field: pa.Field) -> pa.Field:
    import pyarrow as pa

    return (
        pa.field(field.name, field.type.value_type) if pa.types.is_dictionary(field.type) else field
    )


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_text)
    except ValueError:  # NaN and Infinity, which are no JSON
        return json.dumps(_finite(value), ensure_ascii=False, default=_text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return (
        str(value) if isinstance(value, decimal.Decimal | datetime.timedelta) else _of_arrow(value)
    )


def _of_arrow(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
