"""The subtype tables agree with the enforcer for every pair of types, in every container."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import (
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
from modelpact.signature.compat.subtyping import (
    is_dtype_subtype,
    is_shape_subtype,
    is_subtype,
    loses_reshaping,
)
from tests.support.dtype_catalogue import (
    TENSOR_DTYPES,
    TYPES,
    VALUES,
    accepts,
    arrays,
    cells,
    columns,
    tensor_values,
)

Asked = tuple[Callable[[Any, bool], ModelSignature], str, list[Any]]


def _column(dtype: Any, required: bool) -> ModelSignature:
    return ModelSignature(Schema([ColSpec(dtype, "x", required)]))


def _param(dtype: Any, listed: bool) -> ModelSignature:
    default: Any = [] if listed else dt.datetime(2024, 1, 1) if dtype == DataType.datetime else None
    return ModelSignature(
        params=ParamSchema([ParamSpec("p", dtype, default, (-1,) if listed else None)])
    )


def asked(where: str, every: int) -> list[Asked]:
    """Return signatures with a type in a context, and payloads with every n-th dtype."""
    pairs = [[value, other] for value in VALUES for other in (value, None, 1, 0.5)]
    if where == "column":
        frames = [pd.DataFrame({"x": series}) for series in columns()[::every]]
        rows = [[{"x": value} for value in pair] for pair in pairs]
        dicts = [{"x": value} for value in VALUES] + [{"x": [value, value]} for value in VALUES]
        unnamed = [*pairs, *VALUES, *columns()[::every], *arrays()]
        return [
            (_column, "inputs", [*frames, *rows, *dicts]),
            (lambda dtype, required: ModelSignature(Schema([ColSpec(dtype)])), "inputs", unnamed),
        ]
    if where == "value":
        found = [[{"x": {"p": value}} for value in pair] for pair in pairs]
        maps = [[{"x": {"k": value}}] for value in VALUES]
        return [
            (
                lambda dtype, required: _column(Object([Property("p", dtype, required)]), True),
                "inputs",
                [*found, [{"x": {}}]],
            ),
            (
                lambda dtype, required: _column(Map(dtype), required),
                "inputs",
                [*maps, [{"x": {}}], [{"x": None}]],
            ),
        ]
    if where == "item":
        lists = (
            [[{"x": pair}] for pair in pairs]
            + [[{"x": []}]]
            + [[{"x": array}] for array in arrays()]
        )
        frames = [pd.DataFrame({"x": cells([array])}) for array in arrays()]
        return [
            (lambda dtype, required: _column(Array(dtype), required), "inputs", [*lists, *frames])
        ]
    params = [
        {"p": value} for value in [*VALUES, *pairs, *arrays(), *([value] for value in VALUES)]
    ]
    return [(_param, "params", params)]


def found_by_asking(where: str, policy: str, every: int) -> set[tuple[str, str]]:
    """Return the pairs of scalar types of which the second accepts all payloads of the first."""
    names = [
        name for name in TYPES if where != "param" or name not in ("binary", "any")
    ]  # MLflow has no such params
    pairs = set(itertools.permutations(names, 2))
    for (build, side, payloads), flag in itertools.product(asked(where, every), (True, False)):
        taken: dict[str, set[int]] = {}
        for name in names:
            enforcer = compile(build(TYPES[name], flag), policy)  # type: ignore[arg-type]
            taken[name] = {
                index for index, payload in enumerate(payloads) if accepts(enforcer, side, payload)
            }
        assert all(taken.values())
        pairs = {(old, new) for old, new in pairs if taken[old] <= taken[new]}
    return pairs


def _check(where: Any, policy: str, every: int) -> None:
    # MLflow warns about each param.
    logging.disable(logging.CRITICAL)
    try:
        found = found_by_asking(where, policy, every)
    finally:
        logging.disable(logging.NOTSET)
    names = [name for name in TYPES if where != "param" or name not in ("binary", "any")]
    written = {
        (old, new)
        for old, new in itertools.permutations(names, 2)
        if is_subtype(TYPES[old], TYPES[new], policy, where)
    }
    assert found == written


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "every"), [("lossless", 24), ("strict", 72)])
@pytest.mark.parametrize("where", ["column", "value", "item", "param"])
def test_the_enforcer_accepts_what_the_table_lists(where: str, policy: str, every: int) -> None:
    _check(where, policy, every)


@pytest.mark.exhaustive
def test_the_enforcer_accepts_what_the_table_lists_under_policy_mlflow() -> None:
    _check("column", "mlflow", 1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("policy", ["lossless", "strict", "mlflow"])
@pytest.mark.parametrize("where", ["column", "value", "item", "param"])
def test_the_enforcer_accepts_what_the_table_lists_for_every_dtype(where: str, policy: str) -> None:
    _check(where, policy, 1)


@pytest.mark.parametrize("policy", ["lossless", "strict", "mlflow"])
def test_tensor_values_follow_the_dtype_rules(policy: str) -> None:
    kinds = [np.dtype(name) for name in TENSOR_DTYPES]
    payloads = [
        *tensor_values(),
        *([1, value] for value in (1, 0.5, 2**40, 1e300, "a")),
        [],
        [[1], [2, 3]],
    ]
    if policy == "mlflow":
        payloads = payloads[::5]
    taken = {}
    for kind in kinds:
        enforcer = compile(ModelSignature(Schema([TensorSpec(kind, (-1, 1), "t")])), policy)  # type: ignore[arg-type]
        shaped = [
            array.reshape(-1, 1) if isinstance(array, np.ndarray) else [[value] for value in array]
            for array in payloads
        ]
        taken[kind] = {
            index for index, array in enumerate(shaped) if accepts(enforcer, "inputs", {"t": array})
        }
        assert taken[kind]
    for old, new in itertools.permutations(kinds, 2):
        assert (taken[old] <= taken[new]) == is_dtype_subtype(old, new, policy), (old, new)


def _cells(shape: tuple[int, ...]) -> list[Any]:
    """Return frames with cells of every length and nesting, and of scalars."""
    found = [pd.DataFrame({"t": np.zeros(rows)}) for rows in (1, 2, 3)]
    for rows, length, nested in itertools.product((1, 2, 3), range(1, 10), ((), (1,), (1, 1))):
        found.append(
            pd.DataFrame({"t": cells([np.zeros((length, *nested)).tolist() for _ in range(rows)])})
        )
    return found


def test_tensor_shapes_follow_the_shape_rules() -> None:
    shapes = [
        (-1,),
        (2,),
        *itertools.product((-1, 1, 2), (-1, 1, 3)),
        *itertools.product((-1, 2), (-1, 1, 2), (-1, 2)),
    ]
    for old, new in itertools.permutations(shapes, 2):
        before, after = (
            compile(ModelSignature(Schema([TensorSpec(np.dtype("float64"), shape, "t")])))
            for shape in (old, new)
        )
        whole = [
            np.zeros([given if axis == -1 else axis for axis in old]) for given in (0, 1, 2, 4)
        ]
        fits = all(accepts(after, "inputs", {"t": array}) for array in whole)
        assert fits == is_shape_subtype(old, new), (old, new)
        if fits:
            reshaped = [
                frame
                for frame in _cells(old)
                if accepts(before, "inputs", frame) and not accepts(after, "inputs", frame)
            ]
            assert bool(reshaped) == loses_reshaping(old, new), (old, new, reshaped[:1])
