"""Written signatures compared with the type hints of `predict`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from mlflow.pyfunc.model import PythonModel

from modelpact.errors import SignError
from modelpact.signature import check_type_hints, diff_type_hints, from_type_hint, parse


class Address(pydantic.BaseModel):
    street: str
    number: int | None = None


class AddressModel(PythonModel):
    def predict(self, context: Any, model_input: list[Address], params: Any = None) -> list[float]:
        return [1.0 for _ in model_input]


def predict_frame(model_input: pd.DataFrame) -> np.ndarray[Any, Any]:
    return model_input.to_numpy()


def test_equal_signatures_and_hints_without_schema_pass() -> None:
    address = {"street": "string", "number?": "long"}
    check_type_hints(parse({"inputs": [address], "outputs": ["double"]}), AddressModel())
    check_type_hints(parse({"inputs": {"anything": "double"}}), predict_frame)


def test_the_error_lists_every_difference_and_the_signature_of_the_hints() -> None:
    address = {"street": "string", "number": "double", "zip": "string"}
    written = parse({"inputs": [address], "outputs": {"score": "double"}})
    with pytest.raises(SignError) as caught:
        check_type_hints(written, AddressModel())
    assert str(caught.value) == (
        "the signature does not match the type hints of predict, 4 differences:\n"
        "  inputs[0].number: double in the signature, long in the type hints\n"
        "  inputs[0].number: required in the signature, optional in the type hints\n"
        "  inputs[0].zip: string in the signature, missing in the type hints\n"
        "  outputs: 1 column (score: double) in the signature, "
        "1 unnamed column (double) in the type hints\n"
        "Change one of them. Signature of the type hints: "
        'inputs: [{"number?": "long", "street": "string"}]; outputs: ["double"].'
    )
    assert caught.value.differences[0] == (
        "inputs[0].number",
        "double in the signature, long in the type hints",
    )


@pytest.mark.parametrize(
    ("written", "hinted", "expected"),
    [
        ({"a": "long"}, {"a": "long"}, []),
        ({"a": "long"}, {"a": "double"}, [("inputs.a", "long", "double")]),
        ({"a": ["long"]}, {"a": ["double"]}, [("inputs.a[]", "long", "double")]),
        ({"a": {"*": "long"}}, {"a": {"*": "double"}}, [("inputs.a.*", "long", "double")]),
        ({"a?": "long"}, {"a": "long"}, [("inputs.a", "optional", "required")]),
        (
            {"a": {"x": "long"}},
            {"a": {"y": "long"}},
            [("inputs.a.x", "long", "missing"), ("inputs.a.y", "missing", "long")],
        ),
        (
            {"a": "long"},
            {"b": "long"},
            [("inputs", "1 column (a: long)", "1 column (b: long)")],
        ),
        (
            "float32[-1]",
            ["double"],
            [("inputs", "1 unnamed tensor (float32[-1])", "1 unnamed column (double)")],
        ),
        (
            ["double", "long"],
            ["double"],
            [("inputs", "2 unnamed columns (double, long)", "1 unnamed column (double)")],
        ),
    ],
)
def test_differences_are_found_at_every_depth(
    written: Any, hinted: Any, expected: list[tuple[str, str, str]]
) -> None:
    schemas = (parse({"inputs": spec}).inputs for spec in (written, hinted))
    assert diff_type_hints(*schemas) == [
        (path, f"{old} in the signature, {new} in the type hints") for path, old, new in expected
    ]


def test_a_missing_part_is_a_difference() -> None:
    text = "missing in the signature, 1 unnamed column (string) in the type hints"
    hinted = from_type_hint(list[str])
    assert diff_type_hints(None, hinted, role="outputs") == [("outputs", text)]
