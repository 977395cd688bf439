from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from mlflow.models import ModelSignature, infer_signature
from starlette.testclient import TestClient

from modelpact._internal import mlflow_compat
from modelpact.serving import create_app
from modelpact.signature import compile, parse, to_json_schema
from modelpact.signature.enforcement.json_decoding import JsonDecoder
from tests.support.echo_model import echo_adapter

FRAME = pd.DataFrame({"b": [b"x"]})


@pytest.mark.parametrize(
    ("inputs", "payload", "decoded"),
    [
        ({"b": "binary"}, [{"b": "eA=="}], [{"b": b"x"}]),
        ({"b": "binary"}, [{"b": "eA==\n"}], [{"b": b"x"}]),
        ({"b": "binary"}, [{"b": "no"}, {"b": None}, {}], [{"b": "no"}, {"b": None}, {}]),
        ({"b": "binary", "s": "string"}, [{"s": "eA=="}], [{"s": "eA=="}]),
        ({"b": "binary"}, {"b": ["eA==", "eQ=="]}, {"b": [b"x", b"y"]}),
        ({"b": ["binary"]}, [{"b": ["eA=="]}], [{"b": [b"x"]}]),
        ({"o": {"b": "binary"}}, [{"o": {"b": "eA=="}}], [{"o": {"b": b"x"}}]),
        ({"m": {"*": "binary"}}, [{"m": {"k": "eA=="}}], [{"m": {"k": b"x"}}]),
        (["binary"], ["eA=="], [b"x"]),
        (["binary", "string"], [["eA==", "eA=="]], [[b"x", "eA=="]]),
        ("bytes[-1]", ["eA=="], [b"x"]),
        ({"t": "bytes[-1, 1]"}, {"t": [["eA=="]]}, {"t": [[b"x"]]}),
        ({"a": "string"}, [{"a": "eA=="}], [{"a": "eA=="}]),
    ],
)
def test_text_is_decoded_under_binary_types_only(inputs: Any, payload: Any, decoded: Any) -> None:
    assert JsonDecoder(parse({"inputs": inputs}).inputs).decode(payload) == decoded


@pytest.mark.parametrize(
    ("inputs", "decoded"),
    [
        ({"a": "binary", "b": "string"}, [b"x", "eQ=="]),
        ({"c": "binary", "b": "binary"}, ["eA==", b"y"]),
        (["binary", "string"], [b"x", "eQ=="]),
        (["string", "binary"], ["eA==", b"y"]),
        ({"a": "bytes[-1]", "b": "str[-1]"}, [b"x", "eQ=="]),
        ("bytes[-1, 2]", [b"x", b"y"]),
        ("str[-1, 2]", ["eA==", "eQ=="]),
    ],
)
def test_columns_of_a_csv_file_are_decoded(inputs: Any, decoded: list[Any]) -> None:
    frame = JsonDecoder(parse({"inputs": inputs}).inputs).decode(
        pd.DataFrame({"a": ["eA=="], "b": ["eQ=="]})
    )
    assert frame.to_numpy().tolist() == [decoded]
    assert list(frame.columns) == ["a", "b"]


@pytest.mark.parametrize(
    "example",
    [
        FRAME,
        [b"a", b"b"],
        [{"o": {"b": b"a"}}],
        np.array([b"a", b"\xff"]),
        pd.DataFrame({"l": [[b"a"]]}),
    ],
    ids=["column", "list", "nested", "tensor", "array"],
)
def test_both_servers_accept_the_body_that_mlflow_makes(example: Any) -> None:
    from mlflow.models.utils import convert_input_example_to_serving_input

    signature: ModelSignature = infer_signature(example)
    adapter = echo_adapter(signature)
    body = convert_input_example_to_serving_input(example)
    assert body is not None
    assert mlflow_compat.invoke_scoring_server(adapter.pyfunc, body).status == 200
    with TestClient(create_app(adapter)) as server:
        headers = {"content-type": "application/json"}
        assert server.post("/invocations", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "text", ["", "eA==", "eHk=", "eHl6", "eA==\n", "eA", "e", "eA=", "====", "e A==", "é"]
)
def test_the_json_schema_accepts_what_the_server_accepts(text: str) -> None:
    signature = parse({"inputs": {"b": "binary"}})
    schema = to_json_schema(signature)["properties"]["inputs"]
    decoded = JsonDecoder(signature.inputs).decode(json.loads(json.dumps([{"b": text}])))
    accepted = isinstance(decoded[0]["b"], bytes)
    assert Draft202012Validator(schema).is_valid([{"b": text}]) == accepted
    if accepted:
        compile(signature).enforce_inputs(decoded)


@pytest.mark.parametrize(
    ("dtype", "payload", "decoded"),
    [
        ("ns", ["2024-05-06T07:08:09.123456789"], ["2024-05-06T07:08:09.123456789"]),
        ("s", ["2024-05-06T07:08:09+02:00", None], ["2024-05-06T05:08:09", "NaT"]),
        ("D", [], []),
    ],
)
def test_datetime_tensors_are_iso_8601(dtype: str, payload: Any, decoded: Any) -> None:
    schema = parse({"inputs": f"datetime64[{dtype}][-1]"}).inputs
    np.testing.assert_array_equal(
        JsonDecoder(schema).decode(payload), np.array(decoded, dtype=f"M8[{dtype}]")
    )


@pytest.mark.parametrize("text", ["now", "2024-05-06T07:08", 5, "9999-99-99"])
def test_other_values_of_datetime_tensors_are_left(text: Any) -> None:
    schema = parse({"inputs": "datetime64[D][-1]"}).inputs
    assert JsonDecoder(schema).decode([text]) == [text]
