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
from together import by_name, holds_for_each

from modelpact import _mlflow
from modelpact.errors import InputsError
from modelpact.signature.enforce import compile

DATA = {
    family: by_name([(case.name, case) for case in cases])
    for family, cases in {
        "column": column_cases(),
        "nested": nested_cases(),
        "tensor": tensor_cases(),
        "payload": payload_cases(),
    }.items()
}
FAMILIES = {**DATA, "param": by_name([(case.name, case) for case in param_cases()])}
COUNTS = {"column": 1088, "nested": 1976, "tensor": 765, "payload": 560, "param": 603}
"""How many cases each family has: each of its tests checks them all."""


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


def test_no_case_is_lost() -> None:
    assert {family: len(cases) for family, cases in FAMILIES.items()} == COUNTS
    assert len({name for cases in FAMILIES.values() for name in cases}) == sum(COUNTS.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_mlflow_policy_gives_mlflows_verdict_and_result(family: str) -> None:
    def check(case: Case) -> None:
        accepted, result = theirs(case)
        verdict, given = ours(case, "mlflow")
        assert verdict == accepted
        if accepted:
            assert same(given, result)
        else:
            assert given.failures[0].code == "REFUSED_BY_MLFLOW"

    holds_for_each(check, FAMILIES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_lossless_accepts_what_mlflow_accepts_outside_the_holes(family: str) -> None:
    def check(case: Case) -> None:
        accepted, result = theirs(case)
        verdict, given = ours(case, "lossless")
        if accepted and not verdict:
            assert covered(given.failures), given
        if accepted and verdict:
            assert same(given, result) is not differs(case.name)

    holds_for_each(check, FAMILIES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_strict_accepts_nothing_that_lossless_refuses(family: str) -> None:
    def check(case: Case) -> None:
        if ours(case, "strict")[0]:
            assert ours(case, "lossless")[0]

    holds_for_each(check, FAMILIES[family])


@pytest.mark.parametrize("family", DATA)
@pytest.mark.parametrize("policy", ["mlflow", "lossless", "strict"])
def test_data_is_never_changed_and_enforcing_twice_is_enforcing_once(family: str, policy: str) -> None:
    def check(case: Case) -> None:
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

    holds_for_each(check, DATA[family])


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
    assert any(re.fullmatch(DIFFERENCES[reason], name) for cases in DATA.values() for name in cases)
