"""Params inferred from examples equal MLflow's, or raise."""

from __future__ import annotations

import mlflow.models
import pytest

from modelpact.errors import SignError
from modelpact.signature import compile, infer
from tests.support.inference_cases import param_examples
from tests.support.many_cases import unique_cases

PARAMS = unique_cases(list(param_examples()))


def test_number_of_cases() -> None:
    assert len(PARAMS) == 70


@pytest.mark.parametrize("name", PARAMS)
def test_params_equal_mlflow_or_raise(name: str) -> None:
    try:
        expected = mlflow.models.infer_signature(params=PARAMS[name]).params
    except Exception:
        expected = None
    if expected is None or "empty list" in name:
        with pytest.raises(SignError) as caught:
            infer(None, params=PARAMS[name])
        assert "k" in caught.value.problems[0][0]
        return
    found = infer(None, params=PARAMS[name])
    assert repr(found.params) == repr(expected)
    assert compile(found).enforce_params(PARAMS[name]) is not None


def test_params_must_be_a_dict_with_unique_names() -> None:
    with pytest.raises(SignError, match="params: params of type list; provide a dict of values"):
        infer([1.5], params=[1])  # type: ignore[arg-type]
    with pytest.raises(SignError, match="Duplicated parameters"):
        infer([1.5], params={1: 1, "1": 2})  # type: ignore[dict-item]
