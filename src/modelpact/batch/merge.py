"""All parts in one file, once they are done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact.batch.base import Part
from modelpact.batch.checkpoint import Checkpoint
from modelpact.batch.scoring import mixed
from modelpact.batch.writers import whole_or_not, write

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["gather", "gather_rejects"]


def gather(kept: Checkpoint, parts: list[Part], out: Path) -> int:
    """Make one file of all parts; the number of its rows."""
    import pyarrow as pa

    schemas = [kept.schema(part) for part in parts]
    filled = [
        schema for schema in schemas if (schema.metadata or {}).get(b"rows") == b"1"
    ] or schemas[:1]
    distinct: list[pa.Schema] = []
    for schema in filled:
        if not any(schema.equals(other) for other in distinct):
            distinct.append(schema)
    try:
        schema = pa.unify_schemas(distinct, promote_options="permissive").remove_metadata()
    except pa.ArrowException as error:
        raise mixed(out.name, error) from error
    answered = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal answered
        for part in parts:
            table = kept.table(part)
            if table.num_rows:
                answered += table.num_rows
                yield _in(table, schema)

    with whole_or_not(out) as aside:
        write(out, aside, schema, _merged(tables()))
    return answered


def _merged(tables: Iterator[pa.Table], least: int = 1 << 17) -> Iterator[pa.Table]:
    """Tables of so many rows at least: a row group of a few rows is a slow one."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(each.num_rows for each in waiting) >= least:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _in(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table with all columns of a schema, in its types."""
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


def gather_rejects(kept: Checkpoint, parts: list[Part], path: Path) -> int:
    """Make one file of all rejects, or none; the number of rows in it."""
    rows: set[int] = set()
    with whole_or_not(path) as aside, aside.open("w", encoding="utf-8") as file:
        for part in parts:
            text = kept.rejects(part)
            file.write(text)
            rows.update(
                json.loads(line)["row"] for line in text.split("\n") if line
            )  # names may hold other line ends
    if not rows:
        path.unlink()
    return len(rows)
