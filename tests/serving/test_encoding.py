"""Requests and predictions as JSON."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Schema

from modelpact.datatypes import to_json
from modelpact.serving.encoding import NotJsonEncodable, encode_envelopes, encode_request
from modelpact.serving.mlflow_protocol import parse_invocation
from modelpact.signature import compile, parse

DATETIME = "2024-05-06T07:08:09"


class TestEncodeRequest:
    @pytest.mark.parametrize(
        ("inputs", "expected"),
        [
            (
                pd.DataFrame({"a": [1.5, np.nan], "b": ["x", None]}),
                [{"a": 1.5, "b": "x"}, {"a": None, "b": None}],
            ),
            (pd.DataFrame({"a": np.array([1.5], dtype="float32")}), [{"a": 1.5}]),
            (
                pd.DataFrame({"t": pd.to_datetime(pd.Series([DATETIME, None]))}),
                [{"t": DATETIME}, {"t": None}],
            ),
            (
                pd.DataFrame({"o": [{"a": np.int32(1), "t": np.datetime64(DATETIME, "ns")}]}),
                [{"o": {"a": 1, "t": DATETIME}}],
            ),
            (pd.DataFrame({0: ["x", "y"]}), ["x", "y"]),
            (pd.DataFrame({0: [1, 2], 1: ["x", "y"]}), [[1, "x"], [2, "y"]]),
            (np.ones((1, 2), dtype="int8"), [[1, 1]]),
            ({"left": np.zeros((1, 1)), "right": [True]}, {"left": [[0.0]], "right": [True]}),
            ([{"a": (1, 2)}], [{"a": [1, 2]}]),
            (pd.DataFrame({"b": [b"x"]}), [{"b": "eA=="}]),
            ({"t": np.array([b"x"])}, {"t": ["eA=="]}),
            (np.array(["2024-05-06", "NaT"], dtype="M8[D]"), ["2024-05-06T00:00:00", None]),
            ("text", "text"),
            (None, None),
        ],
    )
    def test_inputs(self, inputs: Any, expected: Any) -> None:
        assert encode_request(inputs) == {"inputs": expected}

    @pytest.mark.parametrize(
        ("name", "expected"), [(0, [[[1.0, 2.0]], [[]]]), (None, [[1.0, 2.0], []])]
    )
    def test_a_column_named_0_is_a_list_of_values(self, name: Any, expected: Any) -> None:
        frame = pd.DataFrame({0: [[1.0, 2.0], []]})
        signature = ModelSignature(Schema([ColSpec(Array(DataType.double), name)]))
        assert encode_request(frame, schema=signature.inputs) == {"inputs": expected}
        pd.testing.assert_frame_equal(compile(signature).enforce_inputs(expected), frame)

    def test_one_nested_column_is_not_a_row_of_two_columns(self) -> None:
        inputs = ModelSignature(Schema([ColSpec(AnyType()), ColSpec(AnyType())])).inputs
        assert encode_request(pd.DataFrame({0: [[1, "a"]]}), schema=inputs) == {
            "inputs": [[[1, "a"]]]
        }

    def test_params(self) -> None:
        assert encode_request(
            [], {"when": datetime.datetime.fromisoformat(DATETIME), "n": np.int64(3)}
        )["params"] == {
            "when": DATETIME,
            "n": 3,
        }

    @pytest.mark.parametrize(
        "inputs",
        [
            pd.DataFrame({"m": [{5: 1}]}),
            pd.DataFrame({5: [1], "a": [2]}),
            pd.DataFrame({"x": [np.inf]}),
            np.array([np.nan]),
            np.array([1j]),
            np.array([1], dtype="m8[s]"),
            np.array(3.0),
            {"t": np.zeros((2, 0, 3))},
        ],
    )
    def test_values_without_a_json_form(self, inputs: Any) -> None:
        with pytest.raises(NotJsonEncodable):
            encode_request(inputs)


@pytest.mark.parametrize(
    ("spec", "inputs", "names"),
    [
        (
            {"a": "long"},
            [{"a": 1}, {"a": 2}],
            {"inputs", "instances", "dataframe_records", "dataframe_split"},
        ),
        ({"a?": "long"}, [{"a": 1}, {}], {"inputs", "instances", "dataframe_records"}),
        (["long", "string"], [[1, "x"], [2, "y"]], {"inputs", "instances", "dataframe_split"}),
        (["long"], [1, 2], {"inputs", "instances", "dataframe_split"}),
        ("long[-1, 2]", [[1, 2]], {"inputs", "instances"}),
        ({"a": "int64[-1]", "b": "int64[-1]"}, {"a": [1, 2], "b": [3, 4]}, {"inputs", "instances"}),
        ({"a": "int64[-1]", "b": "int64[2]"}, {"a": [1], "b": [3, 4]}, {"inputs"}),
    ],
)
def test_every_envelope_has_the_same_inputs(spec: Any, inputs: Any, names: set[str]) -> None:
    spec = "int64[-1, 2]" if spec == "long[-1, 2]" else spec
    signature = parse({"inputs": spec})
    found = encode_envelopes(inputs, signature.inputs)
    assert set(found) == names
    enforcer = compile(signature)
    wanted = enforcer.enforce_inputs(inputs)
    for name, body in found.items():
        got = enforcer.enforce_inputs(parse_invocation({name: body}, signature.inputs)[0])
        assert str(got) == str(wanted), name


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_datetimes_have_the_same_text_in_every_unit(unit: str) -> None:
    values = np.array([DATETIME, "NaT"], dtype=f"M8[{unit}]")
    assert to_json(values) == [DATETIME, None]
    assert to_json({"a": [values[0], values[1]], "b": values.reshape(1, 2)}) == {
        "a": [DATETIME, None],
        "b": [[DATETIME, None]],
    }


def test_nanoseconds_are_kept() -> None:
    assert to_json(np.array(["2024-05-06T07:08:09.123456789"], dtype="M8[ns]")) == [
        "2024-05-06T07:08:09.123456789"
    ]
