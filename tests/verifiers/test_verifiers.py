from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from pytest_mock import MockerFixture

from modelpact.errors import OutputsError, PredictError, VerifyError
from modelpact.loaders import Adapter, CustomLoader
from modelpact.models import Model
from modelpact.savers import CustomSaver
from modelpact.signature import infer, parse
from modelpact.tracking import SqliteTracking
from modelpact.types import Sample
from modelpact.verifiers import CleanVerifier, NoneVerifier, ReplayVerifier, Verifier
from tests.support.many_cases import sample_params
from tests.support.publishing import not_none, numbers
from tiny_models import Doubler, Forgetful

ROWS = numbers().read().inputs
SAMPLE = Sample(ROWS, outputs=Doubler().predict(ROWS))
SIGNATURE = infer(ROWS, SAMPLE.outputs)


@pytest.fixture(autouse=True)
def store() -> Iterator[None]:
    """An open store."""
    with SqliteTracking().open():
        yield


def loaded(model: Model | None = None, signature: Any = SIGNATURE, example: Any = ROWS) -> Adapter:
    """Save a model and load it."""
    return CustomLoader().load(
        CustomSaver(pip_requirements=["numpy"])
        .save(model or Doubler(), signature, example)
        .model_uri
    )


def codes(verdict: Any) -> dict[str, bool]:
    """Return whether each check passed."""
    return {check.code: check.ok for check in verdict.checks}


def failed(
    verifier: Verifier, adapter: Adapter, sample: Sample = SAMPLE, signature: Any = SIGNATURE
) -> dict[str, str]:
    """Return the code and the detail of each failed check."""
    with pytest.raises(VerifyError) as raised:
        verifier.verify(adapter, sample, signature)
    checks = not_none(raised.value.verdict).failed
    assert all(check.code in str(raised.value) for check in checks)
    return {check.code: check.detail for check in checks}


def test_the_base_class_cannot_be_instantiated() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Verifier()  # type: ignore[abstract]


def test_a_correct_model_passes_every_check() -> None:
    verdict = ReplayVerifier().verify(loaded(), SAMPLE, SIGNATURE)
    assert verdict.ok
    assert codes(verdict) == dict.fromkeys(
        [
            "SIGNATURE_STORED",
            "OUTPUTS_CONFORM",
            "PREDICTIONS_EQUAL",
            "SERVING_EXAMPLE",
            "BREAKS_REFUSED",
        ],
        True,
    )


@pytest.mark.slow
def test_a_correct_model_passes_in_a_clean_process() -> None:
    verdict = CleanVerifier().verify(loaded(), SAMPLE, SIGNATURE)
    assert verdict.ok
    assert {check.code: check.detail for check in verdict.checks}["SELF_CONTAINED"].endswith(
        "carried"
    )


def test_none_verifier_reports_that_nothing_was_checked() -> None:
    assert codes(NoneVerifier().verify(loaded(), SAMPLE, parse({"inputs": {"z": "string"}}))) == {
        "NOT_VERIFIED": True
    }


def test_a_different_stored_signature_fails() -> None:
    assert "SIGNATURE_STORED" in failed(
        ReplayVerifier(), loaded(), signature=parse({"inputs": {"a": "double"}})
    )


def test_different_predictions_are_counted() -> None:
    outputs = SAMPLE.outputs.copy()
    outputs[0] += 1
    found = failed(ReplayVerifier(), loaded(), SAMPLE.with_outputs(outputs))
    assert found == {"PREDICTIONS_EQUAL": f"1 of {len(outputs)} values differ"}


