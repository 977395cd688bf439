"""All four clients get the same verdict and prediction; differences are found, and explained only by rules."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature

from modelpact.errors import VerifyError
from modelpact.loaders import Adapter
from modelpact.serving import Parity, ParityVerifier, compare
from modelpact.serving.clients import CLIENTS, Payload
from modelpact.serving.comparison import cells_equal, iter_cells
from modelpact.serving.http_errors import HttpError
from modelpact.serving.parity import generate_payloads
from modelpact.serving.parity_rules import RULES
from modelpact.signature import parse
from modelpact.types import Sample
from tests.support.echo_model import Echo, echo_adapter
from tests.support.fake_chat_server import Behaviour, ChatServer, answer, echo
from tests.support.many_cases import sample_params


class Once(Echo):
    """Returns a different prediction each time."""

    calls = 0

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        self.calls += 1
        return {"calls": self.calls}


class Constant(Echo):
    """Always returns the same value."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        return self.value


class Failing(Echo):
    def predict(self, inputs: Any, params: dict[str, Any] | None = None) -> Any:
        raise RuntimeError("no good")


def compare_echo(signature: Any, model: Any = None, n: int = 12) -> Parity:
    adapter = echo_adapter(
        signature if isinstance(signature, ModelSignature) else parse(signature), model
    )
    return compare(adapter, generate_payloads(adapter, n))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """MLflow warns about most of this."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", sample_params(["table", "tensor", "nested", "hinted"], every=3))
@pytest.mark.slow
def test_saved_models(request: pytest.FixtureRequest, kind: str) -> None:
    model: Adapter = request.getfixturevalue(kind)
    parity = compare(model, generate_payloads(model, 30))
    assert parity.unexplained == []
    assert parity.results[0].kind == "example"
    assert all(parity.count_verdicts(client)["accepted"] >= 20 for client in CLIENTS)
    assert set(parity.explained) <= {"MLFLOW_RULES", "TYPE_HINTS"}


@pytest.mark.slow
def test_a_chat_model(make_chat_adapter: Callable[..., Adapter]) -> None:
    with ChatServer(echo()) as server:
        model = make_chat_adapter(server)
        parity = compare(model, generate_payloads(model, 10))
    assert parity.unexplained == []
    assert parity.count_verdicts("predict")["accepted"] >= 2


def test_a_different_prediction_is_a_difference() -> None:
    parity = compare_echo({"inputs": {"a": "double"}}, Once())
    assert {(each.client, each.path, each.rule) for each in parity.differences} >= {
        (client, ".calls", "") for client in CLIENTS[1:]
    }
    assert parity.unexplained == [each for each in parity.differences if each.path]


def test_a_different_model_behind_mlflow_is_a_difference() -> None:
    signature = parse({"inputs": {"a": "double"}})
    other = echo_adapter(signature, Constant({"inputs": {}, "params": {}})).pyfunc
    parity = compare(
        echo_adapter(signature), [Payload("generated", pd.DataFrame({"a": [1.0]}), None)], other
    )
    assert [
        (each.client, each.path, each.other) for each in parity.unexplained if "inputs" in each.path
    ] == [
        ("pyfunc", ".inputs.[0].a", "missing"),
        ("pyfunc", ".inputs", "'{}'"),
    ]


def test_a_rejection_only_over_http_is_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from modelpact.serving import app

    def refuse(*given: Any) -> Any:
        raise HttpError(422, "INPUTS_BREAK_CONTRACT", "no")

    monkeypatch.setattr(app, "parse_predict", refuse)
    parity = compare_echo({"inputs": {"a": "double"}}, n=2)
    (difference,) = parity.unexplained
    assert (difference.client, difference.path, difference.other) == (
        "predict",
        "",
        "rejected (422 INPUTS_BREAK_CONTRACT)",
    )


class TestRules:
    def test_mlflow_rules(self) -> None:
        parity = compare_echo({"inputs": {"a": "double"}})
        assert set(parity.explained) == {
            "MLFLOW_RULES"
        }  # it leaves out a param that it does not know
        assert {parity.results[each.payload].kind for each in parity.differences} == {
            "UNKNOWN_PARAM"
        }

    def test_mlflow_conversions(self) -> None:
        moments = np.array(["2024-05-06", "2024-05-07"], dtype="M8[ns]")
        frame = pd.DataFrame({"t": [list(moments)], "v": [[1.0]]})
        signature = parse({"inputs": {"t": ["datetime"], "v": {"type": "sparkml_vector"}}})
        parity = compare(echo_adapter(signature), [Payload("generated", frame, None)])
        # Next to such a vector, MLflow before 3.18 converts datetimes to numbers.
        assert parity.explained in ({"MLFLOW_CONVERSIONS": 2}, {})
        assert not parity.unexplained
        assert parity.unexplained == []

    def test_nan_is_null(self) -> None:
        answer = np.array([np.nan, np.inf, 1.0])
        parity = compare_echo(
            {"inputs": {"a": "double"}, "outputs": "float64[-1]"}, Constant(answer), n=1
        )
        assert parity.explained == {"NAN_IS_NULL": 4}
        assert {each.client for each in parity.differences} == {"predict", "invocations"}
        assert parity.unexplained == []

    def test_outputs_are_unchecked_by_mlflow(self) -> None:
        parity = compare_echo(
            {"inputs": {"a": "double"}, "outputs": ["long"]}, Constant(["text"]), n=1
        )
        assert parity.explained == {"OUTPUTS_UNCHECKED": 1}
        assert parity.count_verdicts("python") == parity.count_verdicts("predict") == {"failed": 1}

    def test_a_nondeterministic_model_is_reported(
        self, make_chat_adapter: Callable[..., Adapter]
    ) -> None:
        answers = iter(range(1000))
        counts = Behaviour("counts", lambda request: answer(str(next(answers))).reply(request))
        with ChatServer(counts) as server:
            model = make_chat_adapter(server)
            parity = compare(model, generate_payloads(model, 1))
        assert set(parity.explained) == {"NOT_DETERMINISTIC"}
        assert parity.unexplained == []

    def test_rules_do_not_explain_everything(self) -> None:
        """A verdict that differs from MLflow's policy, too, is not explained."""
        signature = parse({"inputs": {"a": "double"}})
        parity = compare(
            echo_adapter(signature),
            [Payload("generated", pd.DataFrame({"a": [1.0]}), None)],
            echo_adapter(signature, Failing()).pyfunc,
        )
        assert [each.other for each in parity.unexplained] == ["failed (RuntimeError)"]


