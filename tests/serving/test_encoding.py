"""Payloads as JSON carries them, and answers as JSON can hold them."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Schema

from modelpact.serving.encoding import NotJsonEncodable, encode_envelopes, encode_request
from modelpact.serving.jsonable import to_jsonable
from modelpact.serving.mlflow_protocol import parse_invocation
from modelpact.signature import compile, parse

MOMENT = "2024-05-06T07:08:09"


class TestQuestion:
    @pytest.mark.parametrize(
        ("inputs", "expected"),
        [
            (
                pd.DataFrame({"a": [1.5, np.nan], "b": ["x", None]}),
                [{"a": 1.5, "b": "x"}, {"a": None, "b": None}],
            ),
            (pd.DataFrame({"a": np.array([1.5], dtype="float32")}), [{"a": 1.5}]),
            (pd.DataFrame({"t": pd.to_datetime([MOMENT, None])}), [{"t": MOMENT}, {"t": None}]),
            (
                pd.DataFrame({"o": [{"a": np.int32(1), "t": np.datetime64(MOMENT, "ns")}]}),
                [{"o": {"a": 1, "t": MOMENT}}],
            ),
            (pd.DataFrame({0: ["x", "y"]}), ["x", "y"]),
            (pd.DataFrame({0: [1, 2], 1: ["x", "y"]}), [[1, "x"], [2, "y"]]),
            (np.ones((1, 2), dtype="int8"), [[1, 1]]),
            ({"left": np.zeros((1, 1)), "right": [True]}, {"left": [[0.0]], "right": [True]}),
            ([{"a": (1, 2)}], [{"a": [1, 2]}]),
            ("text", "text"),
            (None, None),
        ],
    )
    def test_inputs(self, inputs: Any, expected: Any) -> None:
        assert encode_request(inputs) == {"inputs": expected}

    @pytest.mark.parametrize(
        ("name", "expected"), [(0, [[[1.0, 2.0]], [[]]]), (None, [[1.0, 2.0], []])]
    )
    def test_a_column_that_is_named_0_stands_in_a_list(self, name: Any, expected: Any) -> None:
        frame = pd.DataFrame({0: [[1.0, 2.0], []]})
        signature = ModelSignature(Schema([ColSpec(Array(DataType.double), name)]))
        assert encode_request(frame, schema=signature.inputs) == {"inputs": expected}
        pd.testing.assert_frame_equal(compile(signature).enforce_inputs(expected), frame)

    def test_one_column_where_the_contract_has_two_is_no_row_of_two(self) -> None:
        inputs = ModelSignature(Schema([ColSpec(AnyType()), ColSpec(AnyType())])).inputs
        assert encode_request(pd.DataFrame({0: [[1, "a"]]}), schema=inputs) == {
            "inputs": [[[1, "a"]]]
        }

    def test_params(self) -> None:
        assert encode_request(
            [], {"when": datetime.datetime.fromisoformat(MOMENT), "n": np.int64(3)}
        )["params"] == {
            "when": MOMENT,
            "n": 3,
        }

    @pytest.mark.parametrize(
        "inputs",
        [
            pd.DataFrame({"b": [b"x"]}),
            pd.DataFrame({"m": [{5: 1}]}),
            pd.DataFrame({5: [1], "a": [2]}),
            pd.DataFrame({"x": [np.inf]}),
            np.array([np.nan]),
            np.array([1j]),
            np.array([1], dtype="m8[s]"),
            {"t": np.array([b"x"])},
            np.array(3.0),
            np.array(["2024-05-06"], dtype="M8[D]"),
            {"t": np.zeros((2, 0, 3))},
        ],
    )
    def test_what_json_cannot_carry(self, inputs: Any) -> None:
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
        (["long"], [1, 2], {"inputs", "instances"}),
        ("long[-1, 2]", [[1, 2]], {"inputs", "instances"}),
        ({"a": "int64[-1]", "b": "int64[-1]"}, {"a": [1, 2], "b": [3, 4]}, {"inputs", "instances"}),
        ({"a": "int64[-1]", "b": "int64[2]"}, {"a": [1], "b": [3, 4]}, {"inputs"}),
    ],
)
def test_every_envelope_holds_the_same(spec: Any, inputs: Any, names: set[str]) -> None:
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
def test_a_moment_of_an_answer_is_the_same_text_in_every_unit(unit: str) -> None:
    values = np.array([MOMENT, "NaT"], dtype=f"M8[{unit}]")
    assert to_jsonable(values) == [MOMENT, None]
    assert to_jsonable({"a": [values[0], values[1]], "b": values.reshape(1, 2)}) == {
        "a": [MOMENT, None],
        "b": [[MOMENT, None]],
    }


def test_finer_moments_keep_their_digits() -> None:
    assert to_jsonable(np.array(["2024-05-06T07:08:09.123456789"], dtype="M8[ns]")) == [
        "2024-05-06T07:08:09.123456789"
    ]
