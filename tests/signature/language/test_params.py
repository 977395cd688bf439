"""Params: the short form, the long form, and malformed ones."""

from __future__ import annotations

from typing import Any

import pytest

from modelpact.signature import parse
from tests.support.malformed_specs import report_problems

MALFORMED = [
    (
        "params: {t: double}",
        "params.t: missing default; write double = 0",
    ),
    (
        "params: {t: binary = x}",
        "params.t: unsupported type binary for a param; use a scalar other than binary, a list "
        "of such scalars, or an object",
    ),
    (
        "params: {t: any = 3}",
        "params.t: unsupported type any for a param; use a scalar other than binary, a list of "
        "such scalars, or an object",
    ),
    (
        'params: {t: "float32[-1] = 3"}',
        "params.t: a param cannot be a tensor ('float32[-1]'); write a list of any length as "
        "[double]",
    ),
    (
        'params: {t: "[[double]] = []"}',
        "params.t: unsupported type [[double]] for a param; use a scalar other than binary, a "
        "list of such scalars, or an object",
    ),
    (
        "params: {t: {type: double}}",
        "params.t: a param requires default, as in {type: double, default: 0.7}",
    ),
    (
        "params: {t: {default: 3}}",
        "params.t: a param requires type, as in {type: double, default: 0.7}",
    ),
    (
        "params: {t: {type: double, defalt: 3, default: 1}}",
        "params.t.defalt: unknown key 'defalt' of a param (did you mean 'default'?)",
    ),
    (
        "params: {t: {type: double, default: 3, shape: [3]}}",
        "params.t.shape: the shape of a param must be [-1] (a list) or omitted, got [3]",
    ),
    (
        'params: {"t?": double = 3}',
        "params.t?: params are always optional; remove the ?",
    ),
    (
        "params: [{type: double, default: 3}]",
        "params[0].name: missing name",
    ),
    (
        "params: [{name: t, type: double, default: 3}, {name: t, type: double, default: 3}]",
        "params: duplicate name 't' (2 times)",
    ),
    (
        "params: {o: {type: double, properties: {a: long}, default: 1}}",
        "params.o.properties: properties are for type object only, not for 'double'",
    ),
    (
        "params: double",
        "params: params are written as {name: type = default}, such as {temperature: double = "
        "0.7}; got 'double'",
    ),
    (
        "params: [double]",
        "params: params are written as {name: type = default}, such as {temperature: double = "
        '0.7}; got ["double"]',
    ),
]


@pytest.mark.parametrize(("spec", "problems"), MALFORMED, ids=[spec for spec, _ in MALFORMED])
def test_malformed_params_are_reported(spec: str, problems: str) -> None:
    assert report_problems(spec) == problems


def test_params_have_a_long_form() -> None:
    short = parse(
        {"params": {"t": "double = 0.7", "s": '[string] = ["a"]', "o": '{a: long} = {"a": 1}'}}
    )
    long: dict[str, Any] = {
        "t": {"type": "double", "default": 0.7},
        "s": {"type": "string", "default": ["a"], "shape": [-1]},
        "o": {"type": {"a": "long"}, "default": {"a": 1}},
    }
    assert parse({"params": long}) == short
    assert parse({"params": long | {"s": {"type": ["string"], "default": ["a"]}}}) == short
    assert parse({"params": [{"name": name, **item} for name, item in long.items()]}) == short


def test_null_parts_and_empty_params_are_absent() -> None:
    assert parse({"inputs": ["long"], "outputs": None, "params": None}) == parse(
        {"inputs": ["long"], "params": {}}
    )
