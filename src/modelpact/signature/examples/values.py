"""Random data that conforms to a schema, under the policy `lossless` and for MLflow itself."""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from mlflow.types.schema import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

from modelpact.signature.enforcement.columns import object_array
from modelpact.signature.language.type_names import ColumnType
from modelpact.signature.language.types import column_labels

__all__ = ["Sampler", "generate_inputs", "generate_params", "generate_value"]

T = TypeVar("T")
NumpyArray = np.ndarray[Any, Any]

_TEXTS = ["", "a", "red", "green", "no", "0", "Ångström", "two words", "ünïcode ✓", "x" * 40]
_KEYS = ["one", "two", "three", "four"]
_ANY_VALUES: list[object] = [None, True, 3, 1.5, "text", [1, "a"], {"a": 1}]
_DTYPES = {
    DataType.boolean: np.dtype("bool"),
    DataType.integer: np.dtype("int32"),
    DataType.long: np.dtype("int64"),
    DataType.float: np.dtype("float32"),
    DataType.double: np.dtype("float64"),
    DataType.datetime: np.dtype("datetime64[ns]"),
}
_NULLS = {"M": np.datetime64("NaT"), "f": np.nan}
"""The null of each kind of dtype that has one."""


class Sampler:
    """A source of random choices for one example.

    Args:
        seed: The seed of all examples.
        index: The number of the example; each example has a random stream of its own.
        complete: Whether nothing optional may be missing, null or empty.
    """

    def __init__(self, seed: int, index: int, *, complete: bool = False) -> None:
        self.rng = np.random.default_rng([seed % 2**63, index])
        self.complete = complete
        self.n_rows = int(self.rng.integers(1, 5))

    def omits(self, probability: float) -> bool:
        """Return whether to omit something optional."""
        return not self.complete and bool(self.rng.random() < probability)

    def choose(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self.rng.integers(len(items)))]

    def draw_length(self, maximum: int) -> int:
        """Return a length from 0, or from 1 if nothing may be empty."""
        return int(self.rng.integers(1 if self.complete else 0, maximum + 1))

    def draw_integer(self, low: int, high: int) -> int:
        """Return an integer below 2**63; half of them are between -10 and 10."""
        high = min(high, 2**63 - 1)
        if self.rng.random() < 0.5:
            low, high = max(low, -10), min(high, 10)
        return int(self.rng.integers(low, high, endpoint=True))


def generate_inputs(
    schema: Schema | None, sampler: Sampler
) -> pd.DataFrame | NumpyArray | dict[str, NumpyArray] | None:
    """Generate inputs of one to four rows.

    Returns:
        A DataFrame for columns, an ndarray for an unnamed tensor, a dict of ndarrays for named
        ones, or None without a schema.
    """
    if schema is None:
        return None
    specs: Any = schema.inputs
    if schema.is_tensor_spec():
        tensors = {spec.name: _generate_tensor(spec, sampler) for spec in specs}
        return tensors if schema.has_input_names() else tensors[None]
    return _generate_frame(schema, sampler)


def _generate_frame(schema: Schema, sampler: Sampler) -> pd.DataFrame:
    columns: dict[Hashable, NumpyArray] = {}
    for label, spec in zip(column_labels(schema), schema, strict=True):
        if spec.required or not sampler.omits(0.25):
            columns[label] = _generate_column(spec.type, bool(spec.required), sampler)
    return pd.DataFrame(columns, index=pd.RangeIndex(sampler.n_rows))


def _generate_column(dtype: ColumnType, required: bool, sampler: Sampler) -> NumpyArray:
    """Generate a column `(n_rows,)` of a dtype that MLflow accepts without a conversion."""
    numpy_dtype = _DTYPES.get(dtype) if isinstance(dtype, DataType) else None
    if numpy_dtype is None:
        values = object_array([generate_value(dtype, sampler) for _ in range(sampler.n_rows)])
    else:
        values = _generate_array(numpy_dtype, (sampler.n_rows,), sampler)
    # MLflow itself accepts no null among integers.
    is_nullable = not required and values.dtype.kind != "i"
    if is_nullable and sampler.omits(0.25):
        null = _NULLS.get(values.dtype.kind)
        values = values.astype(object) if null is None else values
        values[int(sampler.rng.integers(sampler.n_rows))] = null
    return values


