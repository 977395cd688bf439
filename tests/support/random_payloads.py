"""Random payloads of a signature, and the search for one that confirms a breaking change."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from mlflow.models import ModelSignature
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)

from modelpact.signature import compile
from modelpact.signature.enforcement.options import Policy
from tests.support.dtype_catalogue import TYPES, VALUES, accepts, cells, columns, tensor_values


@cache
def _pool(dtype: str, policy: Policy, where: str) -> list[Any]:
    """Return the values that a scalar type accepts."""
    kind = TYPES[dtype]
    if where == "param":
        default = None if kind != DataType.datetime else dt.datetime(2024, 1, 1)
        enforcer = compile(
            ModelSignature(params=ParamSchema([ParamSpec("p", kind, default)])), policy
        )
        return [value for value in VALUES if accepts(enforcer, "params", {"p": value})]
    enforcer = compile(
        ModelSignature(Schema([ColSpec(Object([Property("p", kind)]), "x")])), policy
    )
    return [value for value in VALUES if accepts(enforcer, "inputs", [{"x": {"p": value}}])]


@cache
def _series(dtype: str, policy: Policy, required: bool) -> list[Any]:
    """Return the columns of two rows that a scalar type accepts."""
    enforcer = compile(ModelSignature(Schema([ColSpec(TYPES[dtype], "x", required)])), policy)
    return [
        one
        for one in columns()[::3]
        if len(one) == 2 and accepts(enforcer, "inputs", pd.DataFrame({"x": one}))
    ]


@cache
def _tensor_pool(dtype: np.dtype[Any], policy: Policy) -> list[Any]:
    enforcer = compile(ModelSignature(Schema([TensorSpec(dtype, (-1,), "t")])), policy)
    return [array for array in tensor_values() if accepts(enforcer, "inputs", {"t": array})]


class RandomSource:
    """A source of random choices."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def flip(self, share: float = 0.5) -> bool:
        return bool(self.rng.random() < share)

    def pick(self, items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def count(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))


