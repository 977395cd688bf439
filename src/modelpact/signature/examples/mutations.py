"""Mutations of valid data: each makes it violate a schema at one path, in one way."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Iterator, Sized
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

from modelpact.signature.enforcement.columns import object_array
from modelpact.signature.language.tensor_types import accepts_any_array
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import column_labels

__all__ = ["Mutation", "list_param_mutations", "list_schema_mutations"]

Steps = tuple[str | int, ...]
"""The steps from a value to one inside it: property names, map keys and array indices."""

Replace = Callable[[Any], Any]
"""Returns an invalid value in place of a valid one."""

_WRONG_TEXT = "not this"
_WRONG_VALUES: dict[DataType, object] = dict.fromkeys(DataType, _WRONG_TEXT) | {
    DataType.string: 5,
    DataType.binary: 5,
    DataType.datetime: 5,
}
_TOO_LARGE: dict[DataType, float] = {
    DataType.integer: 2**40,
    DataType.long: 2**70,
    DataType.float: 1e300,
}
_INTEGERS = (DataType.integer, DataType.long)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A way to make valid data violate a signature.

    Attributes:
        kind: The kind of violation, such as `WRONG_TYPE`.
        path: The value that becomes invalid, such as `inputs.author.orcid`.
        apply: Returns a mutated copy of inputs, or of params if the path starts with `params`.
        rejected_by_mlflow: Whether MLflow rejects the result as well.
    """

    kind: str
    path: str
    apply: Callable[[Any], Any]
    rejected_by_mlflow: bool = True


class ValueMutation(NamedTuple):
    """A mutation of a value inside a cell or a param; `steps` lead from there to the value."""

    kind: str
    path: str
    steps: Steps
    replace: Replace


def list_schema_mutations(schema: Schema) -> list[Mutation]:
    """List the mutations of the inputs of a schema."""
    mutations: list[Mutation] = []
    for label, spec in zip(column_labels(schema), schema, strict=True):
        if isinstance(spec, TensorSpec):
            mutations += _mutate_tensor(spec)
        else:
            mutations += _mutate_column(spec, label, len(schema))
    return mutations


def _mutate_column(spec: ColSpec, label: str | int, n_columns: int) -> Iterator[Mutation]:
    path = f"inputs[{label}]" if spec.name is None else f"inputs.{label}"
    # Only the last one of several unnamed columns can be missing.
    is_droppable = spec.name is not None or label == n_columns - 1 > 0
    if spec.required and is_droppable:
        yield Mutation("MISSING_REQUIRED", path, lambda frame: frame.drop(columns=[label]))
    if isinstance(spec.type, DataType):
        yield from _mutate_scalar_column(spec.type, label, bool(spec.required), path)
        return
    for kind, inner, steps, replace in _mutate_value(spec.type, path, bool(spec.required), ()):
        yield Mutation(kind, inner, partial(_replace_in_cell, label, steps, replace))


def _mutate_scalar_column(
    dtype: DataType, label: str | int, required: bool, path: str
) -> Iterator[Mutation]:
    for kind, value in _invalid_scalars(dtype):
        yield Mutation(kind, path, partial(_fill_column, label, value))
    if required and dtype in _INTEGERS:
        yield Mutation("NULL_FOR_REQUIRED", path, partial(_fill_column, label, np.nan))


def _fill_column(label: str | int, value: object, frame: pd.DataFrame) -> pd.DataFrame:
    """Replace every value of a column: MLflow might accept a single one in a column of objects."""
    too_large = isinstance(value, int) and value > 2**63
    dtype = object if too_large else None
    mutated = frame.copy()
    mutated[label] = pd.Series([value] * len(frame), index=frame.index, dtype=dtype)
    return mutated


