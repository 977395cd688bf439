"""The policies compared with MLflow, for every case in `enforcement_cases`."""

from __future__ import annotations

import copy
import re
from typing import Any

import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, ParamSchema, Schema

from modelpact._internal import mlflow_compat
from modelpact.errors import InputsError
from modelpact.signature import compile
from tests.support.enforcement_cases import (
    Case,
    column_cases,
    is_same,
    nested_cases,
    param_cases,
    payload_cases,
    tensor_cases,
)
from tests.support.many_cases import check_all_cases, sample_cases, unique_cases
from tests.support.mlflow_differences import (
    GAPS,
    RESULT_DIFFERENCES,
    Gap,
    are_known_gaps,
    is_known_difference,
)

DATA = {
    family: unique_cases([(case.name, case) for case in cases])
    for family, cases in {
        "column": column_cases(),
        "nested": nested_cases(),
        "tensor": tensor_cases(),
        "payload": payload_cases(),
    }.items()
}
FAMILIES = {**DATA, "param": unique_cases([(case.name, case) for case in param_cases()])}
COUNTS = {"column": 1088, "nested": 1976, "tensor": 765, "payload": 560, "param": 603}
"""The number of cases of each family."""

pytestmark = pytest.mark.usefixtures("quiet")


def attempt(call: Any, *args: Any) -> tuple[bool, Any]:
    try:
        return True, call(*args)
    except Exception as error:
        return False, error


def signature_of(case: Case | Gap) -> ModelSignature:
    if case.schema is None or isinstance(case.schema, ParamSchema):
        return ModelSignature(Schema([ColSpec(DataType.long)]), params=case.schema)  # type: ignore[arg-type]
    return ModelSignature(case.schema)


def ours(case: Case | Gap, policy: str) -> tuple[bool, Any]:
    """Return the result of a policy, and check that it does not change the data."""
    enforcer = compile(signature_of(case), policy)  # type: ignore[arg-type]
    call = (
        enforcer.enforce_params
        if case.schema is None or isinstance(case.schema, ParamSchema)
        else enforcer.enforce_inputs
    )
    data = case.data()
    try:
        return True, call(data)
    except InputsError as error:
        return False, error
    finally:
        assert type(data) is object or is_same(data, case.data())


def theirs(case: Case | Gap) -> tuple[bool, Any]:
    private = (
        mlflow_compat.enforce_params
        if case.schema is None or isinstance(case.schema, ParamSchema)
        else mlflow_compat.enforce_inputs
    )
    return attempt(private, case.data(), case.schema)


def test_number_of_cases() -> None:
    assert {family: len(cases) for family, cases in FAMILIES.items()} == COUNTS
    assert len({name for cases in FAMILIES.values() for name in cases}) == sum(COUNTS.values())


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_each_policy_gives_the_expected_verdict(family: str, every: int) -> None:
    """`mlflow` equals MLflow, `lossless` differs in known gaps, `strict` accepts no more."""

    def check(case: Case) -> None:
        accepted, result = theirs(case)
        as_mlflow, given = ours(case, "mlflow")
        assert as_mlflow == accepted
        if accepted:
            assert is_same(given, result)
        else:
            assert given.failures[0].code == "REFUSED_BY_MLFLOW"
        lossless, given = ours(case, "lossless")
        if accepted and not lossless:
            assert are_known_gaps(given.failures), given
        if accepted and lossless:
            assert is_same(given, result) is not is_known_difference(case.name)
        strict, _ = ours(case, "strict")
        assert lossless or not strict

    check_all_cases(check, sample_cases(FAMILIES[family], every))


@pytest.mark.parametrize("family", DATA)
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_enforcement_is_idempotent(family: str, every: int) -> None:
    def check(case: Case) -> None:
        enforcer = compile(signature_of(case), "lossless")
        accepted, once = attempt(enforcer.enforce_inputs, case.data())
        if accepted:
            assert isinstance(once, (pd.DataFrame, dict)) or hasattr(once, "shape")
            before = copy.deepcopy(once)
            again = enforcer.enforce_inputs(once)
            assert again is once or is_same(again, before)
            assert is_same(once, before)
        else:
            assert isinstance(once, InputsError)

    check_all_cases(check, sample_cases(DATA[family], every))


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: gap.name)
def test_lossless_closes_each_gap(gap: Gap) -> None:
    accepted, _ = theirs(gap)
    assert accepted, "MLflow has closed it: take it off the list"
    verdict, error = ours(gap, "lossless")
    assert not verdict
    assert all(gap.explains(failure) for failure in error.failures)
    assert not ours(gap, "strict")[0]


@pytest.mark.parametrize("reason", RESULT_DIFFERENCES)
def test_every_listed_difference_has_a_case(reason: str) -> None:
    assert any(
        re.fullmatch(RESULT_DIFFERENCES[reason], name) for cases in DATA.values() for name in cases
    )
