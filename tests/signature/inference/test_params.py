"""Params inferred from examples equal MLflow's, or raise."""

from __future__ import annotations

import datetime
import enum
import re
from decimal import Decimal
from typing import Any

import mlflow.models
import numpy as np
import pandas as pd
import pytest

from modelpact.errors import SignError
from modelpact.signature import compile, infer
from tests.support.inference_cases import param_examples
from tests.support.many_cases import unique_cases

MOMENT = datetime.datetime(2024, 1, 31, 12)


class Color(enum.StrEnum):
    """A value that is text, but not of the type `str`."""

    RED = "red"


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


def test_params_must_be_a_dict_with_names_of_text() -> None:
    with pytest.raises(SignError, match="params: params of type list; provide a dict of values"):
        infer([1.5], params=[1])  # type: ignore[arg-type]
    for name, shown in ((1, "1"), (None, "None"), (True, "True"), (Color.RED, "red")):
        with pytest.raises(SignError, match=rf"must be a string, not .* write '{shown}'"):
            infer([1.5], params={name: 1})  # type: ignore[dict-item]
    with pytest.raises(SignError, match="cannot be encoded in UTF-8"):
        infer([1.5], params={"\ud800": 1})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "k: a value of type NoneType has no MLflow type; provide an example value"),
        (np.datetime64("NaT"), "k: a value of type datetime64 has no MLflow type; leave the param"),
        (pd.NaT, "leave the param out, or provide a string"),
        (np.array(1.5), "provide a scalar: value.item()"),
        (np.array([]), "cannot infer a type from an empty list"),
        (np.ones((2, 2)), "wrap it in a dict, as in {'items': value.tolist()}"),
        (np.array(["2024-01-01"], "datetime64[ns]"), "astype('datetime64[us]').tolist()"),
        (np.datetime64(1, "ns"), "provide a datetime: value.astype('datetime64[us]').item()"),
        (np.uint64(1), "provide int(...)"),
        (np.float16(1), "provide float(...)"),
        (2**70, "provide a float or a string"),
        ({}, """write the signature with optional keys: '{"key?": double} = {}'"""),
        ({"a": {"b": (1,)}}, "k.a.b: JSON cannot hold a value of type tuple; provide a list"),
        ({"a": [np.int64(1)]}, "k.a[0]: JSON cannot hold a value of type int64; provide int(...)"),
        ({"a": b"x"}, "k.a: JSON cannot hold a value of type bytes; params cannot be binary"),
        ({"a": MOMENT}, "k.a: JSON cannot hold a value of type datetime; provide text"),
        ({"a": 2**70}, "k.a: an integer of more than 64 bits"),
        ({1: 2}, "k: the key 1 is of type int; write it as text: '1'"),
        ([{"a": 1}], "wrap it in a dict, as in {'items': [...]}"),
        ([1, "a"], "provide items of one type, not of 2 (int, str)"),
        ([None], "for each item: provide an example value"),
        ((1, 2), "provide a list: list(...)"),
        ({1, 2}, "provide a list: list(...)"),
        (pd.Series([1.0]), "value.tolist()"),
        (pd.DataFrame({"a": [1]}), "provide a dict of lists: value.to_dict('list')"),
        (Decimal("1.5"), "provide a float or a string"),
        (Color.RED, "provide its value: member.value"),
        (MOMENT.astimezone(datetime.UTC), "provide it in UTC and without tzinfo"),
        ([pd.Timestamp("2024-01-01", tz="UTC")], "k[0]: MLflow stores datetimes without a time"),
        (pd.Timestamp("2024-01-01"), "provide a datetime: value.to_pydatetime()"),
        (datetime.timedelta(1), "provide seconds: value.total_seconds()"),
        ("\ud800", "cannot be encoded in UTF-8; remove surrogates"),
    ],
)
def test_values_without_a_type_are_named_with_a_conversion(value: Any, text: str) -> None:
    with pytest.raises(SignError, match=re.escape(text)):
        infer([1.5], params={"k": value})


def test_a_value_that_contains_itself_is_an_error() -> None:
    value: dict[str, Any] = {}
    value["a"] = value
    with pytest.raises(SignError, match="k: nested more than 50 levels deep"):
        infer([1.5], params={"k": value})
