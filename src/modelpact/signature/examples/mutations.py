"""The ways in which data can break a schema, one at a time: each with its name, its place, and whether MLflow refuses it too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSpec,
    Schema,
    TensorSpec,
)

__all__ = ["Site", "param_sites", "schema_sites"]

Steps = tuple[Any, ...]
"""The way into a value: property names, the keys of maps, and indices of arrays."""

Change = Callable[[Any], Any]

_TEXT = "not this"
_WRONG: dict[DataType, Any] = dict.fromkeys(DataType, _TEXT) | {
    DataType.string: 5,
    DataType.binary: 5,
    DataType.datetime: 5,
}
_TOO_LARGE: dict[Any, Any] = {DataType.integer: 2**40, DataType.long: 2**70, DataType.float: 1e300}
_WHOLE = (DataType.integer, DataType.long)


@dataclass(frozen=True, slots=True)
class Site:
    """One place where one break can be made.

    Attributes:
        name: The break, such as `WRONG_TYPE`.
        place: Where, such as `inputs.author.orcid`.
        apply: Makes broken data of whole data, without changing it; of inputs, or of params where the place begins so.
        refused_by_mlflow: Whether plain MLflow refuses it as well.
    """

    name: str
    place: str
    apply: Callable[[Any], Any]
    refused_by_mlflow: bool = True


def schema_sites(schema: Schema, place: str = "inputs") -> Iterator[Site]:
    """Every break of a schema's data."""
    for index, spec in enumerate(schema):
        here = f"{place}[{index}]" if spec.name is None else f"{place}.{spec.name}"
        if isinstance(spec, TensorSpec):
            yield from _tensor_sites(spec, here if spec.name is not None else place)
        else:
            yield from _column_sites(spec, index, len(schema), here)


def _column_sites(spec: ColSpec, index: int, count: int, place: str) -> Iterator[Site]:
    key = index if spec.name is None else spec.name
    if spec.required and (spec.name is not None or (count > 1 and index == count - 1)):
        yield Site("MISSING_REQUIRED", place, lambda frame: frame.drop(columns=[key]))
    if isinstance(spec.type, DataType):
        for name, bad in _scalar_breaks(spec.type):
            yield Site(name, place, partial(_with_column, key, bad))
        if spec.required and spec.type in _WHOLE:
            yield Site("NULL_FOR_REQUIRED", place, partial(_with_column, key, np.nan))
        return
    for name, where, steps, change in _value_sites(spec.type, place, bool(spec.required), ()):
        yield Site(name, where, partial(_with_cell, key, steps, change))


