"""The columns and tensors of a signature: read from a mapping, a list or MLflow's JSON text, and written in the short form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mlflow.exceptions import MlflowException
from mlflow.types.schema import ColSpec, Schema, TensorSpec

from modelpact._internal.text import preview
from modelpact.signature.field_path import FieldPath
from modelpact.signature.language.issues import Problems, refuse_repeated
from modelpact.signature.language.type_names import WORDS
from modelpact.signature.language.types import (
    awkward,
    is_tensor,
    read_key,
    read_member,
    read_tensor,
    read_type,
    type_to_spec,
)
from modelpact.signature.language.yaml_reader import Unreadable, read_document, read_stored

__all__ = ["format_schema", "read_schema"]

_COLUMN_KEYS = {"type", "name", "required", "items", "properties", "values", "tensor-spec"}
_LONG_KINDS = (
    "tensor",
    "array",
    "object",
    "map",
)  # compared, not hashed: a column may be named type


def read_schema(value: Any, place: FieldPath, problems: Problems) -> Schema | None:
    """Read the inputs or the outputs; faults are noted and answered with None."""
    stored: Schema | None = read_stored(value, Schema.from_json)
    if stored is not None:
        return stored
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = read_document(value, place, problems)
    if isinstance(value, str) and is_tensor(value):
        tensor = read_tensor(value, place, problems)
        return None if tensor is None else Schema([tensor])
    if (
        isinstance(value, Mapping)
        and value
        and (set(value) == {"*"} or value.get("type") in _LONG_KINDS)
    ):
        problems.add(
            place, f"one unnamed column is written as a list of its type: [{preview(dict(value))}]"
        )
        return None
    before = len(problems)
    if isinstance(value, Mapping) and value:
        columns = [_read_named(key, item, (*place, key), problems) for key, item in value.items()]
    elif isinstance(value, (list, tuple)) and value:
        columns = [
            _read_listed(item, (*place, index), problems) for index, item in enumerate(value)
        ]
    elif isinstance(value, str):
        columns = [_column(None, read_type(value, place, problems), True)]
    else:
        if value is not Unreadable:
            problems.add(
                place,
                f"columns are {{name: type}} or [type], a tensor is float32[-1, 3]; here is {preview(value)}",
            )
        return None
    _refuse_mixtures([column for column in columns if column is not None], place, problems)
    return (
        None
        if len(problems) > before or None in columns
        else _build_schema(columns, place, problems)
    )


def _build_schema(columns: list[Any], place: FieldPath, problems: Problems) -> Schema | None:
    try:
        return Schema(columns)
    except MlflowException as error:
        problems.add(place, f"MLflow refuses it: {preview(error.message)}")
        return None


def _column(name: Any, dtype: Any, required: bool | None) -> ColSpec | None:
    if dtype is None:
        return None
    return ColSpec(
        dtype, name, cast("bool", required)
    )  # None is what MLflow itself reads where its file has no `required`


def _read_named(
    key: Any, value: Any, place: FieldPath, problems: Problems
) -> ColSpec | TensorSpec | None:
    known = read_key(key, place[:-1], problems)
    if isinstance(value, str) and is_tensor(value):
        tensor = read_tensor(value, place, problems, known[0] if known else None)
        if known and not known[1]:
            problems.add(place, "a tensor cannot be optional; drop the ?")
        return tensor if known else None
    if isinstance(value, Mapping) and value.get("type") == "tensor":
        return _read_long_tensor(value, known[0] if known else None, place, problems)
    dtype, said = read_member(value, place, problems)
    if known is None:
        return None
    if not known[1] and said:
        problems.add(place, "the ? makes it optional, but required says true; keep one of them")
    return _column(known[0], dtype, known[1] if said is None else said)


def _is_long_column(value: Any) -> bool:
    """Whether an item of a list is MLflow's form of a column, which has `type`, rather than an object in the short form."""
    return isinstance(value, Mapping) and "type" in value and set(value) <= _COLUMN_KEYS


