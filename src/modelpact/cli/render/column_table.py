"""One side of a signature as rows for a table: every column and nested path, with an example of the data and remarks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Map, Object

from modelpact._internal.text import truncate
from modelpact.errors import SignError
from modelpact.signature import format_type, infer

if TYPE_CHECKING:
    from mlflow.types.schema import ParamSchema, Schema

__all__ = ["HEADERS", "Column", "alone", "describe", "describe_params", "marked"]

HEADERS = ("path", "type", "required", "example", "remarks")

WIDTH = 30
"""An example repeats no more of the data than this many characters."""

LOOKED_AT = 1000
"""So many values are looked at for an example below the top level."""


@dataclass(frozen=True, slots=True)
class Column:
    """One line about a column, a path below one, or a param; `type` is empty where there is none."""

    path: str
    type: str = ""
    required: str = ""
    example: str = ""
    remarks: tuple[str, ...] = ()

    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        return (
            self.path,
            self.type or "-",
            self.required or "-",
            self.example,
            "; ".join(self.remarks),
        )


def _parts(data: Any) -> list[tuple[Any, Any]]:
    """Inputs or outputs taken apart: each column's name, and data of the same kind that has this column only.

    What has no named columns is one part, named None.
    """
    if isinstance(data, pd.DataFrame):
        return [(label, data.iloc[:, [position]]) for position, label in enumerate(data.columns)]
    if isinstance(data, pd.Series) and data.name is not None:
        return [(data.name, data)]
    if isinstance(data, dict):
        return [(key, {key: value}) for key, value in data.items()]
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        keys = dict.fromkeys(key for row in data for key in row)
        return [(key, [{key: row[key]} if key in row else {} for row in data]) for key in keys]
    return [(None, data)]


def describe(schema: Schema, data: Any, *, integers: bool) -> list[Column]:
    """The lines of a schema.

    Args:
        schema: Inputs or outputs.
        data: What they were signed from.
        integers: Whether to remark on integers that may meet missing values.
    """
    found = {str(label): part for label, part in _parts(data)}
    lines = []
    for position, spec in enumerate(schema.inputs):
        name = (
            str(spec.name)
            if spec.name is not None
            else f"column {position}"
            if len(schema.inputs) > 1
            else "(all)"
        )
        part = found.get(str(spec.name), data if spec.name is None else None)
        values = _values(part)
        if not isinstance(spec, ColSpec):
            lines.append(
                Column(
                    name, format_type(spec), "yes", _example(part if spec.name is None else values)
                )
            )
            continue
        remarks = _remarks(spec, values, integers=integers)
        lines.append(
            Column(
                name,
                _short(spec.type),
                "yes" if spec.required else "no",
                _example(_first(values)),
                remarks,
            )
        )
        lines += _below(spec.type, name, list(islice(values, LOOKED_AT)))
    return lines


def describe_params(schema: ParamSchema) -> list[Column]:
    """The lines of a `ParamSchema`; a param's default is its example."""
    return [
        Column(
            spec.name,
            format_type(spec.dtype) if spec.shape is None else f"[{format_type(spec.dtype)}]",
            "no",
            _example(spec.default),
        )
        for spec in schema.params
    ]


def _short(dtype: Any) -> str:
    """A type without what the lines below it say."""
    if isinstance(dtype, Object):
        return "object"
    if type(dtype) is Array:
        return f"[{_short(dtype.dtype)}]"
    return format_type(dtype)


def _below(dtype: Any, path: str, values: list[Any]) -> Iterator[Column]:
    if type(dtype) is Array:
        items = [
            item
            for value in values
            if isinstance(value, (list, tuple, np.ndarray))
            for item in islice(value, LOOKED_AT)
        ]
        yield from _below(dtype.dtype, f"{path}[]", items[:LOOKED_AT])
    elif isinstance(dtype, Map):
        yield from _below(
            dtype.value_type,
            f"{path}.*",
            [item for value in values if isinstance(value, dict) for item in value.values()],
        )
    elif isinstance(dtype, Object):
        for prop in dtype.properties:
            inner = [
                value[prop.name]
                for value in values
                if isinstance(value, dict) and prop.name in value
            ]
            name = f"{path}.{prop.name}"
            yield Column(
                name, _short(prop.dtype), "yes" if prop.required else "no", _example(_first(inner))
            )
            yield from _below(prop.dtype, name, inner)


