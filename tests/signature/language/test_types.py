"""Type expressions: what each means, and that they are read back as written."""

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

from modelpact.signature import format_type, parse_type, type_to_spec
from modelpact.signature.language.type_names import ColumnType
from tests.support.strategies import plain_names, types

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
def test_expressions_have_the_same_type_as_text_and_as_data(written: str, meant: object) -> None:
    assert parse_type(written) == meant
    assert parse_type(yaml.safe_load(written)) == meant


@pytest.mark.parametrize("written", [written for written, _ in EXPRESSIONS[:22]])
def test_canonical_expressions_are_formatted_unchanged(written: str) -> None:
    assert format_type(parse_type(written)) == written


@given(types())
def test_types_are_read_back_from_data_json_and_text(dtype: ColumnType) -> None:
    assert parse_type(type_to_spec(dtype)) == dtype
    assert parse_type(json.loads(json.dumps(type_to_spec(dtype)))) == dtype
    assert parse_type(format_type(dtype)) == dtype


@given(types(plain_names))
def test_types_with_plain_names_need_no_long_form(dtype: ColumnType) -> None:
    assert '"properties"' not in json.dumps(type_to_spec(dtype))
