"""Tensors: every dtype and shape, and malformed ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from mlflow.types.schema import TensorSpec

from modelpact.signature import parse_type, type_to_spec
from tests.support.malformed_specs import report_problems
from tests.support.strategies import TENSOR_DTYPES, shapes

MALFORMED = [
    (
        'inputs: {i: "double[-1]"}',
        "inputs.i: unknown tensor dtype 'double'; write float64",
    ),
    (
        'inputs: {i: "flot32[-1]"}',
        "inputs.i: unknown tensor dtype 'flot32' (did you mean 'float32'?)",
    ),
    (
        'inputs: {i: "float32[None, 3]"}',
        "inputs.i: invalid axis 'None'; write its length, or -1 for any length",
    ),
    (
        'inputs: {i: "float32[-2, 3]"}',
        "inputs.i: invalid axis '-2'; write its length, or -1 for any length",
    ),
    (
        "inputs: [{name: a, type: tensor, tensor-spec: {dtype: float3, shape: [-1]}}]",
        "inputs[0].tensor-spec: unknown tensor dtype 'float3' (did you mean 'float32'?)",
    ),
]


@pytest.mark.parametrize(("spec", "problems"), MALFORMED, ids=[spec for spec, _ in MALFORMED])
def test_malformed_tensors_are_reported(spec: str, problems: str) -> None:
    assert report_problems(spec) == problems


@pytest.mark.parametrize("dtype", TENSOR_DTYPES)
@given(shape=shapes)
def test_tensors_are_read_back(dtype: str, shape: tuple[int, ...]) -> None:
    spec = TensorSpec(np.dtype(dtype), shape)
    assert parse_type(type_to_spec(spec)) == spec
