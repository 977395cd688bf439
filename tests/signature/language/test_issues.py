"""Malformed signatures: each fault is found, said in words that mend it, and given its place and line."""

from __future__ import annotations

import contextlib
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.types.schema import Object

from modelpact.errors import ConfigError, SpecError
from modelpact.signature import load, parse, to_spec
from tests.support.strategies import signatures

MALFORMED: list[tuple[str, list[tuple[str, str]]]] = [
    ("inputs: {age: int}", [("inputs.age", "there is no type 'int'; write long")]),
    ("inputs: {age: flot}", [("inputs.age", "there is no type 'flot' (did you mean 'float'?)")]),
    (
        "inputs: {age: float64}",
        [
            (
                "inputs.age",
                "there is no type 'float64'; write double; a tensor has a shape as well: float64[-1]",
            )
        ],
    ),
    (
        "inputs: {age: uint64}",
        [
            (
                "inputs.age",
                "there is no type 'uint64'; no MLflow type holds an unsigned 64-bit integer: use long below 2**63, or string",
            )
        ],
    ),
    (
        "inputs: {age: Decimal}",
        [
            (
                "inputs.age",
                "there is no type 'Decimal'; no MLflow type holds a decimal: use double, or string to keep every digit",
            )
        ],
    ),
    (
        "inputs: {age: object}",
        [
            (
                "inputs.age",
                "there is no type 'object'; write {name: type} for an object; for a pandas column of dtype object write what it holds, such as string",
            )
        ],
    ),
    (
        "inputs: {age: DataType.float32}",
        [
            (
                "inputs.age",
                "there is no type 'DataType.float32'; write float; a tensor has a shape as well: float32[-1]",
            )
        ],
    ),
    ("inputs: {age: pd.Int64}", [("inputs.age", "there is no type 'pd.Int64'; write long")]),
    (
        'inputs: {tags: "list[str]"}',
        [("inputs.tags", "there is no type 'list[str]'; write [string]")],
    ),
    (
        'inputs: {tags: "string[]"}',
        [("inputs.tags", "there is no type 'string[]'; write [string]")],
    ),
    (
        'inputs: {m: "dict[str, float]"}',
        [("inputs.m", "there is no type 'dict[str, float]'; write {\"*\": float} for a map")],
    ),
    (
        'inputs: {age: "string?"}',
        [("inputs.age", "there is no type 'string?'; the ? belongs to the key: \"name?\": string")],
    ),
    ('inputs: {age: "double = 3"}', [("inputs.age", "only params have defaults; write double")]),
    ("inputs: {age: }", [("inputs.age", "no type is given")]),
    ("inputs: {age: no}", [("inputs.age", "a type is text such as double, not the bool false")]),
    ("inputs: {age: 3}", [("inputs.age", "a type is text such as double, not the int 3")]),
    (
        "inputs: {age: []}",
        [("inputs.age", "an array is a list of one type, such as [string]; this list has 0")],
    ),
    (
        "inputs: {age: [double, long]}",
        [("inputs.age", "an array is a list of one type, such as [string]; this list has 2")],
    ),
    (
        "inputs: {age: [-1, 3]}",
        [
            (
                "inputs.age",
                "[-1, 3] looks like a shape; a tensor is written with its dtype: float32[-1, 3]",
            )
        ],
    ),
    (
        "inputs: {age: {}}",
        [("inputs.age", "an object has at least one property, such as {name: string}; here is {}")],
    ),
    (
        "inputs: {age: {type: double}}",
        [
            (
                "inputs.age",
                '{"type": "double"} may mean double, or an object with one property named type; write double, or {type: object, properties: {type: {type: double}}}',
            )
        ],
    ),
    (
        'inputs: {age: {"*": double, a: long}}',
        [
            (
                "inputs.age",
                'a map has the one key "*"; for an object with a property named * use MLflow\'s long form',
            )
        ],
    ),
    (
        'inputs: {author: {"orcid?": strng}}',
        [("inputs.author.orcid?", "there is no type 'strng' (did you mean 'string'?)")],
    ),
    (
        'inputs: {"author": {"a": string, "a?": long}}',
        [("inputs.author.a?", "'a' is given twice, as a and as a?")],
    ),
    (
        "inputs: {author: {orcid?: string}}",
        [
            (
                "",
                "not YAML: expected ',' or '}', but got '?', at 'inputs: {author: {orcid?: string}}'; inside {...} YAML wants a key with a ? quoted: {\"orcid?\": string}",
            )
        ],
    ),
    (
        "inputs: {a: {*: double}}",
        [
            (
                "",
                "not YAML: expected alphabetic or numeric character, but found ':', at 'inputs: {a: {*: double}}'; YAML wants the star of a map quoted: {\"*\": double}",
            )
        ],
    ),
    (
        'inputs: {a: "{orcid?: string}"}',
        [
            (
                "inputs.a",
                "not YAML: expected ',' or '}', but got '?', at '{orcid?: string}'; inside {...} YAML wants a key with a ? quoted: {\"orcid?\": string}",
            )
        ],
    ),
    (
        "inputs: {on: double}",
        [
            (
                "inputs.True",
                "a name must be text, not the bool true (YAML reads on, yes, off and no as booleans); put the key in quotes",
            )
        ],
    ),
    (
        "inputs: {1: double}",
        [("inputs.1", "a name must be text, not the int 1; put the key in quotes")],
    ),
    (
        'inputs: {"?": double}',
        [
            (
                "inputs.?",
                "'?' is no name here; a name that is empty, is * or ends with ? needs MLflow's long form",
            )
        ],
    ),
    (
        'inputs: {"*": double}',
        [("inputs", 'one unnamed column is written as a list of its type: [{"*": "double"}]')],
    ),
    ('inputs: {a: double, "a?": double}', [("inputs", "the name 'a' is given 2 times")]),
    ("inputs: {a: double, a: long}", [("inputs.a", "the key 'a' is given twice, first in line 1")]),
    (
        'inputs: {a: double, i: "float32[-1]"}',
        [("inputs", "tensors (1) and columns (1) cannot be mixed; an array column is [double]")],
    ),
    (
        "inputs: {i: float32[-1, 3]}",
        [
            (
                "",
                "not YAML: expected ',' or '}', but got '[', at 'inputs: {i: float32[-1, 3]}'; inside {...} or [...] YAML wants a tensor quoted: \"float32[-1, 3]\"",
            )
        ],
    ),
    ('inputs: {"i?": "float32[-1]"}', [("inputs.i?", "a tensor cannot be optional; drop the ?")]),
    (
        'inputs: {i: "double[-1]"}',
        [("inputs.i", "'double' is no dtype of a tensor; write float64")],
    ),
    (
        'inputs: {i: "flot32[-1]"}',
        [("inputs.i", "'flot32' is no dtype of a tensor (did you mean 'float32'?)")],
    ),
    (
        'inputs: {i: "float32[None, 3]"}',
        [("inputs.i", "'None' is no axis of a tensor: write its length, or -1 for any length")],
    ),
    (
        'inputs: {i: "float32[-2, 3]"}',
        [("inputs.i", "'-2' is no axis of a tensor: write its length, or -1 for any length")],
    ),
    (
        'inputs: {i: {x: "float32[-1]"}}',
        [
            (
                "inputs.i.x",
                "a tensor ('float32[-1]') cannot stand inside another type, nor beside columns; an array of any length is [type]",
            )
        ],
    ),
    (
        'inputs: ["float32[-1]", "float32[-1]"]',
        [("inputs", "several tensors need names: {left: float32[-1, 3], right: float32[-1, 3]}")],
    ),
    (
        'inputs: [double, "float32[-1]"]',
        [("inputs", "tensors (1) and columns (1) cannot be mixed; an array column is [double]")],
    ),
    (
        "inputs: [{name: a, type: double}, {type: double}]",
        [("inputs", "named (1) and unnamed (1) cannot be mixed; name all of them or none")],
    ),
    (
        "inputs: [{name: a, type: double}, {name: a, type: long}]",
        [("inputs", "the name 'a' is given 2 times")],
    ),
    (
        "inputs: [{type: double, required: false}]",
        [("inputs[0]", "an unnamed column cannot be optional; name it, or drop required: false")],
    ),
    (
        "inputs: [{name: a, type: array, items: {type: double}}]",
        [
            (
                "inputs[0]",
                "MLflow reads a missing required as optional here; add required: true or required: false",
            )
        ],
    ),
    ("inputs: [{name: a, type: array, required: true}]", [("inputs[0]", "type array needs items")]),
    (
        "inputs: [{name: a, type: object, properties: {}, required: true}]",
        [
            (
                "inputs[0].properties",
                "an object has at least one property, such as {name: string}; here is {}",
            )
        ],
    ),
    (
        "inputs: [{name: a, type: object, propertis: {b: {type: double}}, required: true}]",
        [
            (
                "inputs[0].propertis",
                "MLflow's long form has no 'propertis' (did you mean 'properties'?)",
            ),
            ("inputs[0]", "type object needs properties"),
        ],
    ),
    (
        "inputs: [{name: string, type: double}]",
        [
            (
                "inputs[0]",
                "a column named string, or an object with the properties name and type? Add required: true, or name: type",
            )
        ],
    ),
    (
        "inputs: [{name: a, type: tensor}]",
        [("inputs[0]", "type tensor needs tensor-spec: {dtype: float32, shape: [-1, 3]}")],
    ),
    (
        "inputs: [{name: a, type: tensor, tensor-spec: {dtype: float3, shape: [-1]}}]",
        [("inputs[0].tensor-spec", "'float3' is no dtype of a tensor (did you mean 'float32'?)")],
    ),
    (
        "inputs: [{name: a, type: double, required: maybe}]",
        [("inputs[0].required", "required is true or false, not 'maybe'")],
    ),
    (
        "inputs: [{name: [a], type: double}]",
        [("inputs[0].name", 'a name is text or a number, not ["a"]')],
    ),
    (
        "inputs: {type: object, properties: {a: {type: double}}}",
        [
            (
                "inputs",
                'one unnamed column is written as a list of its type: [{"type": "object", "properties": {"a": {"type": "double"}}}]',
            )
        ],
    ),
    (
        "inputs: []",
        [("inputs", "columns are {name: type} or [type], a tensor is float32[-1, 3]; here is []")],
    ),
    (
        "inputs: 3",
        [("inputs", "columns are {name: type} or [type], a tensor is float32[-1, 3]; here is 3")],
    ),
    (
        "input: {a: double}",
        [
            (
                "input",
                "a signature has inputs, outputs and params, and no 'input' (did you mean 'inputs'?)",
            )
        ],
    ),
    (
        "inputs: {a: double}\nouputs: [double]",
        [
            (
                "ouputs",
                "a signature has inputs, outputs and params, and no 'ouputs' (did you mean 'outputs'?)",
            )
        ],
    ),
    ("{}", [("", "at least one of inputs, outputs and params is needed")]),
    ("[double]", [("", 'a signature has inputs, outputs and params; here is ["double"]')]),
    ("params: {t: double}", [("params.t", "a param needs a default: double = 0")]),
    (
        "params: {t: double = }",
        [
            (
                "params.t",
                'there is no default behind the =; empty text is "", and YAML drops what follows a # unless it is quoted',
            )
        ],
    ),
    ("params: {t: double = x}", [("params.t", "the default 'x' is no double in JSON")]),
    (
        "params: {t: long = 1.5}",
        [("params.t", "the default 1.5 is no long; write a whole number, or make the type double")],
    ),
    (
        "params: {t: integer = 3000000000}",
        [
            (
                "params.t",
                "the default 3000000000 is out of the range of integer, -2147483648 to 2147483647",
            )
        ],
    ),
    (
        "params: {t: boolean = True}",
        [("params.t", "the default 'True' is no boolean in JSON; write true")],
    ),
    (
        "params: {t: \"[string] = ['a']\"}",
        [
            (
                "params.t",
                "the default \"['a']\" is no [string] in JSON; texts in a list or an object stand in double quotes",
            )
        ],
    ),
    (
        'params: {t: "[string] = null"}',
        [("params.t", "the default null is no [string]; write a list, such as []")],
    ),
    ('params: {t: "[string] = a"}', [("params.t", "the default 'a' is no [string] in JSON")]),
    (
        "params: {t: [string] = []}",
        [
            (
                "",
                "not YAML: expected ',' or '}', but got '<scalar>', at 'params: {t: [string] = []}'; YAML wants this whole text quoted: stop: \"[string] = []\"",
            )
        ],
    ),
    (
        "params: {t: datetime = null}",
        [
            (
                "params.t",
                "the default null is no datetime: MLflow cannot store a datetime param whose default is null",
            )
        ],
    ),
    (
        "params: {t: datetime = now}",
        [
            (
                "params.t",
                "the default 'now' is no datetime: write a moment, such as 2024-01-31T12:00:00",
            )
        ],
    ),
    (
        "params: {t: 'datetime = 2024-01-01T00:00:00Z'}",
        [
            (
                "params.t",
                "the default '2024-01-01T00:00:00Z' is no datetime: MLflow's moments have no time zone; write it in UTC, without one",
            )
        ],
    ),
    (
        "params: {t: binary = x}",
        [
            (
                "params.t",
                "a param cannot be binary; it is a scalar other than binary, a list of one, or an object",
            )
        ],
    ),
    (
        "params: {t: any = 3}",
        [
            (
                "params.t",
                "a param cannot be any; it is a scalar other than binary, a list of one, or an object",
            )
        ],
    ),
    (
        'params: {t: "float32[-1] = 3"}',
        [
            (
                "params.t",
                "a param cannot be a tensor ('float32[-1]'); a list of any length is [double]",
            )
        ],
    ),
    (
        'params: {t: "[[double]] = []"}',
        [
            (
                "params.t",
                "a param cannot be [[double]]; it is a scalar other than binary, a list of one, or an object",
            )
        ],
    ),
    (
        "params: {t: {type: double}}",
        [("params.t", "a param needs default: {type: double, default: 0.7}")],
    ),
    (
        "params: {t: {default: 3}}",
        [("params.t", "a param needs type: {type: double, default: 0.7}")],
    ),
    ("params: {t: {type: double, default: a}}", [("params.t", "the default 'a' is no double")]),
    (
        "params: {t: {type: double, defalt: 3, default: 1}}",
        [("params.t.defalt", "a param has no 'defalt' (did you mean 'default'?)")],
    ),
    (
        "params: {t: {type: string, default: 3}}",
        [("params.t", "the default 3 is no string; put it in quotes")],
    ),
    (
        "params: {t: {type: double, default: 3, shape: [3]}}",
        [("params.t.shape", "the shape of a param is [-1] for a list, or left out; here is [3]")],
    ),
    (
        "params: {t: {type: double, default: 3, shape: [-1]}}",
        [("params.t", "the default 3 is no [double]; write a list, such as []")],
    ),
    (
        'params: {"t?": double = 3}',
        [("params.t?", "a param has a default, so it is always optional; drop the ?")],
    ),
    ("params: [{type: double, default: 3}]", [("params[0].name", "a param needs a name")]),
    (
        "params: [{name: t, type: double, default: 3}, {name: t, type: double, default: 3}]",
        [("params", "the name 't' is given 2 times")],
    ),
    (
        'params: {o: \'{a: long} = {"a": "x"}\'}',
        [("params.o", 'the default {"a": "x"} is no {a: long}')],
    ),
    (
        "params: {o: '{a: long} = {\"b\": 1}'}",
        [("params.o", 'the default {"b": 1} is no {a: long}')],
    ),
    (
        'params: {o: \'{a: long} = {"a": 1, "a": 2}\'}',
        [("params.o", "the default gives 'a' twice")],
    ),
    (
        "params: {o: {type: double, properties: {a: long}, default: 1}}",
        [("params.o.properties", "only type object has properties, not 'double'")],
    ),
    (
        "params: double",
        [
            (
                "params",
                "params are {name: type = default}, such as {temperature: double = 0.7}; here is 'double'",
            )
        ],
    ),
    (
        "inputs: {a: 2024-13-45}",
        [("inputs.a", "YAML cannot read '2024-13-45': month must be in 1..12")],
    ),
    (
        "inputs: {a: !foo x}",
        [
            (
                "inputs.a",
                "YAML cannot read 'x': could not determine a constructor for the tag '!foo'",
            )
        ],
    ),
    ("inputs: &x {a: *x}", [("inputs.a", "an anchor that contains itself")]),
    (
        "inputs: {<<: {a: double}}",
        [("inputs", "merge keys (<<) are not read here; write the entries out")],
    ),
    ("inputs: {[a]: double}", [("inputs", "a key must be text")]),
    (
        'inputs: "{a: [double}"',
        [("inputs", "not YAML: expected ',' or ']', but got '}', at '{a: [double}'")],
    ),
    (
        'inputs: \'[{"type": "flot", "name": "a"}]\'',
        [("inputs[0].type", "there is no type 'flot' (did you mean 'float'?)")],
    ),
    ("flavors: {}", [("", "this MLmodel was saved without a signature")]),
    (
        "inputs: {b: doubel, c: {d: strin}}\noutputs: [int]\nparams: {t: doubl = 1}",
        [
            ("inputs.b", "there is no type 'doubel' (did you mean 'double'?)"),
            ("inputs.c.d", "there is no type 'strin' (did you mean 'string'?)"),
            ("outputs[0]", "there is no type 'int'; write long"),
            ("params.t", "there is no type 'doubl' (did you mean 'double'?)"),
        ],
    ),
    (
        "inputs: [{name: a, type: tensor, tensor-spec: {dtype: float32, shape: [x, 3]}}]",
        [
            (
                "inputs[0].tensor-spec",
                "'float32[x, 3]' is no tensor; a tensor is a dtype and a shape, such as float32 and [-1, 3]",
            )
        ],
    ),
    (
        "inputs: [{name: a, type: array, items: {type: strin}, required: true}]",
        [("inputs[0].items.type", "there is no type 'strin' (did you mean 'string'?)")],
    ),
    (
        "inputs: {a: {type: map, value: {type: long}}}",
        [
            ("inputs.a.value", "MLflow's long form has no 'value' (did you mean 'values'?)"),
            ("inputs.a", "type map needs values"),
        ],
    ),
    (
        'inputs: {"a?": {type: double, required: true}}',
        [("inputs.a?", "the ? makes it optional, but required says true; keep one of them")],
    ),
    (
        'inputs: {a: [{"b?": {c: uint64}}]}',
        [
            (
                "inputs.a[0].b?.c",
                "there is no type 'uint64'; no MLflow type holds an unsigned 64-bit integer: use long below 2**63, or string",
            )
        ],
    ),
    (
        "params: {t: {type: tensor, default: 3}}",
        [
            (
                "params.t.type",
                "there is no type 'tensor'; write the dtype and the shape of the tensor, such as float32[-1, 3]",
            )
        ],
    ),
    (
        "params: [double]",
        [
            (
                "params",
                'params are {name: type = default}, such as {temperature: double = 0.7}; here is ["double"]',
            )
        ],
    ),
    (
        "params: {s: string = a: b}",
        [
            (
                "",
                "not YAML: expected ',' or '}', but got ':', at 'params: {s: string = a: b}'; YAML wants a default with a colon quoted: stop: 'string = a: b'",
            )
        ],
    ),
    (
        "inputs:\n\ta: double",
        [
            (
                "",
                "not YAML: found character '\\t' that cannot start any token, at 'a: double'; YAML is indented with spaces, never with tabs",
            )
        ],
    ),
    (
        "a: 1\n---\nb: 2",
        [
            (
                "",
                "not YAML: expected a single document in the stream, but found another document, at '---'",
            )
        ],
    ),
    (
        "params: {t: float = 1e300}",
        [
            (
                "params.t",
                "the default 1e+300 is out of the range of float, -3.4028234663852886e+38 to 3.4028234663852886e+38",
            )
        ],
    ),
    (
        'params: {t: "[integer] = [1, 3000000000]"}',
        [
            (
                "params.t",
                "the default 3000000000 is out of the range of integer, -2147483648 to 2147483647",
            )
        ],
    ),
    (
        "params: {t: {type: datetime, default: 5}}",
        [("params.t", "the default 5 is no datetime: write a moment, such as 2024-01-31T12:00:00")],
    ),
    (
        'params: {t: "datetime = 2024-02-31"}',
        [("params.t", "the default '2024-02-31' is no datetime")],
    ),
    (
        "inputs: {x: !!binary aGk=}",
        [("inputs.x", "a type is text such as double, not the bytes b'hi'")],
    ),
    (
        'inputs: {a: "double"}\nsignature: {inputs: [long]}',
        [("signature", "a signature has inputs, outputs and params, and no 'signature'")],
    ),
]


