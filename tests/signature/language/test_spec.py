"""Writing and reading whole signatures: round trips over every type, MLflow's own form, YAML files."""

from __future__ import annotations

import datetime
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from mlflow.models import ModelSignature, infer_signature
from mlflow.models.model import Model
from mlflow.types.schema import (
    AnyType,
    Array,
    ColSpec,
    DataType,
    Map,
    Object,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    SparkMLVector,
    TensorSpec,
)

from modelpact.errors import SpecError
from modelpact.signature import load, parse, to_spec
from tests.support.strategies import AWKWARD_NAMES, TENSOR_DTYPES, signatures
from tests.support.together import by_name, holds_for_each

LEAVES = [
    *DataType,
    AnyType(),
    Object([Property("name", DataType.string), Property("orcid", DataType.string, required=False)]),
]
WRAPPERS: dict[str, Any] = {
    "plain": lambda dtype: dtype,
    "array": Array,
    "array of arrays": lambda dtype: Array(Array(dtype)),
    "map": Map,
    "map of arrays": lambda dtype: Map(Array(dtype)),
    "array of maps": lambda dtype: Array(Map(dtype)),
    "object": lambda dtype: Object([Property("x", dtype)]),
    "object with an optional": lambda dtype: Object(
        [Property("x", dtype, required=False), Property("y", DataType.long)]
    ),
    "array of objects": lambda dtype: Array(Object([Property("x", Array(dtype), required=False)])),
}
COLUMNS: dict[str, Any] = {
    "required": lambda dtype: Schema([ColSpec(dtype, "b"), ColSpec(DataType.long, "a")]),
    "optional": lambda dtype: Schema(
        [ColSpec(dtype, "b", required=False), ColSpec(DataType.long, "a")]
    ),
    "unnamed": lambda dtype: Schema([ColSpec(dtype), ColSpec(DataType.long)]),
}
COLUMN_CASES: list[tuple[str, ModelSignature]] = [
    (f"{leaf!r} as {wrapper}, {kind}", ModelSignature(COLUMNS[kind](WRAPPERS[wrapper](leaf))))
    for leaf, wrapper, kind in itertools.product(LEAVES, WRAPPERS, COLUMNS)
]
TENSOR_CASES = [
    (f"{dtype}{list(shape)} {schema.has_input_names() and 'named'}", ModelSignature(schema))
    for dtype, shape in itertools.product(
        TENSOR_DTYPES, [(-1,), (), (-1, 64, 64, 3), (-1, -1), (0, 2)]
    )
    for schema in (
        Schema([TensorSpec(np.dtype(dtype), shape)]),
        Schema([TensorSpec(np.dtype(dtype), shape, name) for name in "ab"]),
    )
]
DEFAULTS: dict[str, list[Any]] = {
    "boolean": [True, False, None],
    "integer": [0, -(2**31), 2**31 - 1, None],
    "long": [0, -(2**63), 2**63 - 1, None],
    "float": [0.5, -0.0, 1e-30, float("inf"), None],
    "double": [0.7, 1e300, -1.5, 1, float("-inf"), None],
    "string": [
        "",
        "a=b",
        "null",
        "3",
        '"',
        "[]",
        "= 1",
        " padded ",
        "# x",
        "a: b",
        "two\nlines",
        "é✓",
        "\\",
        "'",
        "x = y = z",
        None,
    ],
    "datetime": [
        "2024-01-31",
        "2024-01-31T12:00:00",
        "2024-01-31T12:00:00.000001",
        datetime.date(1999, 12, 31),
    ],
}
PARAM_CASES = [
    (repr(spec), ModelSignature(params=ParamSchema([spec])))
    for kind, defaults in DEFAULTS.items()
    for spec in (
        *(ParamSpec("p", kind, default) for default in defaults),
        ParamSpec("p", kind, [], (-1,)),
        ParamSpec("p", kind, [default for default in defaults if default is not None], (-1,)),
    )
] + [
    (
        f"object {name} {default}",
        ModelSignature(
            params=ParamSchema([ParamSpec("p", Object([Property(name, dtype, required)]), default)])
        ),
    )
    for name, dtype, required, default in [
        ("a", DataType.long, True, {"a": 1}),
        ("a", DataType.long, False, {}),
        ("a", DataType.long, False, {"a": None}),
        ("a=b", DataType.string, True, {"a=b": "= x"}),
        ('a"}= ', DataType.string, True, {'a"}= ': "} = {"}),
        ("a\\", DataType.string, True, {"a\\": "\\"}),
        ("a?", DataType.string, True, {"a?": "x"}),
        ("type", DataType.string, True, {"type": "x"}),
        ("x", Array(DataType.double), True, {"x": [1.5]}),
        ("x", Map(DataType.string), True, {"x": {"k": "v"}}),
        ("x", Object([Property("y", DataType.boolean)]), True, {"x": {"y": True}}),
    ]
]
NAME_CASES = (
    [
        (
            f"{name!r} {dtype!r} {required}",
            ModelSignature(Schema([ColSpec(dtype, name, required), ColSpec("long", "other")])),
        )
        for name, dtype, required in itertools.product(
            [*AWKWARD_NAMES, 0, 1, 2.5],
            [DataType.long, Array(DataType.string), Object([Property("a?", DataType.long)])],
            [True, False],
        )
    ]
    + [
        (
            f"property {name!r} {required}",
            ModelSignature(
                Schema([ColSpec(Object([Property(name, DataType.long, required)]), "c")])
            ),
        )
        for name, required in itertools.product(AWKWARD_NAMES, [True, False])
    ]
    + [
        (f"param {name!r}", ModelSignature(params=ParamSchema([ParamSpec(name, "string", "x")])))
        for name in AWKWARD_NAMES
    ]
)
ODD_CASES = [
    ("a name given twice", ModelSignature(Schema([ColSpec("long", "a"), ColSpec("double", "a")]))),
    (
        "Spark vectors",
        ModelSignature(
            Schema([ColSpec(SparkMLVector(), "v"), ColSpec(Array(SparkMLVector()), "w")])
        ),
    ),
    (
        "required is null",
        ModelSignature(Schema([ColSpec(Array(DataType.long), "v", required=None)])),
    ),
    ("a null axis", ModelSignature(Schema([TensorSpec(np.dtype("float32"), (None, 3))]))),
    (
        "a default out of range",
        ModelSignature(params=ParamSchema([ParamSpec("p", "integer", 2**40)])),
    ),
    (
        "all parts",
        ModelSignature(
            Schema([ColSpec("long")]),
            Schema([ColSpec("double")]),
            ParamSchema([ParamSpec("p", "long", 1)]),
        ),
    ),
]
ORDINARY = {
    "columns": by_name(COLUMN_CASES),
    "tensors": by_name(TENSOR_CASES),
    "params": by_name(PARAM_CASES),
}
FAMILIES = {**ORDINARY, "names": by_name(NAME_CASES), "odd ones": by_name(ODD_CASES)}
COUNTS = {"columns": 270, "tensors": 200, "params": 67, "names": 180, "odd ones": 6}


