"""The three policies against MLflow itself, over every pair of data and schema in `enforcement_cases`."""

from __future__ import annotations

import copy
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from enforcement_cases import Case, column_cases, nested_cases, param_cases, payload_cases, same, tensor_cases
from holes import DIFFERENCES, HOLES, Hole, covered, differs
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, ParamSchema, Schema

from modelpact import _mlflow
from modelpact.errors import InputsError
from modelpact.signature.enforce import compile

DATA = [*column_cases(), *nested_cases(), *tensor_cases(), *payload_cases()]
PARAMS = list(param_cases())


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """MLflow logs each extra column, pandas and NumPy warn about some of the stranger data."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def asked(call: Any, *args: Any) -> tuple[bool, Any]:
    try:
        return True, call(*args)
    except Exception as error:
        return False, error


def signature_of(case: Case | Hole) -> ModelSignature:
    if case.schema is None or isinstance(case.schema, ParamSchema):
        return ModelSignature(Schema([ColSpec(DataType.long)]), params=case.schema)
    return ModelSignature(case.schema)


def ours(case: Case | Hole, policy: str) -> tuple[bool, Any]:
    enforcer = compile(signature_of(case), policy)  # type: ignore[arg-type]
    call = enforcer.params if case.schema is None or isinstance(case.schema, ParamSchema) else enforcer.inputs
    try:
        return True, call(case.data())
    except InputsError as error:
        return False, error


def theirs(case: Case | Hole) -> tuple[bool, Any]:
    private = _mlflow.enforce_params if case.schema is None or isinstance(case.schema, ParamSchema) else _mlflow.enforce_inputs
    return asked(private, case.data(), case.schema)


def test_there_are_enough_cases() -> None:
    assert len(DATA) + len(PARAMS) > 4000
    names = [case.name for case in DATA]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", DATA + PARAMS, ids=lambda case: case.name)
def test_mlflow_policy_gives_mlflows_verdict_and_result(case: Case) -> None:
    accepted, result = theirs(case)
    verdict, given = ours(case, "mlflow")
    assert verdict == accepted
    if accepted:
        assert same(given, result)
    else:
        assert given.failures[0].code == "REFUSED_BY_MLFLOW"


@pytest.mark.parametrize("case", DATA + PARAMS, ids=lambda case: case.name)
def test_lossless_accepts_what_mlflow_accepts_outside_the_holes(case: Case) -> None:
    accepted, result = theirs(case)
    verdict, given = ours(case, "lossless")
    if accepted and not verdict:
        assert covered(given.failures), given
    if accepted and verdict:
        assert same(given, result) is not differs(case.name)


@pytest.mark.parametrize("case", DATA + PARAMS, ids=lambda case: case.name)
def test_strict_accepts_nothing_that_lossless_refuses(case: Case) -> None:
    if ours(case, "strict")[0]:
        assert ours(case, "lossless")[0]


@pytest.mark.parametrize("case", DATA, ids=lambda case: case.name)
@pytest.mark.parametrize("policy", ["mlflow", "lossless", "strict"])
def test_data_is_never_changed_and_enforcing_twice_is_enforcing_once(case: Case, policy: str) -> None:
    data, kept = case.data(), case.data()
    if type(data) is object:
        return
    enforcer = compile(signature_of(case), policy)  # type: ignore[arg-type]
    accepted, once = asked(enforcer.inputs, data)
    assert same(data, kept)
    if accepted:
        assert isinstance(once, (pd.DataFrame, dict)) or hasattr(once, "shape")
        before = copy.deepcopy(once)
        if policy == "lossless":
            assert enforcer.inputs(once) is once or same(enforcer.inputs(once), before)
            assert same(once, before)
    else:
        assert isinstance(once, InputsError)


@pytest.mark.parametrize("hole", HOLES, ids=lambda hole: hole.name)
def test_lossless_closes_each_hole(hole: Hole) -> None:
    accepted, _ = theirs(hole)
    assert accepted, "MLflow has closed it: take it off the list"
    verdict, error = ours(hole, "lossless")
    assert not verdict
    assert all(hole.covers(failure) for failure in error.failures)
    assert not ours(hole, "strict")[0]


@pytest.mark.parametrize("reason", DIFFERENCES)
def test_each_listed_difference_is_one(reason: str) -> None:
    assert any(re.fullmatch(DIFFERENCES[reason], case.name) for case in DATA)
