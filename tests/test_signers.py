from __future__ import annotations

import dataclasses
import sys
from typing import Any, TypedDict

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from pytest_mock import MockerFixture

from modelpact.errors import SignError, SpecError
from modelpact.models import IrisModel
from modelpact.signature import compile as compile_signature
from modelpact.signature import infer, parse
from modelpact.signers import ExampleSigner, ExplicitSigner, InferSigner, Signer, TypeHintSigner
from tiny_models import Doubler, Faulty, Hinted

FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0]})
ANSWERS = np.array([1.0, 2.0, 3.0])
DUBIOUS = pd.DataFrame({"a": [1.0, 2.0], "odd": [None, None]})
STRANGE = pd.DataFrame({"a": [1.0, 2.0], "odd": [{1}, {2}]})


def test_the_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Signer()  # type: ignore[abstract]


@pytest.mark.parametrize("kind", [InferSigner, ExplicitSigner, ExampleSigner, TypeHintSigner])
def test_an_unknown_option_is_rejected(kind: type[Signer]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        kind(colour="red")  # type: ignore[call-arg]


def test_infer_signs_inputs_outputs_and_params() -> None:
    signed = InferSigner().sign(FRAME, ANSWERS, params={"scale": 2.0})
    assert signed == infer(FRAME, ANSWERS, {"scale": 2.0})
    assert signed.inputs.input_names() == ["a", "b"]
    assert [param.name for param in signed.params] == ["scale"]


def test_infer_rejects_a_column_without_a_type() -> None:
    with pytest.raises(SignError, match="odd"):
        InferSigner().sign(DUBIOUS, ANSWERS[:2])


def test_infer_rejects_data_that_mlflow_cannot_express() -> None:
    with pytest.raises(SignError):
        InferSigner().sign(STRANGE, ANSWERS[:2])


def test_infer_can_allow_a_column_of_any_type() -> None:
    signed = InferSigner(on_any="allow").sign(DUBIOUS, ANSWERS[:2])
    assert signed.inputs.input_names() == ["a", "odd"]


def test_infer_can_warn_about_a_column_of_any_type() -> None:
    with pytest.warns(UserWarning, match="odd"):
        signed = InferSigner(on_any="warn").sign(DUBIOUS, ANSWERS[:2])
    assert signed.inputs.input_names() == ["a", "odd"]


@pytest.fixture
def double_only(mocker: MockerFixture) -> None:
    """An inference that is wrong about the data."""
    mocker.patch(
        "modelpact.signature.infer",
        return_value=parse({"inputs": {"c": "double"}, "outputs": "double"}),
    )


@pytest.mark.usefixtures("double_only")
def test_infer_rejects_a_signature_that_its_data_violates() -> None:
    with pytest.raises(SignError, match="violates its signature") as raised:
        InferSigner().sign(FRAME, ANSWERS)
    assert raised.value.failures
    assert raised.value.remedy


@pytest.mark.usefixtures("double_only")
def test_the_self_check_can_be_disabled() -> None:
    assert InferSigner(self_check=False).sign(FRAME, ANSWERS).inputs.input_names() == ["c"]


def test_explicit_returns_the_written_signature() -> None:
    signed = ExplicitSigner(
        inputs={"a": "double", "b": "double", "c?": "string"},
        outputs="float64[-1]",
        params={"k": "long = 3"},
    )
    result = signed.sign(FRAME, ANSWERS)
    assert result == parse(
        {
            "inputs": {"a": "double", "b": "double", "c?": "string"},
            "outputs": "float64[-1]",
            "params": {"k": "long = 3"},
        }
    )
    assert [spec.required for spec in result.inputs.inputs] == [True, True, False]


@pytest.mark.parametrize(
    "options",
    [
        {"inputs": {"a": "double", "missing": "double"}},
        {"inputs": {"a": "string", "b": "double"}},
        {"inputs": "float32[-1, 5]"},
        {"outputs": "string"},
    ],
    ids=["a column is missing", "another type", "another shape", "another answer"],
)
def test_explicit_rejects_data_that_violates_the_signature(options: dict[str, Any]) -> None:
    with pytest.raises(SignError) as raised:
        ExplicitSigner(**options).sign(FRAME, ANSWERS)
    assert "Correct the written signature, or the data." in str(raised.value)


def test_explicit_rejects_params_that_violate_the_signature() -> None:
    with pytest.raises(SignError, match="params"):
        ExplicitSigner(inputs={"a": "double", "b": "double"}, params={"k": "long = 3"}).sign(
            FRAME, ANSWERS, params={"k": "many"}
        )


def test_explicit_without_a_signature_has_a_remedy() -> None:
    with pytest.raises(SignError, match="no written signature") as raised:
        ExplicitSigner().sign(FRAME, ANSWERS)
    assert "contract=" in raised.value.remedy


def test_a_malformed_signature_is_a_configuration_error() -> None:
    with pytest.raises(SpecError) as raised:
        ExplicitSigner(inputs={"a": "duoble"}).sign(FRAME, ANSWERS)
    assert raised.value.exit_status == 2
    assert raised.value.problems


def test_example_signs_a_few_rows_and_the_models_prediction() -> None:
    signed = ExampleSigner(n_rows=2).sign(
        FRAME, Doubler().predict(FRAME), params={"scale": 1.0}, model=Doubler()
    )
    assert signed == infer(FRAME, Doubler().predict(FRAME), {"scale": 1.0})


def test_example_can_be_given() -> None:
    example = [{"a": 1.0, "b": 2.0}]
    signed = ExampleSigner(example=example).sign([{"a": 5.0, "b": 6.0}], [1.0], model=Hinted())
    assert signed.inputs == infer(example).inputs


def test_example_needs_a_model() -> None:
    with pytest.raises(SignError, match="no model was given"):
        ExampleSigner().sign(FRAME, ANSWERS)


def test_an_example_that_the_model_rejects_raises_with_the_cause() -> None:
    with pytest.raises(SignError, match="RuntimeError: broken in predict") as raised:
        ExampleSigner().sign(FRAME, ANSWERS, model=Faulty(fails_in="predict"))
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_an_unrepresentative_example_is_rejected() -> None:
    whole = pd.DataFrame({"a": [1, 2], "b": [1, 2]})
    with pytest.raises(SignError, match="violates its signature"):
        ExampleSigner().sign(FRAME + 0.5, Doubler().predict(FRAME), model=_Fixed(whole))


class _Fixed(Doubler):
    """Returns integers."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__()

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        return ["a word"] * len(inputs)


@pytest.mark.parametrize("n_rows", [0, -1])
def test_an_example_has_at_least_one_row(n_rows: int) -> None:
    with pytest.raises(ValidationError):
        ExampleSigner(n_rows=n_rows)


def test_type_hints_are_the_signature() -> None:
    signed = TypeHintSigner().sign([{"a": 1.0, "b": 2.0}], [3.0], params={"k": 1}, model=Hinted())
    compile_signature(signed).enforce_outputs([1.0])
    assert signed.inputs is not None
    assert [param.name for param in signed.params] == ["k"]


def test_type_hints_of_the_iris_model_name_every_field() -> None:
    row = {"sepal_length": 1.0, "sepal_width": 1.0, "petal_length": 1.0, "petal_width": 1.0}
    signed = TypeHintSigner().sign([row], ["setosa"], model=IrisModel())
    assert all(field in str(signed.inputs) for field in row)


class _InputsOnly(Doubler):
    def predict(self, inputs: list[float], params: dict[str, Any] | None = None):  # type: ignore[no-untyped-def]
        return np.asarray(inputs) * 2


def test_outputs_without_a_hint_are_inferred() -> None:
    signed = TypeHintSigner().sign([1.0, 2.0], np.array([2.0, 4.0]), model=_InputsOnly())
    assert signed.outputs == infer(None, np.array([2.0, 4.0])).outputs


class _Old(TypedDict):
    x: int


@dataclasses.dataclass
class _Holder:
    old: _Old


class _Unsupported(Doubler):
    def predict(self, inputs: list[_Holder], params: dict[str, Any] | None = None) -> list[int]:
        return [row.old["x"] for row in inputs]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Pydantic accepts every TypedDict")
def test_hints_that_pydantic_cannot_validate_are_rejected() -> None:
    with pytest.raises(SignError, match="Pydantic cannot validate") as caught:
        TypeHintSigner().sign([{"old": {"x": 1}}], [1], model=_Unsupported())
    assert "typing_extensions" in caught.value.remedy


@pytest.mark.parametrize(
    ("model", "text"), [(None, "no model was given"), (Doubler(), "no type hint")]
)
def test_type_hint_needs_a_model_with_hints(model: Any, text: str) -> None:
    with pytest.raises(SignError, match=text):
        TypeHintSigner().sign(FRAME, ANSWERS, model=model)


def test_data_that_violates_the_hints_is_rejected() -> None:
    with pytest.raises(SignError, match="violates its signature"):
        TypeHintSigner().sign([{"a": 1.0}], [3.0], model=Hinted())
