"""Columns and tensors: the short form, MLflow's list of dicts, and malformed ones."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.models import ModelSignature, infer_signature

from modelpact.errors import SpecError
from modelpact.signature import parse, to_spec
from tests.support.malformed_specs import report_problems

MALFORMED = [
    (
        'inputs: {"*": double}',
        'inputs: write an unnamed column as a list of its type: [{"*": "double"}]',
    ),
    (
        'inputs: {a: double, "a?": double}',
        "inputs: duplicate name 'a' (2 times)",
    ),
    (
        'inputs: {a: double, i: "float32[-1]"}',
        "inputs: tensors (1) and columns (1) cannot be mixed; write an array column as [double]",
    ),
    (
        'inputs: {"i?": "float32[-1]"}',
        "inputs.i?: a tensor cannot be optional; remove the ?",
    ),
    (
        'inputs: ["float32[-1]", "float32[-1]"]',
        "inputs: several tensors need names: {left: float32[-1, 3], right: float32[-1, 3]}",
    ),
    (
        'inputs: [double, "float32[-1]"]',
        "inputs: tensors (1) and columns (1) cannot be mixed; write an array column as [double]",
    ),
    (
        "inputs: [{name: a, type: double}, {type: double}]",
        "inputs: named (1) and unnamed (1) columns cannot be mixed; name all of them or none",
    ),
    (
        "inputs: [{name: a, type: double}, {name: a, type: long}]",
        "inputs: duplicate name 'a' (2 times)",
    ),
    (
        "inputs: [{type: double, required: false}]",
        "inputs[0]: an unnamed column cannot be optional; name it, or remove required: false",
    ),
    (
        "inputs: [{name: a, type: array, items: {type: double}}]",
        "inputs[0]: MLflow reads a missing required as optional here; add required: true or "
        "required: false",
    ),
    (
        "inputs: [{name: string, type: double}]",
        "inputs[0]: ambiguous: a column named string, or an object with the properties name and "
        "type; add required: true for the column, or write {type: object, properties: ...}",
    ),
    (
        "inputs: [{name: a, type: tensor}]",
        "inputs[0]: type tensor requires tensor-spec: {dtype: float32, shape: [-1, 3]}",
    ),
    (
        "inputs: [{name: [a], type: double}]",
        'inputs[0].name: names must be strings or numbers, got ["a"]',
    ),
    (
        "inputs: {type: object, properties: {a: {type: double}}}",
        'inputs: write an unnamed column as a list of its type: [{"type": "object", '
        '"properties": {"a": {"type": "double"}}}]',
    ),
    (
        "inputs: []",
        "inputs: expected columns ({name: type} or [type]) or a tensor (float32[-1, 3]), got []",
    ),
    (
        "inputs: 3",
        "inputs: expected columns ({name: type} or [type]) or a tensor (float32[-1, 3]), got 3",
    ),
    (
        "inputs: [{name: a, type: tensor, tensor-spec: {dtype: float32, shape: [x, 3]}}]",
        "inputs[0].tensor-spec: invalid tensor 'float32[x, 3]'; a tensor has a dtype and a "
        "shape, such as float32 and [-1, 3]",
    ),
    (
        'inputs: {"a?": {type: double, required: true}}',
        "inputs.a?: the ? makes it optional, but required is true; remove one of them",
    ),
]


@pytest.mark.parametrize(("spec", "problems"), MALFORMED, ids=[spec for spec, _ in MALFORMED])
def test_malformed_schemas_are_reported(spec: str, problems: str) -> None:
    assert report_problems(spec) == problems


def test_mlflows_list_of_dicts_is_read() -> None:
    frame = pd.DataFrame({"a": [1.5], "b": ["x"], "c": [[1.5]]})
    signature = infer_signature(frame, np.zeros((2, 3)), {"p": 1.5})
    pasted = {
        "inputs": signature.inputs.to_dict(),
        "outputs": signature.outputs.to_dict(),
        "params": signature.params.to_dict(),
    }
    assert parse(pasted) == signature
    assert parse(yaml.safe_load(yaml.safe_dump(json.loads(json.dumps(pasted))))) == signature


def test_missing_required_is_read_from_mlflow_json_only() -> None:
    """MLflow reads it as optional for arrays, objects and maps, which is rarely meant."""
    stored = {"inputs": '[{"name": "a", "type": "array", "items": {"type": "long"}}]'}
    assert parse(stored) == ModelSignature.from_dict(stored)
    assert parse(to_spec(parse(stored))) == ModelSignature.from_dict(stored)
    with pytest.raises(SpecError, match="MLflow reads a missing required as optional here"):
        parse({"inputs": json.loads(stored["inputs"])})


def test_named_tensors_have_a_long_form() -> None:
    long = {
        "inputs": {
            "image": {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}
        }
    }
    assert parse(long) == parse({"inputs": {"image": "float32[-1, 3]"}})


def test_wide_signatures_take_linear_time() -> None:
    wide = {"inputs": {f"column_{index}": "double" for index in range(20_000)}}
    assert to_spec(parse(wide)) == wide