def _remarks(spec: ColSpec, values: list[Any], *, integers: bool) -> tuple[str, ...]:
    remarks = []
    if isinstance(spec.type, AnyType):
        remarks.append(
            "the data tells no type: anything will pass; plain MLflow signs it so without a word"
        )
    nulls = sum(1 for value in values if _is_null(value))
    if not spec.required and nulls:
        remarks.append(f"optional: {nulls:,} of {len(values):,} rows have no value")
    if integers and spec.required and spec.type in (DataType.long, DataType.integer):
        remarks.append(
            "integers: one missing value makes the column double; signer.integers_as=double allows for it"
        )
    return tuple(remarks)


class _Absent:
    """Stands for a key that a row does not have."""


_ABSENT = _Absent()


def _values(part: Any) -> Any:
    """The values of a part with one column, one a row."""
    if isinstance(part, pd.DataFrame):
        return part.iloc[:, 0].tolist()
    if isinstance(part, pd.Series):
        return part.tolist()
    if isinstance(part, dict):
        (value,) = part.values() if len(part) == 1 else (part,)
        return value if isinstance(value, (list, np.ndarray)) else [value]
    if (
        isinstance(part, list)
        and part
        and all(isinstance(row, dict) and len(row) <= 1 for row in part)
    ):
        return [next(iter(row.values()), _ABSENT) for row in part]
    if isinstance(part, (list, np.ndarray)):
        return part
    return [] if part is None else [part]


def _is_null(value: Any) -> bool:
    return (
        value is _ABSENT
        or value is None
        or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))
    )


def _first(values: Any) -> Any:
    return next((value for value in values if not _is_null(value)), None)


def _example(value: Any) -> str:
    """A value in a few characters; of a tensor its shape."""
    if value is None:
        return ""
    if isinstance(value, np.ndarray) or hasattr(value, "tocsr"):
        return f"shape {tuple(value.shape)}"
    if isinstance(value, (list, tuple)) and len(value) > 3:
        return f"{len(value)} items"
    if isinstance(value, str):
        return truncate(repr(value[: WIDTH + 1]), WIDTH)
    return truncate(value, WIDTH)


def alone(data: Any, on_any: Literal["error", "warn", "allow"]) -> list[Column]:
    """The lines of data that was refused as a whole: what each column would be signed as if it were the only one.

    Args:
        data: Inputs or outputs.
        on_any: What the signer does about a column whose type cannot be told.
    """
    lines = []
    for label, part in _parts(data):
        try:
            schema = infer(part, on_any="error" if on_any == "error" else "allow").inputs
            lines += describe(schema, part, integers=False) if schema is not None else []
        except SignError as error:
            name = "(all)" if label is None else str(label)
            shown = _example(part if label is None else _first(_values(part)))
            texts = [f"refused: {text}" for _, text in error.problems]
            lines.append(Column(name, example=shown, remarks=_few(texts)))
    return lines


def marked(lines: list[Column], refusals: list[tuple[str, str]]) -> list[Column]:
    """The lines with each refusal, given as `(path, text)`, as the remark of the innermost line that it is about."""
    remarks: dict[str, list[str]] = {}
    known = {line.path for line in lines}
    for path, text in refusals:
        place = path
        while place and place not in known:
            place = re.sub(r"(\.[^.\[]*|\[[^\]]*\]|[^.\[\]]+|.)$", "", place)
        inner = path[len(place) :].lstrip(".") if place else ""
        remarks.setdefault(place or path or "(all)", []).append(
            f"refused: {inner + ': ' if inner else ''}{text}"
        )
    found = [
        replace(line, type="", required="", remarks=_few(remarks[line.path]))
        if line.path in remarks
        else line
        for line in lines
    ]
    return found + [
        Column(path, remarks=_few(texts)) for path, texts in remarks.items() if path not in known
    ]


def _few(texts: list[str]) -> tuple[str, ...]:
    return (*texts[:2], f"and {len(texts) - 2} more") if len(texts) > 2 else tuple(texts)