class Payloads:
    """Data for a signature, most of it valid.

    It has every container and dtype, nulls, and values at the limits of the types.

    Args:
        signature: The signature of the data.
        other: A second signature; unnamed columns get its names.
        policy: The policy of the enforcer.
        chance: The source of random choices.
    """

    def __init__(
        self, signature: ModelSignature, other: ModelSignature, policy: Policy, chance: RandomSource
    ) -> None:
        self.signature, self.other, self.policy, self.chance = signature, other, policy, chance

    def value(self, dtype: Any, *, nullable: bool) -> Any:
        chance = self.chance
        if nullable and chance.flip(0.2):
            return None
        if isinstance(dtype, (DataType, AnyType)):
            name = dtype.name if isinstance(dtype, DataType) else "any"
            if chance.flip(0.5):
                return _plain(name, chance)
            return chance.pick(_pool(name, self.policy, "value"))
        if isinstance(dtype, Array):
            items = [
                self.value(dtype.dtype, nullable=chance.flip(0.3))
                for _ in range(chance.count(0, 3))
            ]
            if chance.flip(0.2) and isinstance(dtype.dtype, DataType):
                with contextlib.suppress(ValueError, TypeError, OverflowError):
                    return np.array(items)
            return items
        if isinstance(dtype, Map):
            keys = ["a", "b", "x", "k"][: chance.count(0, 4)]
            return {key: self.value(dtype.value_type, nullable=nullable) for key in keys}
        if nullable and chance.flip(0.1):
            return {}
        return {
            prop.name: self.value(prop.dtype, nullable=not prop.required)
            for prop in dtype.properties
            if prop.required or chance.flip(0.6)
        }

    def column(self, spec: Any, rows: int) -> list[Any]:
        return [self.value(spec.type, nullable=not spec.required) for _ in range(rows)]

    def data(self, schema: Schema | None, others: Schema | None) -> Any:
        if schema is None:
            return self.chance.pick(
                [[{"a": 1}], pd.DataFrame({"a": [1.5]}), np.zeros((2, 2)), ["x"], {"a": [1]}]
            )
        if schema.is_tensor_spec():
            return self._tensors(schema)
        return self._named(schema) if schema.has_input_names() else self._unnamed(schema, others)

    def _named(self, schema: Schema) -> Any:
        chance = self.chance
        share = chance.pick([0.0, 0.5, 1.0])
        found: list[Any] = [spec for spec in schema.inputs if spec.required or chance.flip(share)]
        if not found and schema.inputs and chance.flip(0.9):
            found = [chance.pick(schema.inputs)]
        found = [found[index] for index in chance.rng.permutation(len(found))]
        form = chance.pick(["frame", "typed", "rows", "row", "columns", "ragged row"])
        if form == "typed":
            return pd.DataFrame({spec.name: self._typed(spec) for spec in found})
        rows = 1 if form in ("row", "ragged row") else chance.count(0, 3)
        by_column = {spec.name: self.column(spec, rows) for spec in found}
        if form == "frame":
            return pd.DataFrame(
                {name: pd.Series(cells(values)) for name, values in by_column.items()},
                index=range(rows),
            )
        if form == "columns":
            return by_column
        if form in ("row", "ragged row"):
            return {name: values[0] for name, values in by_column.items()}
        listed = [{name: values[row] for name, values in by_column.items()} for row in range(rows)]
        optional = {spec.name for spec in found if not spec.required}
        return [
            {name: value for name, value in row.items() if name not in optional or chance.flip(0.8)}
            for row in listed
        ]

    def _typed(self, spec: Any) -> Any:
        if isinstance(spec.type, (DataType, AnyType)):
            name = spec.type.name if isinstance(spec.type, DataType) else "any"
            if pool := _series(name, self.policy, bool(spec.required)):
                return self.chance.pick(pool).reset_index(drop=True)
        return pd.Series(cells(self.column(spec, 2)))

    def _unnamed(self, schema: Schema, others: Schema | None) -> Any:
        chance = self.chance
        specs: list[Any] = schema.inputs
        form = chance.pick(["frame", "typed", "lists", "array", "cells", "dicts"])
        width, rows = len(specs), chance.count(0, 3)
        names: list[Any] = list(range(width))
        if others is not None and others.has_input_names() and len(others.inputs) >= width:
            names = [spec.name for spec in others.inputs]
            names = [names[index] for index in chance.rng.permutation(len(names))[:width]]
        if form == "typed":
            return pd.DataFrame(
                dict(zip(names, [self._typed(spec) for spec in specs], strict=True))
            )
        by_column = [self.column(spec, rows) for spec in specs]
        listed = [list(row) for row in zip(*by_column, strict=True)]
        if form == "frame":
            return pd.DataFrame(
                {
                    name: pd.Series(cells(values))
                    for name, values in zip(names, by_column, strict=True)
                },
                index=range(rows),
            )
        if form == "dicts":
            return [dict(zip(names, row, strict=True)) for row in listed]
        if form == "array":
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                return np.array(listed)
        return by_column[0] if form == "cells" and width == 1 else listed

    def _tensors(self, schema: Schema) -> Any:
        chance, rows = self.chance, self.chance.count(0, 3)
        specs: list[Any] = schema.inputs
        if chance.flip(0.3):
            named = {spec.name: self._cells(spec, max(rows, 1)) for spec in specs}
            with contextlib.suppress(ValueError, TypeError):
                return pd.DataFrame(named if specs[0].name is not None else {"x": named[None]})
        found = {spec.name: self._tensor(spec, rows) for spec in specs}
        if specs[0].name is not None:
            return found
        tensor = found[None]
        if (
            chance.flip(0.15)
            and isinstance(tensor, np.ndarray)
            and tensor.ndim == 2
            and tensor.dtype != object
        ):
            # pandas has no dtype for some datetimes.
            with contextlib.suppress(ValueError):
                return pd.DataFrame(tensor)
        return tensor

    def _cells(self, spec: TensorSpec, rows: int) -> Any:
        """Return a column whose cells are the rows of a tensor, flat or in their shape."""
        inner = [axis if axis >= 0 else self.chance.count(1, 3) for axis in tuple(spec.shape)[1:]]
        array = self._filled(spec, (rows, *inner))
        if self.chance.flip() and array.ndim > 1:
            array = (
                array.reshape(self.chance.pick([(rows, -1), (rows, -1, 1)]))
                if array.size
                else array
            )
        if tuple(spec.shape)[1:] == (1,) and self.chance.flip() and array.size == rows:
            return array.ravel()
        parts = [
            part.tolist() if self.chance.flip() and isinstance(part, np.ndarray) else part
            for part in array
        ]
        return pd.Series(cells(parts))

    def _tensor(self, spec: TensorSpec, rows: int) -> Any:
        chance = self.chance
        shape = [
            axis if axis >= 0 else rows if index == 0 else chance.count(0, 3)
            for index, axis in enumerate(spec.shape)
        ]
        if len(shape) > 1 and -1 in tuple(spec.shape)[1:] and chance.flip(0.25):
            parts = [
                self._tensor(TensorSpec(spec.type, tuple(spec.shape)[1:]), chance.count(1, 3))
                for _ in range(shape[0])
            ]
            return (
                cells(parts)
                if chance.flip()
                else [part.tolist() if isinstance(part, np.ndarray) else part for part in parts]
            )
        array = self._filled(spec, tuple(shape))
        form = chance.pick(["array", "array", "list", "objects", "sparse"])
        if form == "list":
            return array.tolist()
        if form == "objects":
            return array.astype(object)
        if form == "sparse" and array.ndim == 2 and array.dtype.kind in "biufc":
            return scipy.sparse.csr_matrix(
                array.astype(array.dtype if array.dtype != np.float16 else np.float32)
            )
        return array

    def _filled(self, spec: TensorSpec, shape: tuple[int, ...]) -> Any:
        chance, size = self.chance, int(np.prod(shape))
        pool = _tensor_pool(spec.type, self.policy)
        source = chance.pick(pool) if pool and chance.flip(0.6) else np.zeros(2, spec.type)
        return np.resize(source, size).reshape(shape) if size else np.zeros(shape, source.dtype)

    def inputs(self) -> Any:
        return self.data(self.signature.inputs, self.other.inputs)

    def outputs(self) -> Any:
        return self.data(self.signature.outputs, self.other.outputs)

    def params(self) -> dict[str, Any] | None:
        schema = self.signature.params
        if schema is None:
            return self.chance.pick([None, {}])
        return {spec.name: self._param(spec) for spec in schema.params if self.chance.flip(0.7)}

    def _param(self, spec: ParamSpec) -> Any:
        if not isinstance(spec.dtype, DataType):
            return self.value(spec.dtype, nullable=False)
        pool = _pool(spec.dtype.name, self.policy, "param")
        return (
            self.chance.pick(pool)
            if spec.shape is None
            else [self.chance.pick(pool) for _ in range(self.chance.count(0, 2))]
        )


