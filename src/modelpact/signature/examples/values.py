"""Random data that conforms to a schema: under modelpact's `lossless` policy and for plain MLflow alike."""

from __future__ import annotations

import datetime
from typing import Any

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

__all__ = ["Dice", "column", "inputs_for", "params_for", "tensor", "value"]

_WORDS = ["", "a", "red", "green", "no", "0", "Ångström", "two words", "ünïcode ✓", "x" * 40]
_KEYS = ["one", "two", "three", "four"]
_ANYTHING: list[Any] = [None, True, 3, 1.5, "text", [1, "a"], {"a": 1}]
_KINDS = {
    DataType.boolean: np.dtype("bool"),
    DataType.integer: np.dtype("int32"),
    DataType.long: np.dtype("int64"),
    DataType.float: np.dtype("float32"),
    DataType.double: np.dtype("float64"),
    DataType.datetime: np.dtype("datetime64[ns]"),
}
_NULLS: dict[Any, Any] = {
    DataType.datetime: np.datetime64("NaT"),
    DataType.double: np.nan,
    DataType.float: np.nan,
}


class Dice:
    """One source of chance for one example.

    Args:
        seed: Where to start; the same seed throws the same.
        index: The number of the example, so that the first three of five are the three of three.
        full: Leave nothing out: every optional is there, no null, no empty list or map.
    """

    def __init__(self, seed: int, index: int, *, full: bool = False) -> None:
        self.rng = np.random.default_rng([seed % 2**63, index])
        self.full = full
        self.rows = int(self.rng.integers(1, 5))

    def chance(self, share: float) -> bool:
        """True in this share of throws, and never where nothing may be left out."""
        return not self.full and bool(self.rng.random() < share)

    def pick(self, items: list[Any]) -> Any:
        """One of the items."""
        return items[int(self.rng.integers(len(items)))]

    def count(self, most: int) -> int:
        """A length from 0 on, or from 1 on where nothing may be empty."""
        return int(self.rng.integers(1 if self.full else 0, most + 1))

    def whole(self, low: int, high: int) -> int:
        """An integer between two bounds, and below 2**63; small ones are as frequent as all the others."""
        high = min(high, 2**63 - 1)
        if self.rng.random() < 0.5:
            low, high = max(low, -10), min(high, 10)
        return int(self.rng.integers(low, high, endpoint=True))


def inputs_for(schema: Schema | None, dice: Dice) -> Any:
    """Inputs of one to four rows: a DataFrame for columns, an ndarray for an unnamed tensor, a dict of them for named ones."""
    if schema is None:
        return None
    if schema.is_tensor_spec():
        tensors = {spec.name: tensor(spec, dice) for spec in schema if isinstance(spec, TensorSpec)}
        return tensors if schema.has_input_names() else tensors[None]
    columns = {}
    for index, spec in enumerate(schema):
        if spec.required or not dice.chance(0.25):
            columns[index if spec.name is None else spec.name] = column(
                spec.type, bool(spec.required), dice
            )
    return pd.DataFrame(columns, index=pd.RangeIndex(dice.rows))


def column(dtype: Any, required: bool, dice: Dice) -> Any:
    """One column of `dice.rows` values, of the dtype that MLflow takes without conversion; `(n_rows,)`."""
    kind = _KINDS.get(dtype) if isinstance(dtype, DataType) else None
    cells = [] if kind is not None else [value(dtype, dice) for _ in range(dice.rows)]
    values = _objects(cells) if kind is None else _array(kind, (dice.rows,), dice)
    whole = kind is not None and kind.kind == "i"  # plain MLflow has no null among integers
    if required or whole or not dice.chance(0.25):
        return values
    null = _NULLS.get(dtype) if isinstance(dtype, DataType) else None
    values = values.astype(object) if null is None else values
    values[int(dice.rng.integers(dice.rows))] = null
    return values


def _objects(values: list[Any]) -> Any:
    cells = np.empty(len(values), dtype=object)
    for index, item in enumerate(values):
        cells[index] = item
    return cells


