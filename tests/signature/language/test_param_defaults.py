"""Defaults of params: JSON, bare strings and datetimes, and malformed ones."""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np
import pytest
import yaml

from modelpact.errors import SpecError
from modelpact.signature import parse, to_spec
from tests.support.malformed_specs import report_problems

MALFORMED = [
    (
        "params: {t: double = }",
        'params.t: missing default after =; write an empty string as "", and quote text that '
        "contains # (a YAML comment)",
    ),
    (
        "params: {t: double = x}",
        "params.t: invalid default 'x' for type double: it is not JSON",
    ),
    (
        "params: {t: long = 1.5}",
        "params.t: invalid default 1.5 for type long; write an integer, or change the type to "
        "double",
    ),
    (
        "params: {t: integer = 3000000000}",
        "params.t: default 3000000000 is out of range for integer (-2147483648 to 2147483647)",
    ),
    (
        "params: {t: boolean = True}",
        "params.t: invalid default 'True' for type boolean: it is not JSON; write true",
    ),
    (
        "params: {t: \"[string] = ['a']\"}",
        "params.t: invalid default \"['a']\" for type [string]: it is not JSON; put strings in "
        "double quotes",
    ),
    (
        'params: {t: "[string] = null"}',
        "params.t: invalid default null for type [string]; write a list, such as []",
    ),
    (
        'params: {t: "[string] = a"}',
        "params.t: invalid default 'a' for type [string]: it is not JSON",
    ),
    (
        "params: {t: datetime = null}",
        "params.t: invalid default null for type datetime; MLflow cannot store null as the "
        "default of a datetime",
    ),
    (
        "params: {t: datetime = now}",
        "params.t: invalid default 'now' for type datetime; write a datetime such as "
        "2024-01-31T12:00:00",
    ),
    (
        "params: {t: 'datetime = 2024-01-01T00:00:00Z'}",
        "params.t: invalid default '2024-01-01T00:00:00Z' for type datetime; MLflow stores "
        "datetimes without a time zone; write it in UTC, without an offset",
    ),
    (
        "params: {t: {type: double, default: a}}",
        "params.t: invalid default 'a' for type double",
    ),
    (
        "params: {t: {type: string, default: 3}}",
        "params.t: invalid default 3 for type string; put it in quotes",
    ),
    (
        "params: {t: {type: double, default: 3, shape: [-1]}}",
        "params.t: invalid default 3 for type [double]; write a list, such as []",
    ),
    (
        'params: {o: \'{a: long} = {"a": "x"}\'}',
        'params.o: invalid default {"a": "x"} for type {a: long}',
    ),
    (
        "params: {o: '{a: long} = {\"b\": 1}'}",
        'params.o: invalid default {"b": 1} for type {a: long}',
    ),
    (
        'params: {o: \'{a: long} = {"a": 1, "a": 2}\'}',
        "params.o: duplicate keys in the default: 'a'",
    ),
    (
        "params: {t: float = 1e300}",
        "params.t: default 1e+300 is out of range for float (-3.4028234663852886e+38 to "
        "3.4028234663852886e+38)",
    ),
    (
        'params: {t: "[integer] = [1, 3000000000]"}',
        "params.t: default 3000000000 is out of range for integer (-2147483648 to 2147483647)",
    ),
    (
        "params: {t: {type: datetime, default: 5}}",
        "params.t: invalid default 5 for type datetime; write a datetime such as "
        "2024-01-31T12:00:00",
    ),
    (
        'params: {t: "datetime = 2024-02-31"}',
        "params.t: invalid default '2024-02-31' for type datetime",
    ),
]


@pytest.mark.parametrize(("spec", "problems"), MALFORMED, ids=[spec for spec, _ in MALFORMED])
def test_malformed_defaults_are_reported(spec: str, problems: str) -> None:
    assert report_problems(spec) == problems


@pytest.mark.parametrize(
    ("written", "default"),
    [
        ("string = hello world", "hello world"),
        ("string = a=b", "a=b"),
        ('string = "quoted"', "quoted"),
        ('string = "null"', "null"),
        ("string = null", None),
        ("string = 3", "3"),
        ('string = ""', ""),
        ("string=x", "x"),
        ("double = 1", 1.0),
        ("double = null", None),
        ("boolean = true", True),
        ("datetime = 2024-01-31", datetime.date(2024, 1, 31)),
        ('datetime = "2024-01-31T12:00:00"', datetime.datetime(2024, 1, 31, 12)),
        ('[datetime] = ["2024-01-31"]', [datetime.date(2024, 1, 31)]),
        ("[long] = [1, 2]", [1, 2]),
    ],
)
def test_defaults_are_json_or_bare_strings_and_datetimes(written: str, default: Any) -> None:
    assert parse({"params": {"p": written}}).params.params[0].default == default


def test_yaml_dates_are_defaults_of_datetime_params() -> None:
    spec = yaml.safe_load(
        "params: {day: {type: datetime, default: 2024-01-31}, "
        "at: {type: datetime, default: 2024-01-31 12:00:00}}"
    )
    day, at = parse(spec).params.params
    assert (day.default, at.default) == (
        datetime.date(2024, 1, 31),
        datetime.datetime(2024, 1, 31, 12),
    )


def test_a_default_of_nan_is_read_back() -> None:
    written = {"params": {"p": "double = NaN"}}
    assert to_spec(parse(written)) == written


@pytest.mark.parametrize(
    ("dtype", "default", "text"),
    [
        ("{a: any}", {"a": np.int64(1)}, "params.k.a: invalid default: JSON cannot hold a value"),
        ("{a: any}", {"a": [b"x"]}, "params.k.a[0]: invalid default"),
        ("{a: any}", {"a": (1, 2)}, "type tuple; provide a list: list(...)"),
        ("{a: any}", {"a": {1: 2}}, "the key 1 is of type int; write it as text: '1'"),
        ("string", "\ud800", "cannot be encoded in UTF-8"),
        ("datetime", np.datetime64("NaT"), "MLflow cannot store null as the default of a datetime"),
        ("double", [1.0], "for a list, write [double]"),
    ],
)
def test_defaults_that_json_cannot_hold_are_reported(dtype: str, default: Any, text: str) -> None:
    with pytest.raises(SpecError, match=re.escape(text)):
        parse({"params": {"k": {"type": dtype, "default": default}}})
