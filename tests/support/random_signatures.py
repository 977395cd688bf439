"""Random signatures, and random edits of signatures."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
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

from tests.support.dtype_catalogue import TENSOR_DTYPES
from tests.support.random_payloads import RandomSource

NAMES = ["a", "b", "c", "d", "e"]


def random_type(chance: RandomSource, depth: int = 2) -> Any:
    """Return a random column type."""
    if depth == 0 or chance.flip(0.6):
        return chance.pick([*DataType, *DataType, AnyType()])
    kind = chance.pick(["array", "object", "map"])
    if kind == "array":
        return Array(random_type(chance, depth - 1))
    if kind == "map":
        return Map(random_type(chance, depth - 1))
    names = chance.rng.permutation(["a", "b", "x"])[: chance.count(1, 3)]
    return Object(
        [Property(str(name), random_type(chance, depth - 1), chance.flip(0.6)) for name in names]
    )


def random_tensor(chance: RandomSource, name: str | None) -> TensorSpec:
    shape = (
        chance.pick([-1, -1, 2]),
        *(chance.pick([-1, 1, 2, 3]) for _ in range(chance.count(0, 2))),
    )
    return TensorSpec(np.dtype(chance.pick(TENSOR_DTYPES)), shape, name)


def random_schema(chance: RandomSource) -> Schema:
    """Return a random schema of named columns, unnamed columns or tensors."""
    kind = chance.pick(["columns", "columns", "columns", "unnamed", "tensor", "tensors"])
    width = chance.count(1, 4)
    if kind == "columns":
        return Schema(
            [ColSpec(random_type(chance), NAMES[index], chance.flip(0.7)) for index in range(width)]
        )
    if kind == "unnamed":
        return Schema([ColSpec(random_type(chance)) for _ in range(chance.count(1, 3))])
    if kind == "tensor":
        return Schema([random_tensor(chance, None)])
    return Schema([random_tensor(chance, NAMES[index]) for index in range(chance.count(1, 3))])


_DEFAULTS: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, 3],
    "long": [0, 2**40],
    "float": [0.5, 1.0],
    "double": [0.5, 1.0],
    "string": ["a", ""],
    "datetime": [dt.datetime(2024, 1, 1), dt.datetime(2025, 1, 1)],
}


def random_param(chance: RandomSource, name: str) -> ParamSpec:
    if chance.flip(0.1):
        return ParamSpec(
            name,
            Object([Property("a", DataType.long), Property("b", DataType.string, False)]),
            {"a": 1},
        )
    kind = chance.pick(list(_DEFAULTS))
    default = chance.pick(_DEFAULTS[kind])
    return (
        ParamSpec(name, DataType[kind], [default], (-1,))
        if chance.flip(0.2)
        else ParamSpec(name, DataType[kind], default)
    )


def random_signature(chance: RandomSource) -> ModelSignature:
    """Return a random signature."""
    params = [random_param(chance, name) for name in ["p", "q", "r"][: chance.count(0, 3)]]
    return ModelSignature(
        random_schema(chance),
        random_schema(chance) if chance.flip(0.7) else None,
        ParamSchema(params) if params else None,  # type: ignore[arg-type]
    )


_CLOSE = {
    "integer": ["long", "double"],
    "float": ["double"],
    "long": ["integer", "double"],
    "double": ["float", "long"],
}


def edit_type(dtype: Any, chance: RandomSource) -> Any:
    """Return a similar type: changed inside, widened, or nested once more."""
    if chance.flip(0.12):
        return AnyType()
    if chance.flip(0.08):
        return Array(dtype) if chance.flip() else Map(dtype)
    if isinstance(dtype, DataType) and dtype.name in _CLOSE and chance.flip(0.7):
        return DataType[chance.pick(_CLOSE[dtype.name])]
    if isinstance(dtype, Array) and chance.flip(0.8):
        return Array(edit_type(dtype.dtype, chance))
    if isinstance(dtype, Map) and chance.flip(0.8):
        return Map(edit_type(dtype.value_type, chance))
    if isinstance(dtype, Object) and chance.flip(0.9):
        if chance.flip(0.15):
            return Map(dtype.properties[0].dtype)
        members = [(prop.name, prop.dtype, bool(prop.required)) for prop in dtype.properties]
        return Object(
            [Property(*member) for member in _edit_members(members, chance, ["a", "b", "x", "y"])]
        )
    return random_type(chance, 1)


def _edit_members(members: list[Any], chance: RandomSource, names: list[str]) -> list[Any]:
    """Return columns or properties `(name, type, required)` with one edit."""
    members = list(members)
    index = chance.count(0, len(members) - 1)
    name, dtype, required = members[index]
    free = [other for other in names if other not in {member[0] for member in members}]
    edit = chance.pick(
        ["type", "type", "type", "required", "required", "remove", "add", "rename", "reorder"]
    )
    if edit == "type":
        members[index] = (name, edit_type(dtype, chance), required)
    elif edit == "required":
        members[index] = (name, dtype, not required)
    elif edit == "remove" and len(members) > 1:
        del members[index]
    elif edit == "add" and free:
        members.insert(
            chance.count(0, len(members)), (free[0], random_type(chance, 1), chance.flip(0.4))
        )
    elif edit == "rename" and free:
        members[index] = (free[-1], dtype, required)
    else:
        members = members[1:] + members[:1]
    return members


def edit_schema(schema: Schema | None, chance: RandomSource) -> Schema | None:
    """Return a schema with one edit."""
    if chance.flip(0.04):
        return None if schema is not None else random_schema(chance)
    if schema is None or chance.flip(0.04):
        return random_schema(chance)
    specs: list[Any] = list(schema.inputs)
    if schema.is_tensor_spec():
        return Schema([*_edit_tensors(specs, chance)])
    if not schema.has_input_names():
        if chance.flip(0.1):
            return Schema([ColSpec(spec.type, NAMES[index]) for index, spec in enumerate(specs)])
        members = [(index, spec.type, True) for index, spec in enumerate(specs)]
        edited = _edit_members(members, chance, [])
        if chance.flip(0.1):
            edited.append((None, random_type(chance, 1), True))
        return Schema([ColSpec(dtype) for _, dtype, _ in edited])
    if chance.flip(0.05):
        return Schema([ColSpec(spec.type) for spec in specs])
    members = [(spec.name, spec.type, bool(spec.required)) for spec in specs]
    return Schema(
        [
            ColSpec(dtype, name, required)
            for name, dtype, required in _edit_members(members, chance, NAMES)
        ]
    )


def _edit_tensors(specs: list[TensorSpec], chance: RandomSource) -> list[TensorSpec]:
    index = chance.count(0, len(specs) - 1)
    spec = specs[index]
    edit = chance.pick(
        ["dtype", "dtype", "shape", "shape", "shape", "add", "remove", "reorder", "names"]
    )
    kind, shape = spec.type, list(spec.shape)
    if edit == "dtype":
        near = (
            [dtype for dtype in map(np.dtype, TENSOR_DTYPES) if dtype.kind in "iuf"]
            if kind.kind in "iuf"
            else []
        )
        specs[index] = TensorSpec(
            chance.pick(near) if near else np.dtype(chance.pick(TENSOR_DTYPES)),
            spec.shape,
            spec.name,
        )
    elif edit == "shape":
        axis = chance.count(0, len(shape) - 1)
        shape[axis] = (
            chance.pick([1, 2, 3]) if shape[axis] == -1 else chance.pick([-1, -1, shape[axis] + 1])
        )
        if chance.flip(0.1):
            shape.append(-1)
        specs[index] = TensorSpec(kind, tuple(shape), spec.name)
    elif edit == "names":
        return (
            [TensorSpec(kind, tuple(shape), None if spec.name is not None else "a")]
            if len(specs) == 1
            else specs[::-1]
        )
    elif edit == "add" and spec.name is not None and len(specs) < len(NAMES):
        specs.append(random_tensor(chance, NAMES[len(specs)]))
    elif edit == "remove" and len(specs) > 1:
        del specs[index]
    else:
        specs = specs[::-1]
    return specs


def _edit_params(schema: ParamSchema | None, chance: RandomSource) -> ParamSchema | None:
    specs = [] if schema is None else list(schema.params)
    edit = chance.pick(["default", "type", "wider", "add", "remove"])
    if edit == "add" or not specs:
        specs.append(random_param(chance, "new"))
        return ParamSchema(list({spec.name: spec for spec in specs}.values()))
    index = chance.count(0, len(specs) - 1)
    spec = specs[index]
    if edit == "remove":
        del specs[index]
    elif edit == "default" and isinstance(spec.dtype, DataType) and spec.shape is None:
        specs[index] = ParamSpec(spec.name, spec.dtype, chance.pick(_DEFAULTS[spec.dtype.name]))
    elif (
        edit == "wider" and spec.shape is None and spec.dtype in (DataType.integer, DataType.float)
    ):
        specs[index] = ParamSpec(spec.name, DataType.double, float(spec.default))
    else:
        specs[index] = random_param(chance, spec.name)
    return ParamSchema(specs) if specs else None


def edit_signature(
    signature: ModelSignature, chance: RandomSource, most: int = 3
) -> ModelSignature:
    """Return a signature with one to three edits of its inputs, outputs or params."""
    inputs, outputs = signature.inputs, signature.outputs
    params: ParamSchema | None = signature.params
    for _ in range(chance.count(1, most)):
        side = chance.pick(["inputs", "inputs", "outputs", "params"])
        if side == "inputs":
            inputs = edit_schema(inputs, chance)
        elif side == "outputs":
            outputs = edit_schema(outputs, chance)
        else:
            params = _edit_params(params, chance)
    if inputs is None and outputs is None and params is None:
        return signature
    return ModelSignature(inputs, outputs, params)  # type: ignore[arg-type]