def _replace_in_cell(
    label: str | int, steps: Steps, replace: Replace, frame: pd.DataFrame
) -> pd.DataFrame:
    """Replace a value inside the last cell of a column."""
    cells = object_array(list(frame[label]))
    cells[-1] = _replace_at(cells[-1], steps, replace)
    mutated = frame.copy()
    mutated[label] = cells
    return mutated


def _replace_at(value: Any, steps: Steps, replace: Replace) -> object:
    """Return a copy of a nested value, with the value at the end of the steps replaced."""
    if not steps:
        return replace(value)
    step, *rest = steps
    mutated = copy.copy(value)
    mutated[step] = _replace_at(value[step], tuple(rest), replace)
    return mutated


def _invalid_scalars(dtype: DataType) -> Iterator[tuple[str, object]]:
    yield "WRONG_TYPE", _WRONG_VALUES[dtype]
    if dtype in _TOO_LARGE:
        yield "OUT_OF_RANGE", _TOO_LARGE[dtype]
    if dtype in _INTEGERS:
        yield "NOT_WHOLE", 1.5


def _mutate_value(
    dtype: ColumnType, path: str, required: bool, steps: Steps
) -> Iterator[ValueMutation]:
    """List the mutations of a value inside a cell or a param, and of the values inside it."""
    if isinstance(dtype, AnyType):
        return
    if isinstance(dtype, DataType):
        for kind, value in _invalid_scalars(dtype):
            yield ValueMutation(kind, path, steps, _replace_with(value))
    else:
        yield ValueMutation("WRONG_TYPE", path, steps, _replace_with(_WRONG_TEXT))
    if required and not _contains_any(dtype):
        yield ValueMutation("NULL_FOR_REQUIRED", path, steps, _replace_with(None))
    yield from _mutate_inside(dtype, path, required, steps)


def _mutate_inside(
    dtype: ColumnType, path: str, required: bool, steps: Steps
) -> Iterator[ValueMutation]:
    if isinstance(dtype, Array):
        yield from _mutate_items(dtype, f"{path}[]", steps)
    elif isinstance(dtype, Map):
        yield ValueMutation("WRONG_KEY", path, steps, lambda old: {5: next(iter(old.values()))})
        yield from _mutate_value(dtype.value_type, f"{path}.*", False, (*steps, "one"))
    elif isinstance(dtype, Object):
        yield from _mutate_object(dtype, path, required, steps)


def _contains_any(dtype: ColumnType) -> bool:
    """Return whether a type is an array or a map of any type, which MLflow accepts null for."""
    if isinstance(dtype, Array):
        return isinstance(dtype.dtype, AnyType)
    return isinstance(dtype, Map) and isinstance(dtype.value_type, AnyType)


def _mutate_items(dtype: Array, path: str, steps: Steps) -> Iterator[ValueMutation]:
    """List the mutations of the items of an array; scalars are all replaced.

    MLflow might accept a single one, because it reads a mixed list as one of objects.
    """
    if not isinstance(dtype.dtype, DataType):
        yield from _mutate_value(dtype.dtype, path, False, (*steps, 0))
        return
    for kind, value in _invalid_scalars(dtype.dtype):
        yield ValueMutation(kind, path, steps, partial(_fill_list, value))


def _mutate_object(
    dtype: Object, path: str, required: bool, steps: Steps
) -> Iterator[ValueMutation]:
    yield ValueMutation("UNKNOWN_PROPERTY", path, steps, _add_property)
    for prop in dtype.properties:
        inner = f"{path}.{prop.name}"
        # MLflow accepts an empty object for an optional one.
        if prop.required and (required or len(dtype.properties) > 1):
            yield ValueMutation("MISSING_REQUIRED", inner, steps, partial(_remove_key, prop.name))
        yield from _mutate_value(prop.dtype, inner, bool(prop.required), (*steps, prop.name))


def _replace_with(value: object) -> Replace:
    return lambda old: value


def _fill_list(value: object, items: Sized) -> list[object]:
    return [value] * len(items)


def _add_property(old: dict[str, object]) -> dict[str, object]:
    return {**old, _find_unused(old): 1}


