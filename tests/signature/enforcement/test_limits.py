"""The last accepted and the first rejected number of each type, in every form of the data."""

from __future__ import annotations

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
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
)

from modelpact.errors import InputsError
from modelpact.signature import compile
from tests.support.publishing import not_none

D = DataType

FLOAT_MAX = float(np.finfo("float32").max)
ROUNDED_TO_INFINITY = 2.0**128 - 2.0**103
"""The smallest double that a cast to 32 bits makes infinite."""

LIMITS: list[tuple[DataType, Any, Any]] = [
    (D.integer, 2**31 - 1, 2**31),
    (D.integer, -(2**31), -(2**31) - 1),
    (D.integer, 2.0**31 - 1, 2.0**31),
    (D.integer, -(2.0**31), -(2.0**31) - 1),
    (D.long, 2**63 - 1, 2**63),
    (D.long, -(2**63), -(2**63) - 1),
    (D.long, float(np.nextafter(2.0**63, 0)), 2.0**63),
    (D.long, -(2.0**63), float(np.nextafter(-(2.0**63), -np.inf))),
    (D.float, FLOAT_MAX, ROUNDED_TO_INFINITY),
    (D.float, -FLOAT_MAX, -ROUNDED_TO_INFINITY),
    (D.double, 2**53, 2**53 + 1),
    (D.double, -(2**53), -(2**53) - 1),
]
"""A type, its last accepted number, and the first rejected one."""


def columns(dtype: DataType, value: Any) -> Any:
    signature = ModelSignature(Schema([ColSpec(dtype, "x")]))
    return compile(signature).enforce_inputs(pd.DataFrame({"x": [value]}))["x"][0]


def objects(dtype: DataType, value: Any) -> Any:
    signature = ModelSignature(Schema([ColSpec(dtype, "x")]))
    frame = pd.DataFrame({"x": pd.Series([value], dtype=object)})
    return compile(signature).enforce_inputs(frame)["x"][0]


def records(dtype: DataType, value: Any) -> Any:
    signature = ModelSignature(Schema([ColSpec(dtype, "x")]))
    return compile(signature).enforce_inputs([{"x": value}])["x"][0]


def many_records(dtype: DataType, value: Any) -> Any:
    signature = ModelSignature(Schema([ColSpec(dtype, "x")]))
    rows = [{"x": 1}, {"x": 2.0}] * 40 + [{"x": value}]
    return compile(signature).enforce_inputs(rows)["x"][80]


def arrays(dtype: DataType, value: Any) -> Any:
    signature = ModelSignature(Schema([ColSpec(Array(dtype), "x")]))
    return compile(signature).enforce_inputs([{"x": [value]}])["x"][0][0]


def tensors(dtype: DataType, value: Any) -> Any:
    signature = ModelSignature(Schema([TensorSpec(dtype.to_numpy(), (-1,))]))
    return compile(signature).enforce_inputs([value])[0]


def params(dtype: DataType, value: Any) -> Any:
    schema = ParamSchema([ParamSpec("x", dtype, dtype.to_numpy().type(1))])
    return not_none(compile(ModelSignature(params=schema)).enforce_params({"x": value}))["x"]


Form = Callable[[DataType, Any], Any]
FORMS: list[Form] = [columns, objects, records, many_records, arrays, tensors, params]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("dtype", "accepted", "rejected"), LIMITS)
def test_both_sides_of_a_limit(form: Form, dtype: DataType, accepted: Any, rejected: Any) -> None:
    assert int(form(dtype, accepted)) == int(accepted)
    with pytest.raises(InputsError) as caught:
        form(dtype, rejected)
    # NumPy has no integers beyond 64 bits, so they are not the numbers of a tensor.
    beyond = {"WRONG_TYPE"} if form is tensors and abs(rejected) > 2**63 else set()
    assert caught.value.failures[0].code in {"OUT_OF_RANGE", "LOSSY"} | beyond


@pytest.mark.parametrize("form", [columns, objects, records, arrays, tensors])
@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_of_floats(form: Form, sign: int) -> None:
    assert form(D.float, sign * 2**24) == sign * 2.0**24
    with pytest.raises(InputsError, match="LOSSY"):
        form(D.float, sign * (2**24 + 1))


@pytest.mark.parametrize("form", [objects, records, arrays, tensors])
@pytest.mark.parametrize("sign", [1, -1])
def test_python_floats_are_rounded_up_to_the_largest_float(form: Form, sign: int) -> None:
    value = float(np.nextafter(ROUNDED_TO_INFINITY, 0))
    assert float(np.float32(form(D.float, sign * value))) == sign * FLOAT_MAX


@pytest.mark.parametrize("sign", [1, -1])
def test_doubles_of_a_column_are_not_rounded(sign: int) -> None:
    with pytest.raises(InputsError, match="LOSSY"):
        columns(D.float, sign * float(np.nextafter(FLOAT_MAX, np.inf)))


@pytest.mark.parametrize("form", FORMS)
def test_every_double_is_accepted(form: Form) -> None:
    largest = float(np.finfo("float64").max)
    assert form(D.double, largest) == largest
    assert form(D.double, float("inf")) == float("inf")


def test_datetime_tensors_are_converted_within_the_range_of_the_unit() -> None:
    check = compile(ModelSignature(Schema([TensorSpec(np.dtype("datetime64[ns]"), (-1,))])))
    last = np.array(["2262-04-11T23:47:16"], dtype="datetime64[s]")
    assert check.enforce_inputs(last)[0] == np.datetime64("2262-04-11T23:47:16", "ns")
    with pytest.raises(InputsError, match="LOSSY"):
        check.enforce_inputs(last + 1)


@pytest.mark.parametrize(
    ("value", "got"), [(2**127 - 1, f"int {2**127 - 1}"), (2**127, "int of 128 bits")]
)
def test_long_integers_are_not_shown(value: int, got: str) -> None:
    with pytest.raises(InputsError) as caught:
        records(D.double, value)
    assert caught.value.failures[0].got == got