def _read_listed(value: Any, place: FieldPath, problems: Problems) -> ColSpec | TensorSpec | None:
    if isinstance(value, str) and is_tensor(value):
        return read_tensor(value, place, problems)
    if not _is_long_column(value):
        return _column(None, read_type(value, place, problems), True)
    name, required = value.get("name"), value.get("required", True)
    if not isinstance(name, (str, int, float, type(None))):
        problems.add((*place, "name"), f"a name is text or a number, not {preview(name)}")
        name = preview(name)
    if set(value) == {"name", "type"} and isinstance(name, str) and name in WORDS:
        problems.add(
            place,
            f"a column named {name}, or an object with the properties name and type? Add required: true, or name: type",
        )
    if value["type"] == "tensor":
        return _read_long_tensor(value, name, place, problems)
    if value["type"] in _LONG_KINDS and "required" not in value:
        problems.add(
            place,
            "MLflow reads a missing required as optional here; add required: true or required: false",
        )
    dtype, _ = read_member(value, place, problems, long=True)
    return _column(name, dtype, required)


def _read_long_tensor(
    value: Mapping[str, Any], name: Any, place: FieldPath, problems: Problems
) -> TensorSpec | None:
    inside = value.get("tensor-spec")
    if (
        not isinstance(inside, Mapping)
        or not {"dtype", "shape"} <= set(inside)
        or not isinstance(inside["shape"], (list, tuple))
    ):
        problems.add(place, "type tensor needs tensor-spec: {dtype: float32, shape: [-1, 3]}")
        return None
    if value.get("required") is False:
        problems.add(place, "a tensor cannot be optional; drop required")
    written = f"{inside['dtype']}[{', '.join(map(str, inside['shape']))}]"
    if not is_tensor(written):
        problems.add(
            (*place, "tensor-spec"),
            f"{preview(written)} is no tensor; a tensor is a dtype and a shape, such as float32 and [-1, 3]",
        )
        return None
    return read_tensor(written, (*place, "tensor-spec"), problems, name)


def _refuse_mixtures(
    columns: list[ColSpec | TensorSpec], place: FieldPath, problems: Problems
) -> None:
    names = [column.name for column in columns if column.name is not None]
    refuse_repeated(names, place, problems)
    tensors = [column for column in columns if isinstance(column, TensorSpec)]
    if tensors and len(tensors) < len(columns):
        problems.add(
            place,
            f"tensors ({len(tensors)}) and columns ({len(columns) - len(tensors)}) cannot be mixed; an array column is [double]",
        )
    if names and len(names) < len(columns):
        problems.add(
            place,
            f"named ({len(names)}) and unnamed ({len(columns) - len(names)}) cannot be mixed; name all of them or none",
        )
    elif len(tensors) == len(columns) > 1 and not names:
        problems.add(
            place, "several tensors need names: {left: float32[-1, 3], right: float32[-1, 3]}"
        )
    for index, column in enumerate(columns):
        if (
            isinstance(column, ColSpec)
            and column.name is None
            and not names
            and column.required is False
        ):
            problems.add(
                (*place, index),
                "an unnamed column cannot be optional; name it, or drop required: false",
            )


def format_schema(schema: Schema) -> Any:
    """Write the inputs or the outputs in the short form.

    Raises:
        ValueError: A name cannot be a key; MLflow's own form can say it.

    Example:
        >>> format_schema(Schema([ColSpec("long", "age", required=False)]))
        {'age?': 'long'}
    """
    columns = schema.inputs
    if columns[0].name is None:
        return (
            type_to_spec(columns[0])
            if schema.is_tensor_spec()
            else [type_to_spec(column.type) for column in columns]
        )
    if any(awkward(column.name) for column in columns) or len(
        {column.name for column in columns}
    ) < len(columns):
        raise ValueError("a name that is no key")
    if schema.is_tensor_spec():
        return {column.name: type_to_spec(column) for column in columns}
    return {
        str(column.name) + ("" if column.required else "?"): type_to_spec(column.type)
        for column in columns
    }