def _remove_key(key: str, old: dict[str, object]) -> dict[str, object]:
    return {name: item for name, item in old.items() if name != key}


def _find_unused(names: Container[object]) -> str:
    name = "unknown"
    while name in names:
        name += "_"
    return name


def _mutate_tensor(spec: TensorSpec) -> Iterator[Mutation]:
    path = "inputs"
    if spec.name is not None:
        path = f"inputs.{spec.name}"
        yield Mutation("MISSING_REQUIRED", path, partial(_remove_key, spec.name))
    if accepts_any_array(spec):
        # MLflow accepts every array for it.
        return
    for kind, replace in _invalid_arrays(spec):
        yield Mutation(kind, path, partial(_replace_tensor, spec.name, replace))


def _replace_tensor(name: str | None, replace: Replace, inputs: Any) -> object:
    return replace(inputs) if name is None else {**inputs, name: replace(inputs[name])}


def _invalid_arrays(spec: TensorSpec) -> Iterator[tuple[str, Replace]]:
    yield "WRONG_SHAPE", lambda array: array[..., np.newaxis]
    fixed = [axis for axis, length in enumerate(spec.shape) if length != -1]
    if fixed:
        yield "WRONG_SHAPE", lambda array: _lengthen(array, fixed[-1])
    # An empty tensor has no value that could be of a wrong type.
    if spec.type.kind != "O" and 0 not in spec.shape:
        value = 5 if spec.type.kind in "US" else _WRONG_TEXT
        yield "WRONG_DTYPE", lambda array: np.full(array.shape, value)


def _lengthen(array: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    shape = [length + (index == axis) for index, length in enumerate(array.shape)]
    return np.resize(array, shape)


def list_param_mutations(schema: ParamSchema | None) -> list[Mutation]:
    """List the mutations of params. MLflow ignores unknown params and does not check ranges."""
    specs: list[ParamSpec] = [] if schema is None else list(schema)
    unknown = _find_unused([spec.name for spec in specs])
    path = f"params.{unknown}"
    mutations = [
        Mutation(
            "UNKNOWN_PARAM",
            path,
            lambda params: {**(params or {}), unknown: 1},
            rejected_by_mlflow=False,
        )
    ]
    for spec in specs:
        mutate = _mutate_object_param if isinstance(spec.dtype, Object) else _mutate_scalar_param
        mutations += mutate(spec, f"params.{spec.name}")
    return mutations


def _mutate_object_param(spec: ParamSpec, path: str) -> Iterator[Mutation]:
    for kind, inner, steps, replace in _mutate_value(spec.dtype, path, True, ()):
        is_param_type = kind == "WRONG_TYPE" and not steps
        apply = partial(_replace_param, spec.name, steps, replace)
        yield Mutation("PARAM_TYPE" if is_param_type else kind, inner, apply)


def _mutate_scalar_param(spec: ParamSpec, path: str) -> Iterator[Mutation]:
    dtype: Any = spec.dtype
    for kind, value in _invalid_scalars(dtype):
        # NumPy might read a number as a point in time.
        invalid = _WRONG_TEXT if dtype == DataType.datetime else value
        replace = _replace_with(invalid if spec.shape is None else [invalid])
        yield Mutation(
            "PARAM_TYPE" if kind == "WRONG_TYPE" else kind,
            path,
            partial(_replace_param, spec.name, (), replace),
            rejected_by_mlflow=kind != "OUT_OF_RANGE",
        )
    wrong_shape = [spec.default] if spec.shape is None else 5
    replace = _replace_with(wrong_shape)
    yield Mutation("PARAM_SHAPE", path, partial(_replace_param, spec.name, (), replace))


def _replace_param(
    name: str, steps: Steps, replace: Replace, params: dict[str, object]
) -> dict[str, object]:
    return {**params, name: _replace_at(params[name], steps, replace)}