def _with_column(key: Any, bad: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every value of one column replaced: among good ones a bad one might pass for one of mixed objects."""
    beyond = isinstance(bad, int) and bad > 2**63
    broken = frame.copy()
    broken[key] = pd.Series([bad] * len(frame), index=frame.index, dtype=object if beyond else None)
    return broken


def _with_cell(key: Any, steps: Steps, change: Change, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the last cell of one column changed; the other cells stay whole."""
    cells = np.empty(len(frame), dtype=object)
    for row, cell in enumerate(frame[key]):
        cells[row] = cell
    cells[-1] = _changed(cells[-1], steps, change)
    broken = frame.copy()
    broken[key] = cells
    return broken


def _changed(value: Any, steps: Steps, change: Change) -> Any:
    if not steps:
        return change(value)
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        return {
            key: _changed(item, rest, change) if key == step else item
            for key, item in value.items()
        }
    return [
        _changed(item, rest, change) if index == step else item for index, item in enumerate(value)
    ]


def _scalar_breaks(dtype: DataType) -> Iterator[tuple[str, Any]]:
    yield "WRONG_TYPE", _WRONG[dtype]
    if dtype in _TOO_LARGE:
        yield "OUT_OF_RANGE", _TOO_LARGE[dtype]
    if dtype in _WHOLE:
        yield "NOT_WHOLE", 1.5


_ValueSite = tuple[str, str, Steps, Change]


def _value_sites(dtype: Any, place: str, required: bool, steps: Steps) -> Iterator[_ValueSite]:
    """Every break of one value inside a cell or a param: `(name, place, way to it, change)`."""
    if isinstance(dtype, AnyType):
        return
    if isinstance(dtype, DataType):
        for name, bad in _scalar_breaks(dtype):
            yield name, place, steps, partial(_instead, bad)
    else:
        yield "WRONG_TYPE", place, steps, partial(_instead, _TEXT)
    inner = (
        dtype.dtype
        if isinstance(dtype, Array)
        else dtype.value_type
        if isinstance(dtype, Map)
        else None
    )
    if required and not isinstance(
        inner, AnyType
    ):  # MLflow takes null for an array or a map of anything
        yield "NULL_FOR_REQUIRED", place, steps, partial(_instead, None)
    if isinstance(dtype, Array):
        yield from _item_sites(dtype, f"{place}[]", steps)
    elif isinstance(dtype, Map):
        yield "WRONG_KEY", place, steps, lambda found: {5: next(iter(found.values()))}
        yield from _value_sites(dtype.value_type, f"{place}.*", False, (*steps, "one"))
    elif isinstance(dtype, Object):
        yield from _property_sites(dtype, place, required, steps)


def _item_sites(dtype: Array, place: str, steps: Steps) -> Iterator[_ValueSite]:
    """The items of an array of scalars are broken all alike: a mixed list is one of objects, which MLflow may let through."""
    if not isinstance(dtype.dtype, DataType):
        yield from _value_sites(dtype.dtype, place, False, (*steps, 0))
        return
    for name, bad in _scalar_breaks(dtype.dtype):
        yield name, place, steps, partial(_all, bad)


def _property_sites(
    dtype: Object, place: str, required: bool, steps: Steps
) -> Iterator[_ValueSite]:
    yield "UNKNOWN_PROPERTY", place, steps, lambda found: {**found, _unused(found): 1}
    for prop in dtype.properties:
        inside = f"{place}.{prop.name}"
        if prop.required and (
            required or len(dtype.properties) > 1
        ):  # MLflow takes an optional {} for null
            yield "MISSING_REQUIRED", inside, steps, partial(_without, prop.name)
        yield from _value_sites(prop.dtype, inside, bool(prop.required), (*steps, prop.name))


def _instead(new: Any, old: Any) -> Any:
    return new


def _all(new: Any, items: Any) -> list[Any]:
    return [new] * len(items)


def _without(name: Any, found: dict[Any, Any]) -> dict[Any, Any]:
    return {key: item for key, item in found.items() if key != name}


def _unused(names: Any) -> str:
    """A name that is not among these."""
    name = "unknown"
    while name in names:
        name += "_"
    return name


def _tensor_sites(spec: TensorSpec, place: str) -> Iterator[Site]:
    def swap(inputs: Any, change: Change) -> Any:
        return (
            change(inputs)
            if spec.name is None
            else {**inputs, spec.name: change(inputs[spec.name])}
        )

    if spec.name is not None:
        yield Site("MISSING_REQUIRED", place, partial(_without, spec.name))
    if spec.type.kind == "O" and spec.shape == (-1,):
        return  # MLflow takes anything for it
    yield Site(
        "WRONG_SHAPE", place, lambda inputs: swap(inputs, lambda array: array[..., np.newaxis])
    )
    fixed = [axis for axis, length in enumerate(spec.shape) if length != -1]
    if fixed:
        yield Site(
            "WRONG_SHAPE",
            place,
            lambda inputs: swap(inputs, lambda array: _longer(array, fixed[-1])),
        )
    if (
        spec.type.kind != "O" and 0 not in spec.shape
    ):  # no value of an empty tensor can be of the wrong type
        bad = 5 if spec.type.kind in "US" else _TEXT
        yield Site(
            "WRONG_DTYPE",
            place,
            lambda inputs: swap(inputs, lambda array: np.full(array.shape, bad)),
        )


def _longer(array: Any, axis: int) -> Any:
    shape = [length + (index == axis) for index, length in enumerate(array.shape)]
    return np.resize(array, shape)


def param_sites(specs: list[ParamSpec]) -> Iterator[Site]:
    """Every break of the params; MLflow ignores params that it does not know, and checks no ranges."""
    unknown = _unused([spec.name for spec in specs])
    yield Site(
        "UNKNOWN_PARAM",
        f"params.{unknown}",
        lambda params: {**(params or {}), unknown: 1},
        refused_by_mlflow=False,
    )
    for spec in specs:
        place = f"params.{spec.name}"
        if isinstance(spec.dtype, Object):
            for name, where, steps, change in _value_sites(spec.dtype, place, True, ()):
                yield Site(
                    _param_name(name, steps), where, partial(_with_member, spec.name, steps, change)
                )
            continue
        for name, bad in _scalar_breaks(spec.dtype):
            moment = (
                _TEXT if spec.dtype == DataType.datetime else bad
            )  # NumPy may read a number as a moment
            change = partial(_instead, moment if spec.shape is None else [moment])
            yield Site(
                _param_name(name, ()),
                place,
                partial(_with_member, spec.name, (), change),
                name != "OUT_OF_RANGE",
            )
        shape = [spec.default] if spec.shape is None else 5
        yield Site(
            "PARAM_SHAPE", place, partial(_with_member, spec.name, (), partial(_instead, shape))
        )


def _param_name(name: str, steps: Steps) -> str:
    return "PARAM_TYPE" if name == "WRONG_TYPE" and not steps else name


def _with_member(name: str, steps: Steps, change: Change, params: dict[str, Any]) -> dict[str, Any]:
    return {**params, name: _changed(params[name], steps, change)}
