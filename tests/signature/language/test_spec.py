"""Complete signatures: round trips of every type, MLflow's form, files, malformed signatures."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import ModelSignature
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
from tests.support.malformed_specs import report_problems
from tests.support.many_cases import check_all_cases, unique_cases
from tests.support.strategies import AWKWARD_NAMES, TENSOR_DTYPES, signatures

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
OBJECT_DEFAULTS: list[tuple[str, Any, bool, Any]] = [
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
    for name, dtype, required, default in OBJECT_DEFAULTS
]
UNUSUAL_NAMES: list[Any] = [*AWKWARD_NAMES, 0, 1, 2.5]
COLUMN_TYPES: list[Any] = [
    DataType.long,
    Array(DataType.string),
    Object([Property("a?", DataType.long)]),
]
NAME_CASES = (
    [
        (
            f"{name!r} {dtype!r} {required}",
            ModelSignature(Schema([ColSpec(dtype, name, required), ColSpec("long", "other")])),
        )
        for name, dtype, required in itertools.product(UNUSUAL_NAMES, COLUMN_TYPES, [True, False])
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
NONE: Any = None
SPECIAL_CASES = [
    ("a duplicate name", ModelSignature(Schema([ColSpec("long", "a"), ColSpec("double", "a")]))),
    (
        "Spark vectors",
        ModelSignature(
            Schema([ColSpec(SparkMLVector(), "v"), ColSpec(Array(SparkMLVector()), "w")])
        ),
    ),
    (
        "required is null",
        ModelSignature(Schema([ColSpec(Array(DataType.long), "v", required=NONE)])),
    ),
    ("a null axis", ModelSignature(Schema([TensorSpec(np.dtype("float32"), (NONE, 3))]))),
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
    "columns": unique_cases(COLUMN_CASES),
    "tensors": unique_cases(TENSOR_CASES),
    "params": unique_cases(PARAM_CASES),
}
FAMILIES = {**ORDINARY, "names": unique_cases(NAME_CASES), "special": unique_cases(SPECIAL_CASES)}
COUNTS = {"columns": 270, "tensors": 200, "params": 67, "names": 180, "special": 6}


def test_number_of_cases() -> None:
    assert {family: len(cases) for family, cases in FAMILIES.items()} == COUNTS


@pytest.mark.parametrize("family", FAMILIES)
def test_signatures_are_read_back(family: str) -> None:
    def check(signature: ModelSignature) -> None:
        written = to_spec(signature)
        assert parse(written) == signature
        assert (
            parse(yaml.safe_load(yaml.safe_dump(written, sort_keys=False, allow_unicode=True)))
            == signature
        )
        assert parse(json.loads(json.dumps(written))) == signature

    check_all_cases(check, FAMILIES[family])


@pytest.mark.parametrize("family", FAMILIES)
def test_mlflow_json_is_read_as_mlflow_reads_it(family: str) -> None:
    def check(signature: ModelSignature) -> None:
        stored = signature.to_dict()
        assert parse(stored) == ModelSignature.from_dict(stored) == signature

    check_all_cases(check, FAMILIES[family])


@given(signatures())
def test_random_signatures_are_read_back(signature: ModelSignature) -> None:
    written = to_spec(signature)
    assert parse(written) == signature
    assert parse(yaml.safe_dump(written, sort_keys=False)) == signature
    assert parse(signature.to_dict()) == signature


@given(signatures())
def test_to_spec_is_stable(signature: ModelSignature) -> None:
    written = to_spec(signature)
    assert to_spec(parse(written)) == written


@pytest.mark.parametrize("family", ORDINARY)
def test_ordinary_signatures_use_the_short_form(family: str) -> None:
    def check(signature: ModelSignature) -> None:
        for part, value in to_spec(signature).items():
            assert not (isinstance(value, str) and value.startswith("[")), "that is MLflow's JSON"
            if isinstance(value, list):
                assert part != "params"
                assert all("required" not in item and "tensor-spec" not in item for item in value)

    check_all_cases(check, ORDINARY[family])


def test_to_spec_returns_the_short_form() -> None:
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


def test_mlmodel_files_are_loaded(tmp_path: Path) -> None:
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


def test_contract_files_are_loaded(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(
        "inputs:\n  age: double\n  notes?: string\n"
        '  author: {name: string, "orcid?": string}\n'
        "params:\n  top: long = 3\n"
    )
    assert to_spec(load(file)) == {
        "inputs": {
            "age": "double",
            "notes?": "string",
            "author": {"name": "string", "orcid?": "string"},
        },
        "params": {"top": "long = 3"},
    }


def test_to_spec_rejects_signatures_that_mlflow_cannot_store() -> None:
    signature = ModelSignature(Schema([TensorSpec(np.dtype(">f4"), (-1,))]))
    with pytest.raises(SpecError, match="cannot write the inputs: MLflow stores"):
        to_spec(signature)


MALFORMED = [
    (
        "input: {a: double}",
        "input: unknown key 'input' (did you mean 'inputs'?); a signature has inputs, outputs "
        "and params",
    ),
    (
        "inputs: {a: double}\nouputs: [double]",
        "ouputs: unknown key 'ouputs' (did you mean 'outputs'?); a signature has inputs, outputs "
        "and params",
    ),
    (
        "{}",
        "at least one of inputs, outputs and params is required",
    ),
    (
        "[double]",
        'expected a mapping with inputs, outputs or params, got ["double"]',
    ),
    (
        "flavors: {}",
        "this MLmodel was saved without a signature",
    ),
    (
        'inputs: {a: "double"}\nsignature: {inputs: [long]}',
        "signature: unknown key 'signature'; a signature has inputs, outputs and params",
    ),
]


@pytest.mark.parametrize(("spec", "problems"), MALFORMED, ids=[spec for spec, _ in MALFORMED])
def test_malformed_signatures_are_reported(spec: str, problems: str) -> None:
    assert report_problems(spec) == problems


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: \x01", "characters that YAML does not allow"),
    ],
)
def test_unreadable_files_are_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "contract.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SpecError, match=reason) as caught:
        load(file)
    assert str(file) in str(caught.value)


_SCALARS = ("double", "any", "[", "{a?: long}", "float32[-1]", "string = x", "*", "type", "object")
_KEYS = ("a", "a?", "*", "type", "properties", "items", "required", "default", "name", 1, True)
_NODES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(_SCALARS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["inputs", "outputs", "params", "input"]), _NODES, max_size=3)
    | _NODES
)
def test_random_data_is_a_signature_or_a_spec_error(spec: Any) -> None:
    try:
        signature = parse(spec)
    except SpecError:
        return
    assert parse(to_spec(signature)) == signature


@given(st.text(max_size=30) | st.text(alphabet="{}[]:?*=\"' \n-&a#,", max_size=30))
def test_random_text_is_a_signature_or_a_spec_error(text: str) -> None:
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
def test_mistyped_types_are_reported_with_their_path(signature: Any, data: st.DataObject) -> None:
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
    text = "unknown type 'doubel' (did you mean 'double'?)"
    assert [problem for problem in caught.value.problems if problem[1] == text]