def test_a_model_that_loses_its_state_fails() -> None:
    model = Forgetful()
    model.fit(ROWS, None)
    assert list(
        failed(ReplayVerifier(), loaded(model), SAMPLE.with_outputs(model.predict(ROWS)))
    ) == ["PREDICTIONS_EQUAL"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (PredictError("it failed"), "PREDICTIONS_EQUAL"),
        (OutputsError("it broke the contract"), "OUTPUTS_CONFORM"),
    ],
)
def test_a_model_that_raises_on_replay_fails(
    answer: Exception, code: str, mocker: MockerFixture
) -> None:
    adapter = loaded()
    mocker.patch.object(adapter, "predict", side_effect=answer)
    assert failed(ReplayVerifier(), adapter)[code] == str(answer)


def test_all_failures_are_collected() -> None:
    adapter = loaded()
    (adapter.folder / "serving_input_example.json").unlink()
    found = failed(
        ReplayVerifier(),
        adapter,
        SAMPLE.with_outputs(SAMPLE.outputs + 1),
        parse({"inputs": {"a": "double"}}),
    )
    assert list(found) == ["SIGNATURE_STORED", "PREDICTIONS_EQUAL", "SERVING_EXAMPLE"]


@pytest.mark.parametrize(
    "body",
    ['{"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}', '{"nothing": 1}', "{"],
    ids=["bad rows", "bad key", "no JSON"],
)
def test_a_rejected_serving_example_fails(body: str) -> None:
    adapter = loaded()
    (adapter.folder / "serving_input_example.json").write_text(body)
    assert list(failed(ReplayVerifier(), adapter)) == ["SERVING_EXAMPLE"]


def test_a_model_that_accepts_invalid_inputs_fails(mocker: MockerFixture) -> None:
    adapter = loaded()
    mocker.patch.object(adapter, "predict", return_value=adapter.predict(ROWS))
    detail = failed(ReplayVerifier(), adapter)["BREAKS_REFUSED"]
    assert "MISSING_REQUIRED at inputs.b was accepted" in detail
    assert "WRONG_TYPE at inputs.a was accepted" in detail


def test_invalid_inputs_that_reach_the_model_fail(mocker: MockerFixture) -> None:
    adapter = loaded()
    real = adapter.predict

    def predict(inputs: Any, params: Any = None) -> Any:
        if "a" not in inputs:
            raise PredictError("it failed on them")
        return real(inputs, params)

    mocker.patch.object(adapter, "predict", predict)
    assert "reached the model (PredictError)" in failed(ReplayVerifier(), adapter)["BREAKS_REFUSED"]


def test_invalid_tensors_are_rejected() -> None:
    images = np.arange(8, dtype="float32").reshape(2, 2, 2)
    signature = parse({"inputs": "float32[-1, 2, 2]", "outputs": "float64[-1, 2]"})
    sample = Sample(images, outputs=Doubler().predict(images))
    verdict = ReplayVerifier().verify(
        loaded(signature=signature, example=images), sample, signature
    )
    assert verdict.checks[-1].detail == "12 calls that violate the signature were rejected"


@pytest.mark.parametrize("option", [{"rtol": -1.0}, {"atol": -1.0}])
def test_a_negative_tolerance_is_rejected(option: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReplayVerifier(**option)


class TestTolerance:
    def test_allows_differences_within_the_tolerance(self) -> None:
        sample = SAMPLE.with_outputs(SAMPLE.outputs * 1.01)
        assert ReplayVerifier(rtol=0.1).verify(loaded(), sample, SIGNATURE).ok
        assert failed(ReplayVerifier(rtol=0.0, atol=1e-12), loaded(), sample)


class _ScriptedAdapter:
    """An adapter with a scripted model."""

    model = None

    def __init__(self, adapter: Adapter, answer: Any) -> None:
        self.pyfunc, self.folder, self.signature, self.adapter, self.answer = (
            adapter.pyfunc,
            adapter.folder,
            adapter.signature,
            adapter,
            answer,
        )

    def predict(self, inputs: Any, params: Any = None) -> Any:
        from modelpact.types import Outputs

        self.adapter.predict(inputs, params)
        return Outputs(self.answer)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    sample_params(
        [
            ([1, 2], np.array([1, 2]), "the type was list and is ndarray"),
            (
                pd.DataFrame({"a": [1]}),
                pd.DataFrame({"b": [1]}),
                "the columns were ['a'] and are ['b']",
            ),
            ({"a": [1]}, {"b": [1]}, "the keys were ['a'] and are ['b']"),
            ({"a": [1.0], "b": [1.0]}, {"a": [1.0], "b": [2.0]}, "1 of 2 values differ"),
            (np.zeros(3), np.zeros((3, 1)), "the shape was (3,) and is (3, 1)"),
            (["x", "y"], ["x", "z"], "1 of 2 values differ"),
            ([1.0, float("nan")], [1.0, 2.0], "1 of 2 values differ"),
        ],
        every=2,
    ),
)
def test_differences_are_described(before: Any, after: Any, text: str) -> None:
    found = failed(ReplayVerifier(), _ScriptedAdapter(loaded(), after), SAMPLE.with_outputs(before))  # type: ignore[arg-type]
    assert found == {"PREDICTIONS_EQUAL": text}