def value(dtype: Any, dice: Dice) -> Any:
    """One value as it may stand inside a cell, at any depth."""
    if isinstance(dtype, DataType):
        return _scalar(dtype, dice)
    if isinstance(dtype, AnyType):
        return dice.pick(_ANYTHING)
    if isinstance(dtype, Map):
        return {key: value(dtype.value_type, dice) for key in _KEYS[: dice.count(3)]}
    if isinstance(dtype, Array):
        length = dice.count(3)
        if isinstance(dtype.dtype, DataType) and dtype.dtype in (DataType.integer, DataType.float):
            return _array(
                _KINDS[dtype.dtype], (length,), dice
            )  # MLflow reads a list as long or double
        return [value(dtype.dtype, dice) for _ in range(length)]
    return _object(dtype, dice)


def _object(dtype: Object, dice: Dice) -> dict[str, Any]:
    found = {}
    for prop in dtype.properties:
        if prop.required or not dice.chance(0.3):
            found[prop.name] = (
                None if not prop.required and dice.chance(0.2) else value(prop.dtype, dice)
            )
    return found


def _scalar(dtype: DataType, dice: Dice) -> Any:
    if dtype == DataType.string:
        return dice.pick(_WORDS)
    if dtype == DataType.binary:
        return bytes(dice.rng.integers(1, 256, size=dice.count(4), dtype=np.uint8))
    found = _array(_KINDS[dtype], (1,), dice)[0]
    return found if dtype in (DataType.integer, DataType.float, DataType.datetime) else found.item()


def tensor(spec: TensorSpec, dice: Dice) -> Any:
    """A tensor of the dtype and shape of its spec; the first axis has `dice.rows` items where it is free, others one to three."""
    shape = tuple(_axis(axis, index, dice) for index, axis in enumerate(spec.shape))
    return _array(spec.type, shape, dice)


def _axis(axis: Any, index: int, dice: Dice) -> int:
    if isinstance(axis, int) and axis >= 0:
        return axis
    return dice.rows if index == 0 else int(dice.rng.integers(1, 4))


def _array(dtype: np.dtype[Any], shape: tuple[int, ...], dice: Dice) -> Any:
    rng, size = dice.rng, int(np.prod(shape))
    if dtype.kind == "b":
        values: Any = rng.random(size) < 0.5
    elif dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        values = [dice.whole(int(bounds.min), int(bounds.max)) for _ in range(size)]
    elif dtype.kind == "f":
        values = rng.normal(size=size).astype(dtype)
    elif dtype.kind == "c":
        values = rng.normal(size=size) + 1j * rng.normal(size=size)
    elif dtype.kind in "mM" and np.datetime_data(dtype)[0] != "generic":
        days = rng.integers(0, 20_000, size=size).astype("timedelta64[D]")
        values = (np.datetime64("1970-01-01") + days if dtype.kind == "M" else days).astype(dtype)
    elif dtype.kind in "USO":
        words = [dice.pick(_WORDS[:6]) for _ in range(size)]
        return np.array(
            [word.encode() for word in words] if dtype.kind == "S" else words, dtype=dtype
        ).reshape(shape)
    else:
        return np.zeros(shape, dtype)
    return np.asarray(values, dtype=dtype).reshape(shape)


def params_for(schema: ParamSchema | None, dice: Dice) -> dict[str, Any] | None:
    """Some of the params, each with another value than its default may be; None for a signature without params."""
    if schema is None:
        return None
    return {spec.name: _param(spec, dice) for spec in schema if not dice.chance(0.4)}


def _param(spec: ParamSpec, dice: Dice) -> Any:
    if spec.shape is not None:
        return [_native(spec.dtype, dice) for _ in range(dice.count(3))]
    return (
        _native(spec.dtype, dice) if isinstance(spec.dtype, DataType) else value(spec.dtype, dice)
    )


def _native(dtype: Any, dice: Dice) -> Any:
    """A scalar as Python has it, which is what params are."""
    if dtype == DataType.datetime:
        return datetime.datetime(2000, 1, 1) + datetime.timedelta(minutes=dice.whole(0, 10**7))
    found = _scalar(dtype, dice)
    return found.item() if isinstance(found, np.generic) else found
