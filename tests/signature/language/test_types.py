"""One type at a time: what each expression means, and that writing and reading are each other's inverse."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from mlflow.types.schema import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    TensorSpec,
)

from modelpact.errors import SpecError
from modelpact.signature import format_type, parse_type, type_to_spec
from tests.support.strategies import TENSOR_DTYPES, plain_names, shapes, types

AUTHOR = Object(
    [Property("name", DataType.string), Property("orcid", DataType.string, required=False)]
)

EXPRESSIONS = [
    *((kind.name, kind) for kind in DataType),
    ("any", AnyType()),
    ("sparkml_vector", SparkMLVector()),
    ("[string]", Array(DataType.string)),
    ("[[double]]", Array(Array(DataType.double))),
    ("[any]", Array(AnyType())),
    ('{name: string, "orcid?": string}', AUTHOR),
    ('[{name: string, "orcid?": string}]', Array(AUTHOR)),
    ('{"*": double}', Map(DataType.double)),
    ('{"*": [long]}', Map(Array(DataType.long))),
    ('{"*": {name: string, "orcid?": string}}', Map(AUTHOR)),
    ("float32[-1, 64, 64, 3]", TensorSpec(np.dtype("float32"), (-1, 64, 64, 3))),
    ("float32[]", TensorSpec(np.dtype("float32"), ())),
    ("datetime64[ns][-1]", TensorSpec(np.dtype("datetime64[ns]"), (-1,))),
    ("str[-1, 2]", TensorSpec(np.dtype("str"), (-1, 2))),
    ("object[-1]", TensorSpec(np.dtype("object"), (-1,))),
    (
        "{type: object, properties: {type: {type: string}}}",
        Object([Property("type", DataType.string)]),
    ),
    ("{type: array, items: {type: long}}", Array(DataType.long)),
    ("{type: map, values: {type: long}}", Map(DataType.long)),
    (
        "{type: object, properties: {'a?': {type: long, required: false}}}",
        Object([Property("a?", DataType.long, required=False)]),
    ),
    ("{a: {type: long, required: false}}", Object([Property("a", DataType.long, required=False)])),
    (
        "{type: string, id: long}",
        Object([Property("type", DataType.string), Property("id", DataType.long)]),
    ),
]


@pytest.mark.parametrize(
    ("written", "meant"), EXPRESSIONS, ids=[written for written, _ in EXPRESSIONS]
)
def test_an_expression_means_one_type_as_text_and_as_yaml(written: str, meant: object) -> None:
    assert parse_type(written) == meant
    assert parse_type(yaml.safe_load(written)) == meant


@pytest.mark.parametrize("written", [written for written, _ in EXPRESSIONS[:22]])
def test_the_pretty_expressions_are_written_as_they_were_read(written: str) -> None:
    assert format_type(parse_type(written)) == written


@given(types())
def test_every_type_is_read_back_from_data_from_json_and_from_one_line(dtype: object) -> None:
    assert parse_type(type_to_spec(dtype)) == dtype
    assert parse_type(json.loads(json.dumps(type_to_spec(dtype)))) == dtype
    assert parse_type(format_type(dtype)) == dtype


@given(types(plain_names))
def test_types_with_plain_names_need_no_long_form(dtype: object) -> None:
    assert '"properties"' not in json.dumps(type_to_spec(dtype))


@pytest.mark.parametrize("dtype", TENSOR_DTYPES)
@given(shape=shapes)
def test_every_tensor_is_read_back(dtype: str, shape: tuple[int, ...]) -> None:
    spec = TensorSpec(np.dtype(dtype), shape)
    assert parse_type(type_to_spec(spec)) == spec


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("int", "write long"),
        ("int64", "write long"),
        ("np.int64", "write long"),
        ("Int32", "write integer"),
        ("str", "write string"),
        ("float64", "write double"),
        ("Float32", "write float"),
        ("DataType.float32", "write float"),
        ("mlflow.types.DataType.double", "write double"),
        ("bool", "write boolean"),
        ("bytes", "write binary"),
        ("date", "write datetime"),
        ("datetime64[ns]", "write datetime"),
        ("typing.Any", "write any"),
        ("Double", "write double"),
        ("list[str]", "write [string]"),
        ("List[int]", "write [long]"),
        ("array<string>", "write [string]"),
        ("string[]", "write [string]"),
        ("dict[str, float]", 'write {"*": float} for a map'),
        ("Optional[str]", 'write string and end the key with a ?: "name?": string'),
        ("string?", 'the ? belongs to the key: "name?": string'),
        ("uint64", "use long below 2**63, or string"),
        ("Decimal", "use double, or string to keep every digit"),
        ("timedelta", "use double (seconds) or long"),
        ("object", "write {name: type} for an object"),
        ("dict", 'write {name: type} for an object, or {"*": type} for a map'),
        ("tensor", "such as float32[-1, 3]"),
        ("strng", "did you mean 'string'?"),
        ("doubel", "did you mean 'double'?"),
        ("double[-1]", "write float64"),
        ("f4[-1]", "write float32"),
        ("float32(-1, 3)", "a tensor is written float32[-1, 3]"),
        ("Tensor('float32', (-1, 3))", "a tensor is written float32[-1, 3]"),
        ("float32", "write float; a tensor has a shape as well: float32[-1]"),
        ("time", "use string, or datetime with a date"),
        ("flot32[-1]", "did you mean 'float32'?"),
    ],
)
def test_habits_of_other_languages_are_explained(written: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_type(written)
    ((place, text),) = caught.value.problems
    assert place == ""
    assert text.endswith(remedy) or remedy in text


def test_a_python_class_is_explained() -> None:
    with pytest.raises(SpecError, match="there is no type 'int'; write long"):
        parse_type(int)
    with pytest.raises(SpecError, match="there is no type 'float64'; write double"):
        parse_type(float)


def test_an_object_that_refers_to_itself_has_an_end() -> None:
    with pytest.raises(SpecError, match="contains itself"):
        parse_type("{x: &a {y: *a}}")


def test_nesting_without_end_is_an_error_of_ours() -> None:
    with pytest.raises(SpecError, match="nested too deeply"):
        parse_type("[" * 5000 + "double" + "]" * 5000)
