"""Merges the finished parts of a batch into the output file and the file of rejects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact.batch.base import Part
from modelpact.batch.checkpoint import Checkpoint
from modelpact.batch.scoring import incompatible_types
from modelpact.batch.writers import replace_on_success, write_tables

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["merge_parts", "merge_rejects"]

MIN_TABLE_ROWS = 1 << 17
"""Rows per table that is written: small row groups are slow to read."""


def merge_parts(checkpoint: Checkpoint, parts: list[Part], out: Path) -> int:
    """Write the predictions of all parts to one file; return the number of rows.

    Raises:
        DataError: A column has incompatible types in two parts.
    """
    import pyarrow as pa

    distinct: list[pa.Schema] = []
    for schema in checkpoint.load_schemas(parts):
        if not any(schema.equals(other) for other in distinct):
            distinct.append(schema)
    try:
        schema = pa.unify_schemas(distinct, promote_options="permissive").remove_metadata()
    except pa.ArrowException as error:
        raise incompatible_types(out.name, error) from error
    n_rows = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal n_rows
        for part in parts:
            table = checkpoint.load_table(part)
            if table.num_rows:
                n_rows += table.num_rows
                yield _cast_table(table, schema)

    with replace_on_success(out) as temporary:
        write_tables(out, temporary, schema, _combine(tables()))
    return n_rows


def _combine(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Concatenate tables until they have at least `MIN_TABLE_ROWS` rows."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(one.num_rows for one in waiting) >= MIN_TABLE_ROWS:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _cast_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with the columns and types of a schema; missing columns are null."""
    import pyarrow as pa

    table = table.replace_schema_metadata(None)
    if table.schema.equals(schema):
        return table
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def merge_rejects(checkpoint: Checkpoint, parts: list[Part], path: Path) -> int:
    """Write the rejects of all parts to one file, or none; return the number of rejected rows."""
    rows: set[int] = set()
    with replace_on_success(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for part in parts:
            text = checkpoint.load_rejects(part)
            file.write(text)
            # Not `splitlines`: column names may contain other line separators.
            rows.update(json.loads(line)["row"] for line in text.split("\n") if line)
    if not rows:
        path.unlink()
    return len(rows)
