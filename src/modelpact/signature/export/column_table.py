"""A schema as table rows: each column, nested path and param, with an example and remarks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Map, Object

from modelpact._internal.card import CardTable
from modelpact.errors import SignError
from modelpact.signature import format_type, infer
from modelpact.signature.export.column_values import (
    column_values,
    first_value,
    format_example,
    is_missing,
    split_columns,
)

if TYPE_CHECKING:
    from mlflow.types.schema import ParamSchema, Schema, TensorSpec

    from modelpact.types import Inputs, Outputs, Signature

__all__ = [
    "HEADERS",
    "ColumnRow",
    "add_errors",
    "contract_tables",
    "describe_columns",
    "describe_params",
    "describe_schema",
]

HEADERS = ("path", "type", "required", "example", "remarks")

ID_NAME = re.compile(r"(^|_|\b)(id|uuid|key|ID|UUID)$|Id$")
"""The names of columns that identify rows."""

MIN_UNIQUE = 100
"""Rows from which on a column without repetitions may be an id, whatever its name."""

MAX_SEARCHED = 1000
"""How many values are searched for an example of a nested path."""


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A table row about a column, a nested path or a param."""

    path: str
    type: str = ""
    required: str = ""
    example: str = ""
    remarks: tuple[str, ...] = ()

    def cells(self) -> tuple[str, ...]:
        """Return the cells in the order of `HEADERS`."""
        remarks = "; ".join(self.remarks)
        return (self.path, self.type or "-", self.required or "-", self.example, remarks)


def describe_schema(
    schema: Schema, data: Inputs | Outputs | None, *, check_integers: bool
) -> list[ColumnRow]:
    """Return the rows of a schema.

    Args:
        schema: The schema of inputs or outputs.
        data: The data for the examples.
        check_integers: Whether to warn about integers without missing values.
    """
    parts = {str(label): part for label, part in split_columns(data)}
    rows = []
    for position, spec in enumerate(schema.inputs):
        if not isinstance(spec, ColSpec):
            rows.append(_describe_tensor(spec, parts, data))
            continue
        unnamed = f"column {position}" if len(schema.inputs) > 1 else "(all)"
        name = unnamed if spec.name is None else str(spec.name)
        values = column_values(data if spec.name is None else parts.get(str(spec.name)))
        row = _row(name, spec.type, spec.required, values)
        rows.append(replace(row, remarks=_remarks(spec, values, check_integers)))
        rows += _describe_nested(spec.type, name, list(islice(values, MAX_SEARCHED)))
    return rows


def describe_params(schema: ParamSchema) -> list[ColumnRow]:
    """Return the rows of a `ParamSchema`; the example of a param is its default."""
    rows = []
    for spec in schema.params:
        name = format_type(spec.dtype)
        kind = name if spec.shape is None else f"[{name}]"
        rows.append(ColumnRow(spec.name, kind, "no", format_example(spec.default)))
    return rows


def contract_tables(signature: Signature) -> list[CardTable]:
    """Return the inputs, the params and the outputs of a signature as tables."""

    def schema_table(title: str, schema: Schema | None) -> CardTable:
        rows = [] if schema is None else describe_schema(schema, None, check_integers=False)
        cells = [(row.path, row.type, row.required) for row in rows]
        return CardTable(title, ("name", "type", "required"), cells)

    params = [] if signature.params is None else describe_params(signature.params)
    cells = [(row.path, row.type, row.example or "none") for row in params]
    return [
        schema_table("Inputs", signature.inputs),
        CardTable("Params", ("name", "type", "default"), cells),
        schema_table("Outputs", signature.outputs),
    ]


def describe_columns(
    data: Inputs | Outputs, on_any: Literal["error", "warn", "allow"]
) -> list[ColumnRow]:
    """Return the rows of data that has no signature as a whole, with each column signed separately.

    Args:
        data: Inputs or outputs.
        on_any: What the signer does with a column of unknown type.
    """
    rows: list[ColumnRow] = []
    for label, part in split_columns(data):
        try:
            schema = infer(part, on_any="error" if on_any == "error" else "allow").inputs
        except SignError as error:
            rows.append(_describe_unsigned(label, part, error))
        else:
            if schema is not None:
                rows += describe_schema(schema, part, check_integers=False)
    return rows


def _describe_unsigned(label: object, part: object, error: SignError) -> ColumnRow:
    remarks = _abridge([f"error: {text}" for _, text in error.problems])
    if label is None:
        return ColumnRow("(all)", example=format_example(part), remarks=remarks)
    example = format_example(first_value(column_values(part)))
    return ColumnRow(str(label), example=example, remarks=remarks)