def test_no_case_is_lost() -> None:
    assert {family: len(cases) for family, cases in FAMILIES.items()} == COUNTS


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_written_is_read_back(family: str) -> None:
    def check(signature: ModelSignature) -> None:
        written = to_spec(signature)
        assert parse(written) == signature
        assert (
            parse(yaml.safe_load(yaml.safe_dump(written, sort_keys=False, allow_unicode=True)))
            == signature
        )
        assert parse(json.loads(json.dumps(written))) == signature

    holds_for_each(check, FAMILIES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_mlflows_own_form_means_what_mlflow_reads(family: str) -> None:
    def check(signature: ModelSignature) -> None:
        stored = signature.to_dict()
        assert parse(stored) == ModelSignature.from_dict(stored) == signature

    holds_for_each(check, FAMILIES[family])


@given(signatures())
def test_any_signature_is_read_back(signature: ModelSignature) -> None:
    written = to_spec(signature)
    assert parse(written) == signature
    assert parse(yaml.safe_dump(written, sort_keys=False)) == signature
    assert parse(signature.to_dict()) == signature


@given(signatures())
def test_writing_is_stable(signature: ModelSignature) -> None:
    written = to_spec(signature)
    assert to_spec(parse(written)) == written


@pytest.mark.parametrize("family", ORDINARY)
def test_ordinary_signatures_are_written_in_the_short_form(family: str) -> None:
    def check(signature: ModelSignature) -> None:
        for part, value in to_spec(signature).items():
            assert not (isinstance(value, str) and value.startswith("[")), "that is MLflow's JSON"
            if isinstance(value, list):
                assert part != "params"
                assert all("required" not in item and "tensor-spec" not in item for item in value)

    holds_for_each(check, ORDINARY[family])


def test_the_short_form_reads_well() -> None:
    spec = {
        "inputs": {
            "age": "double",
            "notes?": "string",
            "tags": ["string"],
            "author": {"name": "string", "orcid?": "string"},
            "scores": {"*": "double"},
        },
        "outputs": "float32[-1, 10]",
        "params": {"temperature": "double = 0.7", "stop": "[string] = []"},
    }
    assert to_spec(parse(spec)) == spec


def test_a_param_has_a_long_form() -> None:
    short = parse(
        {"params": {"t": "double = 0.7", "s": '[string] = ["a"]', "o": '{a: long} = {"a": 1}'}}
    )
    long = {
        "t": {"type": "double", "default": 0.7},
        "s": {"type": "string", "default": ["a"], "shape": [-1]},
        "o": {"type": {"a": "long"}, "default": {"a": 1}},
    }
    assert parse({"params": long}) == short
    assert parse({"params": long | {"s": {"type": ["string"], "default": ["a"]}}}) == short
    assert parse({"params": [{"name": name, **item} for name, item in long.items()]}) == short


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
def test_defaults_are_json_and_bare_text_for_text_and_moments(written: str, default: Any) -> None:
    assert parse({"params": {"p": written}}).params.params[0].default == default


def test_yaml_dates_are_defaults_of_datetime_params() -> None:
    spec = yaml.safe_load(
        "params: {day: {type: datetime, default: 2024-01-31}, at: {type: datetime, default: 2024-01-31 12:00:00}}"
    )
    day, at = parse(spec).params.params
    assert (day.default, at.default) == (
        datetime.date(2024, 1, 31),
        datetime.datetime(2024, 1, 31, 12),
    )


def test_mlflows_list_of_dicts_can_be_pasted() -> None:
    frame = pd.DataFrame({"a": [1.5], "b": ["x"], "c": [[1.5]]})
    signature = infer_signature(frame, np.zeros((2, 3)), {"p": 1.5})
    pasted = {
        "inputs": signature.inputs.to_dict(),
        "outputs": signature.outputs.to_dict(),
        "params": signature.params.to_dict(),
    }
    assert parse(pasted) == signature
    assert parse(yaml.safe_load(yaml.safe_dump(json.loads(json.dumps(pasted))))) == signature


def test_a_missing_required_is_read_as_mlflow_reads_it_or_refused() -> None:
    """MLflow makes a compound column optional where `required` is missing: kept in its own JSON, refused in what people write."""
    stored = {"inputs": '[{"name": "a", "type": "array", "items": {"type": "long"}}]'}
    assert parse(stored) == ModelSignature.from_dict(stored)
    assert parse(to_spec(parse(stored))) == ModelSignature.from_dict(stored)
    with pytest.raises(SpecError, match="MLflow reads a missing required as optional here"):
        parse({"inputs": json.loads(stored["inputs"])})


def test_parts_that_are_null_or_empty_params_are_absent() -> None:
    assert parse({"inputs": ["long"], "outputs": None, "params": None}) == parse(
        {"inputs": ["long"], "params": {}}
    )


def test_an_mlmodel_file_is_read(tmp_path: Path) -> None:
    signature = parse(
        {
            "inputs": {"a": "long", "b?": ["string"]},
            "outputs": "float64[-1]",
            "params": {"p": "string = x"},
        }
    )
    Model(signature=signature, flavors={"python_function": {}}).save(tmp_path / "MLmodel")
    assert load(tmp_path / "MLmodel") == load(tmp_path) == signature
    assert parse(yaml.safe_load((tmp_path / "MLmodel").read_text())) == signature


def test_a_contract_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(
        'inputs:\n  age: double\n  notes?: string\n  author: {name: string, "orcid?": string}\nparams:\n  top: long = 3\n'
    )
    assert to_spec(load(file)) == {
        "inputs": {
            "age": "double",
            "notes?": "string",
            "author": {"name": "string", "orcid?": "string"},
        },
        "params": {"top": "long = 3"},
    }


def test_what_mlflow_cannot_store_is_not_written() -> None:
    signature = ModelSignature(Schema([TensorSpec(np.dtype(">f4"), (-1,))]))
    with pytest.raises(
        SpecError, match="the inputs cannot be written: MLflow itself would not read back"
    ):
        to_spec(signature)


def test_a_default_of_nan_is_written_and_read_though_it_never_equals_itself() -> None:
    written = {"params": {"p": "double = NaN"}}
    assert to_spec(parse(written)) == written


def test_a_tensor_has_a_long_form_under_its_name() -> None:
    long = {
        "inputs": {
            "image": {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}
        }
    }
    assert parse(long) == parse({"inputs": {"image": "float32[-1, 3]"}})


def test_wide_signatures_are_written_and_read_in_linear_time() -> None:
    wide = {"inputs": {f"column_{index}": "double" for index in range(20_000)}}
    assert to_spec(parse(wide)) == wide
