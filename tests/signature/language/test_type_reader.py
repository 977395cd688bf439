"""Column types: malformed ones, and types in MLflow's long form."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow.types.schema import Object

from modelpact.errors import SpecError
from modelpact.signature import parse, parse_type
from tests.support.malformed_specs import report_problems

MALFORMED = [
    (
        "inputs: {age: int}",
        "inputs.age: unknown type 'int'; write long",
    ),
    (
        "inputs: {age: flot}",
        "inputs.age: unknown type 'flot' (did you mean 'float'?)",
    ),
    (
        "inputs: {age: float64}",
        "inputs.age: unknown type 'float64'; write double; a tensor also needs a shape: "
        "float64[-1]",
    ),
    (
        "inputs: {age: uint64}",
        "inputs.age: unknown type 'uint64'; no MLflow type holds an unsigned 64-bit integer: use "
        "long below 2**63, or string",
    ),
    (
        "inputs: {age: Decimal}",
        "inputs.age: unknown type 'Decimal'; no MLflow type holds a decimal: use double, or "
        "string to keep every digit",
    ),
    (
        "inputs: {age: object}",
        "inputs.age: unknown type 'object'; write {name: type} for an object; for a pandas "
        "column of dtype object write the type of its values, such as string",
    ),
    (
        "inputs: {age: DataType.float32}",
        "inputs.age: unknown type 'DataType.float32'; write float; a tensor also needs a shape: "
        "float32[-1]",
    ),
    (
        "inputs: {age: pd.Int64}",
        "inputs.age: unknown type 'pd.Int64'; write long",
    ),
    (
        'inputs: {tags: "list[str]"}',
        "inputs.tags: unknown type 'list[str]'; write [string]",
    ),
    (
        'inputs: {tags: "string[]"}',
        "inputs.tags: unknown type 'string[]'; write [string]",
    ),
    (
        'inputs: {m: "dict[str, float]"}',
        "inputs.m: unknown type 'dict[str, float]'; write {\"*\": float} for a map",
    ),
    (
        'inputs: {age: "string?"}',
        "inputs.age: unknown type 'string?'; the ? belongs to the key: \"name?\": string",
    ),
    (
        'inputs: {age: "double = 3"}',
        "inputs.age: only params have defaults; write double",
    ),
    (
        "inputs: {age: }",
        "inputs.age: missing type",
    ),
    (
        "inputs: {age: no}",
        "inputs.age: expected a type name such as double, got the bool false",
    ),
    (
        "inputs: {age: 3}",
        "inputs.age: expected a type name such as double, got the int 3",
    ),
    (
        "inputs: {age: []}",
        "inputs.age: an array is written as a list of one type, such as [string]; this list has "
        "0 items",
    ),
    (
        "inputs: {age: [double, long]}",
        "inputs.age: an array is written as a list of one type, such as [string]; this list has "
        "2 items",
    ),
    (
        "inputs: {age: [-1, 3]}",
        "inputs.age: [-1, 3] looks like a shape; add the dtype of the tensor: float32[-1, 3]",
    ),
    (
        "inputs: {age: {}}",
        "inputs.age: an object needs at least one property, such as {name: string}; got {}",
    ),
    (
        "inputs: {age: {type: double}}",
        'inputs.age: {"type": "double"} is ambiguous; write double, or {type: object, '
        "properties: {type: {type: double}}} for an object with one property named type",
    ),
    (
        'inputs: {age: {"*": double, a: long}}',
        'inputs.age: a map has only the key "*"; write an object with a property named * in '
        "MLflow's long form",
    ),
    (
        'inputs: {author: {"orcid?": strng}}',
        "inputs.author.orcid?: unknown type 'strng' (did you mean 'string'?)",
    ),
    (
        'inputs: {"author": {"a": string, "a?": long}}',
        "inputs.author.a?: duplicate property 'a', as a and as a?",
    ),
    (
        "inputs: {on: double}",
        "inputs.True: names must be strings, got the bool true (YAML reads on, yes, off and no "
        "as booleans); quote the key",
    ),
    (
        "inputs: {1: double}",
        "inputs.1: names must be strings, got the int 1; quote the key",
    ),
    (
        'inputs: {"?": double}',
        "inputs.?: invalid name '?'; names that are empty, equal * or end with ? need MLflow's "
        "long form",
    ),
    (
        'inputs: {i: {x: "float32[-1]"}}',
        "inputs.i.x: a tensor ('float32[-1]') cannot be nested in a type or mixed with columns; "
        "write an array of any length as [type]",
    ),
    (
        "inputs: [{name: a, type: array, required: true}]",
        "inputs[0]: type array requires the key items",
    ),
    (
        "inputs: [{name: a, type: object, properties: {}, required: true}]",
        "inputs[0].properties: an object needs at least one property, such as {name: string}; "
        "got {}",
    ),
    (
        "inputs: [{name: a, type: object, propertis: {b: {type: double}}, required: true}]",
        "inputs[0].propertis: unknown key 'propertis' in MLflow's long form (did you mean "
        "'properties'?)\ninputs[0]: type object requires the key properties",
    ),
    (
        "inputs: [{name: a, type: double, required: maybe}]",
        "inputs[0].required: required must be true or false, got 'maybe'",
    ),
    (
        'inputs: \'[{"type": "flot", "name": "a"}]\'',
        "inputs[0].type: unknown type 'flot' (did you mean 'float'?)",
    ),
    (
        "inputs: {b: doubel, c: {d: strin}}\noutputs: [int]\nparams: {t: doubl = 1}",
        "inputs.b: unknown type 'doubel' (did you mean 'double'?)\ninputs.c.d: unknown type "
        "'strin' (did you mean 'string'?)\noutputs[0]: unknown type 'int'; write long\nparams.t: "
        "unknown type 'doubl' (did you mean 'double'?)",
    ),
    (
        "inputs: [{name: a, type: array, items: {type: strin}, required: true}]",
        "inputs[0].items.type: unknown type 'strin' (did you mean 'string'?)",
    ),
    (
        "inputs: {a: {type: map, value: {type: long}}}",
        "inputs.a.value: unknown key 'value' in MLflow's long form (did you mean 'values'?)\n"
        "inputs.a: type map requires the key values",
    ),
    (
        'inputs: {a: [{"b?": {c: uint64}}]}',
        "inputs.a[0].b?.c: unknown type 'uint64'; no MLflow type holds an unsigned 64-bit "
        "integer: use long below 2**63, or string",
    ),
    (
        "params: {t: {type: tensor, default: 3}}",
        "params.t.type: unknown type 'tensor'; write the dtype and the shape of the tensor, such "
        "as float32[-1, 3]",
    ),
    (
        "inputs: {x: !!binary aGk=}",
        "inputs.x: expected a type name such as double, got the bytes b'hi'",
    ),
]


@pytest.mark.parametrize(("spec", "problems"), MALFORMED, ids=[spec for spec, _ in MALFORMED])
def test_malformed_types_are_reported(spec: str, problems: str) -> None:
    assert report_problems(spec) == problems


def test_properties_that_mlflow_cannot_read_back_are_rejected() -> None:
    """MLflow passes property names as keyword arguments to a class method, which has a `cls`."""
    with pytest.raises(TypeError, match="multiple values for argument 'cls'"):
        Object.from_json_dict(type="object", properties={"cls": {"type": "long"}})
    with pytest.raises(
        SpecError,
        match=r"inputs\.a\.cls\?: MLflow cannot read back a property named cls; rename it",
    ):
        parse({"inputs": {"a": {"cls?": "long"}}})
    assert parse({"inputs": {"cls": "long"}}).inputs.input_names() == ["cls"]


def test_deeply_nested_data_is_rejected() -> None:
    deep: Any = "double"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(SpecError, match="nested too deeply"):
        parse({"inputs": {"a": deep}})


def test_python_classes_get_a_suggestion() -> None:
    with pytest.raises(SpecError, match="unknown type 'int'; write long"):
        parse_type(int)
    with pytest.raises(SpecError, match="unknown type 'float64'; write double"):
        parse_type(float)