def test_payloads_without_a_json_form_are_sent_in_python_only() -> None:
    parity = compare_echo({"inputs": {"b": "complex64[-1]"}}, n=6)
    assert parity.count_verdicts("predict")["not sent"] >= 3
    assert all(each.envelope == "" for each in parity.results if "predict" not in each.verdicts)
    assert parity.unexplained == []


def test_a_model_that_fails_fails_everywhere() -> None:
    parity = compare_echo({"inputs": {"a": "double"}}, Failing(), n=5)
    assert [parity.count_verdicts(client)["failed"] for client in CLIENTS] == [
        3,
        4,
        3,
        3,
    ]  # MLflow passes unknown params to the model
    assert parity.unexplained == []


def test_the_data_of_the_caller_is_not_changed() -> None:
    moment = pd.Timestamp("2024-05-06")
    frame = pd.DataFrame({"o": [{"t": moment}]})
    compare(
        echo_adapter(parse({"inputs": {"o": {"t": "datetime"}}})),
        [Payload("generated", frame, None)],
    )
    assert frame["o"][0]["t"] is moment


def test_payloads_depend_only_on_the_seed(table: Adapter) -> None:
    one, two, other = (compare(table, generate_payloads(table, 12, seed)) for seed in (3, 3, 4))
    assert one.to_json() == two.to_json()
    assert [each.kind for each in one.results][:5] == [
        "example",
        "sampled",
        "sampled",
        "sampled",
        "generated",
    ]
    assert len(other.results) == 12


def test_the_report_is_complete() -> None:
    report = json.loads(compare_echo({"inputs": {"a": "double"}}).to_json())
    assert report["payloads"] == len(report["results"]) == 12
    assert report["unexplained"] == 0
    assert report["explained"]["MLFLOW_RULES"]["why"] == RULES["MLFLOW_RULES"]
    assert report["clients"]["predict"] == {"accepted": 6, "rejected": 6}


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, False),
        (0.0, -0.0, False),
        (True, 1, False),
        ("1", 1, False),
        (None, None, True),
    ],
)
def test_equal_cells(left: Any, right: Any, equal: bool) -> None:
    assert cells_equal(left, right) is cells_equal(right, left) is equal


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (np.array([[1, 2]], dtype="int8"), [("[0][0]", 1), ("[0][1]", 2)]),
        (pd.Series([1.5], name="x"), [("[0]", 1.5)]),
        (pd.DataFrame({"o": [{"a": [np.float32(0.5)]}]}), [("[0].o.a[0]", 0.5)]),
        ([], [("", "[]")]),
        ({"a": {}}, [(".a", "{}")]),
        (pd.DataFrame({"t": pd.to_datetime(["2024-05-06"])}), [("[0].t", "2024-05-06T00:00:00")]),
        (np.float64(2), [("", 2.0)]),
        ("text", [("", "text")]),
    ],
)
def test_cells(answer: Any, expected: Any) -> None:
    assert list(iter_cells(answer)) == expected


class TestVerifier:
    def sample(self, model: Adapter) -> Sample:
        inputs = model.pyfunc.metadata.load_input_example(str(model.folder))
        return Sample(inputs, outputs=model.predict(inputs).prediction)

    def test_a_correct_model_passes(self, table: Adapter) -> None:
        verdict = ParityVerifier(payloads=10).verify(table, self.sample(table), table.signature)
        check = verdict.checks[-1]
        assert (check.code, check.ok) == ("PARITY", True)
        assert check.detail.startswith("10 payloads, same verdicts and predictions")

    def test_a_different_prediction_over_http_fails(
        self, table: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from modelpact.serving import app

        monkeypatch.setattr(
            app,
            "to_json",
            lambda value: [0.0] * len(value) if isinstance(value, np.ndarray) else value,
        )
        with pytest.raises(
            VerifyError, match=r"PARITY: .* differences: payload 0 .example., predict"
        ):
            ParityVerifier(payloads=4).verify(table, self.sample(table), table.signature)