def add_errors(rows: list[ColumnRow], errors: list[tuple[str, str]]) -> list[ColumnRow]:
    """Return the rows with each error as a remark on its innermost row.

    Args:
        rows: The rows.
        errors: The path and the text of each error.
    """
    by_path = {row.path: row for row in rows}
    remarks: dict[str, list[str]] = {}
    for path, text in errors:
        place = _innermost(path, by_path.keys()) or path or "(all)"
        inner = path[len(place) :].lstrip(".")
        remark = f"error: {inner}: {text}" if inner else f"error: {text}"
        remarks.setdefault(place, []).append(remark)
    for path, texts in remarks.items():
        row = by_path.get(path, ColumnRow(path))
        by_path[path] = replace(row, type="", required="", remarks=_abridge(texts))
    return list(by_path.values())


def _innermost(path: str, known: Collection[str]) -> str:
    """Return the longest known prefix of a path, or an empty string."""
    while path and path not in known:
        # Remove the last key or index.
        path = re.sub(r"(\.[^.\[]*|\[[^\]]*\]|[^.\[\]]+|.)$", "", path)
    return path


def _abridge(texts: list[str]) -> tuple[str, ...]:
    return (*texts[:2], f"and {len(texts) - 2} more") if len(texts) > 2 else tuple(texts)


def _row(path: str, dtype: object, required: bool, values: list[object] | np.ndarray) -> ColumnRow:
    example = format_example(first_value(values))
    return ColumnRow(path, _outer_type(dtype), "yes" if required else "no", example)


def _describe_tensor(spec: TensorSpec, parts: dict[str, object], data: object) -> ColumnRow:
    if spec.name is None:
        return ColumnRow("(all)", format_type(spec), "yes", format_example(data))
    name = str(spec.name)
    values = column_values(parts.get(name))
    return ColumnRow(name, format_type(spec), "yes", format_example(values))


def _outer_type(dtype: Any) -> str:
    """Return a type without its nested types, which have rows of their own."""
    if isinstance(dtype, Object):
        return "object"
    if type(dtype) is Array:
        return f"[{_outer_type(dtype.dtype)}]"
    return format_type(dtype)


def _describe_nested(dtype: object, path: str, values: list[object]) -> Iterator[ColumnRow]:
    if type(dtype) is Array:
        items = _flatten(values)
        yield from _describe_nested(dtype.dtype, f"{path}[]", items[:MAX_SEARCHED])
    elif isinstance(dtype, Map):
        items = [item for value in _select_dicts(values) for item in value.values()]
        yield from _describe_nested(dtype.value_type, f"{path}.*", items)
    elif isinstance(dtype, Object):
        for prop in dtype.properties:
            inner = [value[prop.name] for value in _select_dicts(values) if prop.name in value]
            name = f"{path}.{prop.name}"
            yield _row(name, prop.dtype, prop.required, inner)
            yield from _describe_nested(prop.dtype, name, inner)


def _select_dicts(values: list[object]) -> list[dict[object, object]]:
    return [value for value in values if isinstance(value, dict)]


def _flatten(values: list[object]) -> list[object]:
    lists = (value for value in values if isinstance(value, (list, tuple, np.ndarray)))
    return [item for value in lists for item in islice(value, MAX_SEARCHED)]


def _remarks(
    spec: ColSpec, values: list[object] | np.ndarray, check_integers: bool
) -> tuple[str, ...]:
    remarks = _type_remarks(spec, check_integers)
    present = [value for value in values if not is_missing(value)]
    n_missing = len(values) - len(present)
    if not spec.required and n_missing:
        remarks.append(f"optional: {n_missing:,} of {len(values):,} rows have no value")
    if spec.type in (DataType.long, DataType.string):
        remarks += _id_remarks(str(spec.name), present)
    return tuple(remarks)


def _type_remarks(spec: ColSpec, check_integers: bool) -> list[str]:
    if isinstance(spec.type, AnyType):
        return ["unknown type: any value is accepted; plain MLflow signs this silently"]
    if check_integers and spec.required and spec.type in (DataType.long, DataType.integer):
        return [
            "integers: a missing value would make the column double; "
            "signer.integers_as=double allows missing values"
        ]
    return []


def _id_remarks(name: str, values: list[Any]) -> list[str]:
    """Return remarks on a column of integers or text that may identify its rows."""
    remarks = []
    if values and all(isinstance(value, str) and value.isdigit() for value in values):
        remarks.append("digits that are read as text; data.types sets another type")
    if _looks_like_id(name, values):
        remarks.append("looks like an id: no value occurs twice; data.columns can leave it out")
    return remarks


def _looks_like_id(name: str, values: list[Any]) -> bool:
    min_unique = 2 if ID_NAME.search(name) else MIN_UNIQUE
    return len(values) >= min_unique and len(set(values)) == len(values)
