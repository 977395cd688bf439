"""One verdict per row, wherever it is given: Python, batch, both routes, and both exports."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from mlflow.models import ModelSignature

from kind_models import Echo
from modelpact.errors import InputsError
from modelpact.loaders import Adapter
from modelpact.signature import compile, parse, to_json_schema
from tests.signature.export.test_pydantic_module import accepts, module
from tests.support.batch_runs import run_batch
from tests.support.echo_model import echo_adapter
from tests.support.served_models import create_client, post, save_and_load

HI = base64.b64encode(b"hi").decode()
WHEN = "2024-05-06T07:08:09.5"


def text(row: Any) -> Any:
    return row


def decoded(row: Any) -> Any:
    """Return a row with bytes for its base64 text."""
    value = row["x"]
    return {"x": base64.b64decode(value)} if value in (HI, "") else row


def encoded(row: Any) -> Any:
    return base64.b64decode(row) if row in (HI, "") else row


def moment(row: Any) -> Any:
    return np.datetime64(row or "NaT") if row in (WHEN, None) else row


CASES: list[tuple[Any, list[Any], list[Any], Callable[[Any], Any]]] = [
    ({"x": "string"}, [{"x": "a"}, {"x": ""}], [{"x": ["a"]}, {"x": 1}, {"x": None}, {}], text),
    ({"x?": "string", "y": "long"}, [{"y": 1}, {"x": None, "y": 1}, {"x": "a", "y": 2.0}],
     [{"x": ["a"], "y": 1}, {"x": "a"}, {"y": "1"}], text),
    ({"x": ["string"]}, [{"x": ["a", None]}, {"x": []}], [{"x": "a"}, {"x": None}, {"x": [["a"]]}], text),
    ({"x": "any"}, [{"x": "a"}, {"x": ["a"]}, {"x": {"k": [1]}}, {"x": None}], [], text),
    ({"x": "float"}, [{"x": 0.1}, {"x": 3}, {"x": None}], [{"x": 1e300}, {"x": "1"}, {"x": True}], text),
    ({"x": "double"}, [{"x": 1}, {"x": None}, {"x": 1e300}], [{"x": "high"}, {"x": True}, {"x": [1.5]}], text),
    ({"x": "boolean"}, [{"x": True}], [{"x": 1}, {"x": "true"}, {"x": None}], text),
    ({"x": "datetime"}, [{"x": WHEN}, {"x": "2024-05-06"}, {"x": None}], [{"x": "soon"}, {"x": 5}], text),
    ({"x": "binary"}, [{"x": HI}, {"x": ""}], [{"x": "é"}, {"x": 5}, {"x": None}], decoded),
    ({"x": {"k": "long", "n?": "binary"}}, [{"x": {"k": 1}}, {"x": {"k": 1, "n": None}}],
     [{"x": {"k": "1"}}, {"x": {"k": 1, "z": 1}}, {"x": ["k"]}, {"x": {"k": 1, "n": "é"}}], text),
    ("float64[-1, 2]", [[1.5, None], [1, 2]], [[1, "x"], [1], [True, False], "x"], text),
    ("float32[-1]", [0.1, None, 3], [1e300, "1"], text),
    ("int64[-1]", [1, 2.0], [None, 0.5, "1"], text),
    ("str[-1]", ["a", ""], [1, None, ["a"]], text),
    ("bytes[-1]", [HI, ""], ["é", 5, None], encoded),
    ("datetime64[ns][-1]", [WHEN, None], ["soon", 5], moment),
    ({"x": "float64[-1, 2]"}, [{"x": [1.5, None]}], [{"x": [1, "a"]}, {"x": 1}, {}], text),
]  # fmt: skip
"""Signatures, rows that are accepted, rows that are rejected, and the form of a row in Python."""


def accepts_python(adapter: Adapter, row: Any) -> bool:
    try:
        adapter.predict(_as_inputs(adapter, row))
    except InputsError:
        return False
    return True


def accepts_batch(adapter: Adapter, row: Any) -> bool:
    Path("in.jsonl").write_text(json.dumps(row) + "\n")
    try:
        run_batch(adapter, "in.jsonl", "out.jsonl", overwrite=True)
    except InputsError:
        return False
    return True


def _as_inputs(adapter: Adapter, row: Any) -> Any:
    """Return a row as inputs: named tensors are one list per name."""
    schema = adapter.signature.inputs
    if schema.is_tensor_spec() and schema.has_input_names():
        return {name: [value] for name, value in row.items()}
    return np.array([row]) if isinstance(row, np.datetime64) else [row]


def collect_verdicts(
    adapter: Adapter, to_python: Callable[[Any], Any], row: Any
) -> dict[str, bool]:
    inputs, client = _as_inputs(adapter, row), create_client(adapter)
    envelope = (
        "inputs" if isinstance(inputs, dict) or not isinstance(row, dict) else "dataframe_records"
    )
    found = {
        "Python": accepts_python(adapter, to_python(row)),
        "batch": accepts_batch(adapter, row),
        "JSON Schema": Draft202012Validator(to_json_schema(adapter.signature)).is_valid(
            {"inputs": inputs}
        ),
        "Pydantic": accepts(module(adapter.signature), {"inputs": inputs}),
    }
    for path, key in (
        ("/predict", "inputs"),
        ("/invocations", "inputs"),
        ("/invocations", envelope),
    ):
        status = post(client, path, {key: inputs}).status_code
        assert status in (200, 422), (path, status)
        found[f"{path} {key}"] = status == 200
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "right", "wrong", "to_python"), CASES, ids=[str(case[0]) for case in CASES]
)
def test_every_way_in_has_the_same_verdict(
    inputs: Any, right: list[Any], wrong: list[Any], to_python: Callable[[Any], Any]
) -> None:
    adapter = _save(parse({"inputs": inputs, "outputs": ["string"]}), right[0], to_python)
    for rows, expected in ((right, True), (wrong, False)):
        for row in rows:
            verdicts = collect_verdicts(adapter, to_python, row)
            assert set(verdicts.values()) == {expected}, (row, verdicts)


def _save(signature: ModelSignature, row: Any, to_python: Callable[[Any], Any]) -> Adapter:
    """Save a model with an example that MLflow accepts as well."""
    # MLflow writes its conversions into nested values.
    inputs = _as_inputs(echo_adapter(signature), to_python(copy.deepcopy(row)))
    return save_and_load(Echo(), signature, compile(signature).enforce_inputs(inputs))