_PLAIN: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, 3, -7],
    "long": [0, 3, 2**40],
    "float": [0.5, 3.0],
    "double": [0.5, 0.1],
    "string": ["", "a", "red"],
    "binary": [b"x"],
    "datetime": [dt.datetime(2024, 5, 6), "2024-05-06"],
    "any": [1, "a", [1, 2], ["x", "y"], {"a": 1}, None],
}


def _plain(name: str, chance: RandomSource) -> Any:
    return chance.pick(_PLAIN[name])


def find_counterexample(
    old: ModelSignature,
    new: ModelSignature,
    side: str,
    *,
    n: int,
    seed: int = 0,
    policy: Policy = "lossless",
    extra: str = "ignore",
) -> list[Any]:
    """Search for data of one side that confirms a change that breaks `backward`.

    For inputs and params, it is data that the old signature accepts and the new one rejects; for
    outputs, data that conforms to the new signature but not to the old one. Data with extra columns
    is not considered. Returns a list of one item, or an empty list.
    """
    first, second = (new, old) if side == "outputs" else (old, new)
    made = Payloads(first, second, policy, RandomSource(seed))
    own = compile(first, policy, "ignore" if policy == "mlflow" else "forbid")
    other = compile(second, policy, extra)  # type: ignore[arg-type]
    conforming = 0
    for _ in range(3 * n):
        data = getattr(made, side)()
        # MLflow writes into arrays.
        if accepts(own, side, copy.deepcopy(data)):
            conforming += 1
            if not accepts(other, side, data):
                return [data]
        if conforming == n:
            break
    return []