@pytest.mark.parametrize(
    "answer",
    sample_params(
        [
            [1.0, float("nan")],
            ["x", "y"],
            np.array(["x", None], dtype=object),
            {"a": np.zeros(3), "b": ["x"]},
            pd.DataFrame({"a": [1.0], "b": ["x"]}),
            pd.Series([1, 2]),
            [{"a": 1}, {"a": 2}],
        ],
        every=2,
    ),
    ids=["nan", "strings", "null", "dict", "frame", "series", "records"],
)
def test_equal_predictions_of_every_type_pass(answer: Any) -> None:
    import copy

    assert (
        ReplayVerifier()
        .verify(
            _ScriptedAdapter(loaded(), answer),  # type: ignore[arg-type]
            SAMPLE.with_outputs(copy.deepcopy(answer)),
            SIGNATURE,
        )
        .ok
    )


class TestCleanProcess:
    @pytest.mark.slow
    def test_a_load_error_is_reported(self) -> None:
        adapter = loaded()
        (adapter.folder / "code" / "tiny_models.py").unlink()
        found = failed(CleanVerifier(), adapter)
        assert "tiny_models" in found["PREDICTIONS_EQUAL"]

    @pytest.mark.slow
    def test_a_missing_bundled_runtime_is_reported(self) -> None:
        adapter = loaded()
        next((adapter.folder / "code").glob("_modelpact_*")).rename(adapter.folder / "away")
        assert (
            "modelpact is not installed in this process"
            in failed(CleanVerifier(), adapter)["PREDICTIONS_EQUAL"]
        )

    def test_a_timeout_is_reported(self) -> None:
        found = failed(CleanVerifier(timeout=0.01), loaded())
        assert "verifier.timeout=0.01" in found["PREDICTIONS_EQUAL"]
        assert "not loaded" in found["SELF_CONTAINED"]

    def test_a_crash_is_reported_with_its_last_output(self, mocker: MockerFixture) -> None:
        import subprocess

        done = subprocess.CompletedProcess([], 3, stdout="", stderr="first\nout of memory\n")
        mocker.patch("modelpact.verifiers.clean.subprocess.run", return_value=done)
        assert "status 3: out of memory" in failed(CleanVerifier(), loaded())["PREDICTIONS_EQUAL"]

    @pytest.mark.slow
    def test_outputs_must_conform(self) -> None:
        adapter = loaded()
        adapter.signature = parse({"inputs": {"a": "double", "b": "double"}, "outputs": "string"})
        assert "OUTPUTS_CONFORM" in failed(CleanVerifier(), adapter, signature=SIGNATURE)


def test_a_missing_serving_example_fails(mocker: MockerFixture) -> None:
    adapter = loaded()
    mocker.patch.object(adapter.pyfunc.metadata, "get_serving_input", return_value=None)
    assert failed(ReplayVerifier(), adapter) == {
        "SERVING_EXAMPLE": "the model has no serving_input_example.json"
    }