def generate_value(dtype: ColumnType, sampler: Sampler) -> object:
    """Generate one value of a type, at any depth inside a cell."""
    if isinstance(dtype, DataType):
        return _generate_scalar(dtype, sampler)
    if isinstance(dtype, AnyType):
        return sampler.choose(_ANY_VALUES)
    if isinstance(dtype, Map):
        keys = _KEYS[: sampler.draw_length(3)]
        return {key: generate_value(dtype.value_type, sampler) for key in keys}
    if isinstance(dtype, Array):
        return _generate_list(dtype.dtype, sampler)
    return _generate_object(dtype, sampler)


def _generate_list(dtype: ColumnType, sampler: Sampler) -> NumpyArray | list[object]:
    length = sampler.draw_length(3)
    if isinstance(dtype, DataType) and dtype in (DataType.integer, DataType.float):
        # MLflow reads a Python list as long or double.
        return _generate_array(_DTYPES[dtype], (length,), sampler)
    return [generate_value(dtype, sampler) for _ in range(length)]


def _generate_object(dtype: Object, sampler: Sampler) -> dict[str, object]:
    values = {}
    for prop in dtype.properties:
        if prop.required or not sampler.omits(0.3):
            is_null = not prop.required and sampler.omits(0.2)
            values[prop.name] = None if is_null else generate_value(prop.dtype, sampler)
    return values


def _generate_scalar(dtype: DataType, sampler: Sampler) -> object:
    if dtype == DataType.string:
        return sampler.choose(_TEXTS)
    if dtype == DataType.binary:
        return bytes(sampler.rng.integers(1, 256, size=sampler.draw_length(4), dtype=np.uint8))
    value = _generate_array(_DTYPES[dtype], (1,), sampler)[0]
    is_numpy = dtype in (DataType.integer, DataType.float, DataType.datetime)
    return value if is_numpy else value.item()


def _generate_tensor(spec: TensorSpec, sampler: Sampler) -> NumpyArray:
    """Generate a tensor; its first axis has `sampler.n_rows` items if it is free."""
    shape = tuple(_draw_axis(axis, index, sampler) for index, axis in enumerate(spec.shape))
    return _generate_array(spec.type, shape, sampler)


def _draw_axis(axis: int, index: int, sampler: Sampler) -> int:
    if axis >= 0:
        return axis
    return sampler.n_rows if index == 0 else int(sampler.rng.integers(1, 4))


def _generate_array(
    dtype: np.dtype[np.generic], shape: tuple[int, ...], sampler: Sampler
) -> NumpyArray:
    size = int(np.prod(shape))
    if dtype.kind in "USO":
        texts = [sampler.choose(_TEXTS[:6]) for _ in range(size)]
        values = [text.encode() for text in texts] if dtype.kind == "S" else texts
        return np.array(values, dtype=dtype).reshape(shape)
    return np.asarray(_draw_numbers(dtype, size, sampler), dtype=dtype).reshape(shape)


def _draw_numbers(dtype: np.dtype[Any], size: int, sampler: Sampler) -> NumpyArray | list[int]:
    rng = sampler.rng
    if dtype.kind == "b":
        return rng.random(size) < 0.5
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return [sampler.draw_integer(int(bounds.min), int(bounds.max)) for _ in range(size)]
    if dtype.kind == "f":
        return rng.normal(size=size).astype(dtype)
    if dtype.kind == "c":
        return rng.normal(size=size) + 1j * rng.normal(size=size)
    if dtype.kind in "mM" and np.datetime_data(dtype)[0] != "generic":
        return rng.integers(0, 20_000, size=size).astype(f"{dtype.kind}8[D]").astype(dtype)
    return np.zeros(size, dtype)


def generate_params(schema: ParamSchema | None, sampler: Sampler) -> dict[str, Any] | None:
    """Generate values of some of the params; None without a schema."""
    if schema is None:
        return None
    return {spec.name: _generate_param(spec, sampler) for spec in schema if not sampler.omits(0.4)}


def _generate_param(spec: ParamSpec, sampler: Sampler) -> object:
    if spec.shape is not None:
        length = sampler.draw_length(3)
        return [_generate_python_scalar(spec.dtype, sampler) for _ in range(length)]
    if isinstance(spec.dtype, DataType):
        return _generate_python_scalar(spec.dtype, sampler)
    return generate_value(spec.dtype, sampler)


def _generate_python_scalar(dtype: Any, sampler: Sampler) -> object:
    """Generate a scalar as a plain Python value, as params are."""
    if dtype == DataType.datetime:
        minutes = sampler.draw_integer(0, 10**7)
        return datetime.datetime(2000, 1, 1) + datetime.timedelta(minutes=minutes)
    value = _generate_scalar(dtype, sampler)
    return value.item() if isinstance(value, np.generic) else value