@pytest.mark.parametrize(
    ("written", "expected"), MALFORMED, ids=[written for written, _ in MALFORMED]
)
def test_each_fault_is_named_with_its_place(written: str, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(written)
    assert caught.value.problems == expected
    for place, text in expected:
        assert f"{place}: {text}" if place else text in str(caught.value)


def test_all_faults_come_at_once_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "wine.yaml"
    file.write_text(
        "inputs:\n  alcohol: doubel\n  author:\n    name: string\n    orcid?: strng\n  alcohol: double\n"
        "output: [double]\nparams:\n  top: long = 1.5\n"
    )
    with pytest.raises(SpecError) as caught:
        load(file)
    error = caught.value
    assert list(zip(error.lines, error.problems, strict=True)) == [
        (2, ("inputs.alcohol", "there is no type 'doubel' (did you mean 'double'?)")),
        (5, ("inputs.author.orcid?", "there is no type 'strng' (did you mean 'string'?)")),
        (6, ("inputs.alcohol", "the key 'alcohol' is given twice, first in line 2")),
        (
            7,
            (
                "output",
                "a signature has inputs, outputs and params, and no 'output' (did you mean 'outputs'?)",
            ),
        ),
        (
            9,
            (
                "params.top",
                "the default 1.5 is no long; write a whole number, or make the type double",
            ),
        ),
    ]
    assert error.source == str(file)
    assert f"{file}:5: inputs.author.orcid?: there is no type 'strng'" in str(error)


def test_the_faults_of_an_mlmodel_have_lines_too(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(
        'flavors: {}\nsignature:\n  inputs: \'[{"type": "flot"}]\'\n  params: null\n'
    )
    with pytest.raises(SpecError) as caught:
        load(tmp_path)
    assert (caught.value.lines, caught.value.problems) == (
        [3],
        [("inputs[0].type", "there is no type 'flot' (did you mean 'float'?)")],
    )


def test_yaml_that_cannot_be_read_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text("inputs:\n  age: double\n  author: {orcid?: string}\n")
    with pytest.raises(SpecError) as caught:
        load(file)
    assert caught.value.lines == [3]
    assert 'YAML wants a key with a ? quoted: {"orcid?": string}' in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: \x01", "characters that YAML does not allow"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "contract.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SpecError, match=reason) as caught:
        load(file)
    assert str(file) in str(caught.value)


def test_the_source_opens_the_message() -> None:
    with pytest.raises(
        SpecError, match=r"^1 problem in the signature of conf/contract/wine\.yaml:\n  inputs\.a: "
    ):
        parse({"inputs": {"a": "flot"}}, source=Path("conf/contract/wine.yaml"))


@pytest.mark.parametrize(
    "spec",
    [
        {"inputs": {"a": "x" * 10_000}},
        {"inputs": {"x" * 10_000: "flot"}},
        {"inputs": [0.5] * 10_000},
        {"inputs": "{" + "x" * 10_000},
        {"params": {"p": "long = " + "9" * 4000}},
        {"params": {"p": "long = " + "9" * 40_000}},
        {"params": {"p": {"type": "long", "default": "secret" * 1000}}},
        {"params": {"p": {"type": {"a": "long"}, "default": {"k" * 1000: 1}}}},
        "x" * 10_000,
    ],
)
def test_no_message_repeats_more_than_a_little_of_the_data(spec: Any) -> None:
    with pytest.raises(SpecError) as caught:
        parse(spec)
    assert len(str(caught.value)) < 700 + 100 * min(len(caught.value.problems), 20)


def test_a_property_that_mlflow_cannot_read_back_is_refused() -> None:
    """MLflow passes the names of properties as keyword arguments to a class method: `cls` is taken."""
    with pytest.raises(TypeError, match="multiple values for argument 'cls'"):
        Object.from_json_dict(type="object", properties={"cls": {"type": "long"}})
    with pytest.raises(
        SpecError,
        match=r"inputs\.a\.cls\?: MLflow cannot read back a property named cls; rename it",
    ):
        parse({"inputs": {"a": {"cls?": "long"}}})
    assert parse({"inputs": {"cls": "long"}}).inputs.input_names() == ["cls"]


def test_data_that_is_nested_without_end_is_an_error_of_ours() -> None:
    deep: Any = "double"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(SpecError, match="nested too deeply"):
        parse({"inputs": {"a": deep}})


def test_a_spec_error_is_a_configuration_error_and_crosses_processes() -> None:
    with pytest.raises(SpecError) as caught:
        parse({"inputs": {"a": "flot"}})
    assert isinstance(caught.value, (ConfigError, ValueError))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


_NODES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["double", "any", "[", "{a?: long}", "float32[-1]", "string = x", "*", "type", "object"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "a?", "*", "type", "properties", "items", "required", "default", "name", 1, True]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(["inputs", "outputs", "params", "input"]), _NODES, max_size=3)
    | _NODES
)
def test_whatever_is_written_is_a_signature_or_a_spec_error(spec: Any) -> None:
    try:
        signature = parse(spec)
    except SpecError:
        return
    assert parse(to_spec(signature)) == signature


@given(st.text(max_size=30) | st.text(alphabet="{}[]:?*=\"' \n-&a#,", max_size=30))
def test_whatever_is_typed_is_a_signature_or_a_spec_error(text: str) -> None:
    for spec in (
        text,
        {"inputs": text},
        {"inputs": {"a": text}},
        {"params": {"a": text}},
        {"params": text},
    ):
        with contextlib.suppress(SpecError):
            assert parse(spec) is not None


@given(signatures(), st.data())
def test_a_mistyped_type_is_found_where_it_stands(signature: Any, data: st.DataObject) -> None:
    written = to_spec(signature)
    columns = [
        (part, key)
        for part in ("inputs", "outputs")
        if isinstance(written.get(part), dict)
        for key in written[part]
    ]
    if not columns:
        return
    part, key = data.draw(st.sampled_from(columns))
    written[part][key] = "doubel"
    with pytest.raises(SpecError) as caught:
        parse(written)
    text = "there is no type 'doubel' (did you mean 'double'?)"
    assert [problem for problem in caught.value.problems if problem[1] == text]
