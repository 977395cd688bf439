from __future__ import annotations

import json
import logging
import os
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pytest
from omegaconf import OmegaConf
from pydantic import Field, PrivateAttr, TypeAdapter, ValidationError
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from modelpact._internal.files import write_atomically
from modelpact.errors import DataError
from modelpact.types import Check, Outputs, Receipt, Sample, Step, Verdict, caller_reports_errors

GOOD, BAD, WORSE = (
    Check(code="A", ok=True),
    Check(code="B", ok=False, detail="no"),
    Check(code="C", ok=False),
)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Sample([1]), "inputs"),
        (Outputs([1]), "prediction"),
        (Verdict(), "checks"),
        (GOOD, "ok"),
        (Receipt(status="ok", name="n"), "version"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_frozen(value: Any, field: str) -> None:
    with pytest.raises((FrozenInstanceError, ValidationError)):
        setattr(value, field, None)


def test_with_outputs_returns_a_new_sample() -> None:
    sample = Sample([1], [2], {"t": 1}, holdout=Sample([3]))
    answered = sample.with_outputs([4])
    assert sample.outputs is None
    assert (answered.outputs, answered.inputs, answered.targets, answered.params) == (
        [4],
        [1],
        [2],
        {"t": 1},
    )
    assert answered.holdout is sample.holdout


def test_outputs_do_not_share_metadata() -> None:
    Outputs(1).metadata["a"] = 1
    assert Outputs(1).metadata == {}


@pytest.mark.parametrize(
    ("checks", "ok", "failed"),
    [
        ((), True, ()),
        ((GOOD,), True, ()),
        ((GOOD, BAD, WORSE), False, (BAD, WORSE)),
        ((WORSE, BAD), False, (WORSE, BAD)),
    ],
)
def test_a_verdict_is_ok_if_all_checks_pass_and_lists_the_failed_ones(
    checks: Any, ok: bool, failed: Any
) -> None:
    assert Verdict(checks).ok is ok
    assert Verdict(checks).failed == failed


def test_a_receipt_is_written_and_read_back() -> None:
    receipt = Receipt(
        status="failed",
        stage="sign",
        error="SignError: ä",
        name="iris",
        checks=[GOOD, BAD],
        metrics={"r2": 0.5},
        seconds={"fit": 1.5},
    )
    write_atomically(Path("out/receipt.json"), receipt.to_json())
    assert (
        Receipt.model_validate_json(Path("out/receipt.json").read_text(encoding="utf-8")) == receipt
    )
    assert os.listdir("out") == ["receipt.json"]
    assert Path("out/receipt.json").read_text(encoding="utf-8").endswith("}\n")


def test_a_receipt_has_the_fields_that_programs_read() -> None:
    Path("receipt.json").write_text(Receipt(status="ok", name="iris").to_json())
    assert set(json.loads(Path("receipt.json").read_text())) == {
        "status", "stage", "error", "name", "version", "model_uri", "run_id", "signature", "signature_digest", "steps", "checks",
        "metrics", "seconds", "job_key", "reused", "job", "compatibility", "formats",
        "leak_allowlist",
    }  # fmt: skip


@pytest.mark.parametrize(("value", "text"), [(float("nan"), "NaN"), (float("-inf"), "-Infinity")])
def test_non_finite_scores_are_written_as_strings(value: float, text: str) -> None:
    receipt = Receipt(status="ok", name="iris", metrics={"r2": value})
    Path("receipt.json").write_text(receipt.to_json())

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(Path("receipt.json").read_text(), parse_constant=refuse)["metrics"] == {
        "r2": text
    }


@pytest.mark.parametrize(
    "fields", [{"status": "done", "name": "n"}, {"status": "ok"}, {"status": "ok", "name": 1}]
)
def test_receipts_without_a_valid_status_and_name_are_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Receipt(**fields)


def test_non_finite_scores_are_read_back() -> None:
    receipt = Receipt(status="ok", name="sums", metrics={"r2": float("nan"), "loss": float("-inf")})
    again = Receipt.model_validate_json(receipt.model_dump_json())
    assert again.metrics["loss"] == float("-inf")
    assert again.metrics["r2"] != again.metrics["r2"]


class Greeter(Step):
    """Greets."""

    excluded_from_key: ClassVar[frozenset[str]] = frozenset({"path"})

    word: str = "hello"
    times: int = 1
    path: str = "here"
    thing: Any = None
    _learned: Any = PrivateAttr(default=None)


class LoudGreeter(Greeter):
    """Greets louder."""


def double(value: Any) -> Any:
    return value * 2


@pytest.mark.parametrize(
    "options", [{"word": 1}, {"times": "1"}, {"times": 1.5}, {"times": True}, {"wrod": "hi"}]
)
def test_wrong_types_and_unknown_options_are_rejected_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Greeter(**options)
    assert caught.value.errors()[0]["loc"] == tuple(options)


def test_steps_are_frozen_except_for_private_attributes() -> None:
    greeter = Greeter()
    with pytest.raises(ValidationError, match="frozen"):
        greeter.word = "bye"  # type: ignore[misc]
    greeter._learned = 1
    assert greeter._learned == 1


def test_kind_is_the_name_of_the_class() -> None:
    assert (Greeter().KIND, LoudGreeter().KIND) == ("Greeter", "LoudGreeter")
    with pytest.raises(ValidationError, match="LoudGreeter"):
        LoudGreeter(KIND="Greeter")


def test_unions_of_steps_are_discriminated_by_kind() -> None:
    greeters = TypeAdapter(Annotated[Greeter | LoudGreeter, Field(discriminator="KIND")])
    assert greeters.validate_python({"KIND": "LoudGreeter", "word": "HI"}) == LoudGreeter(word="HI")
    assert greeters.validate_json(Greeter(word="hi").model_dump_json()) == Greeter(word="hi")


def test_omegaconf_containers_become_plain_ones() -> None:
    config = OmegaConf.create({"base": "a", "thing": {"paths": ["${base}", {"deep": ["b"]}]}})
    step = Greeter(thing=config.thing)
    assert step.thing == {"paths": ["a", {"deep": ["b"]}]}
    assert type(step.thing["paths"][1]["deep"]) is list


class BrokenReader(Step):
    """Cannot read."""

    def read(self) -> None:
        """Raise."""
        raise DataError("nothing to read", remedy="Write something.")


def test_errors_are_logged_unless_the_caller_reports_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(DataError):
        BrokenReader().read()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "BrokenReader.read: nothing to read\nWrite something." in caplog.text
    caplog.clear()
    with pytest.raises(DataError), caller_reports_errors():
        BrokenReader().read()
    assert not caplog.records


def test_identity_excludes_paths() -> None:
    assert Greeter(path="a").identity() == Greeter(path="b").identity()
    assert Greeter().identity() == {
        "class": "tests.test_types.Greeter",
        "options": {"word": "hello", "times": 1, "thing": None},
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Greeter(word="a"), Greeter(word="b")),
        (Greeter(), LoudGreeter()),
        (Greeter(thing=Greeter(word="a")), Greeter(thing=Greeter(word="b"))),
        (Greeter(thing=[Ridge(alpha=1.0)]), Greeter(thing=[Ridge(alpha=2.0)])),
        (Greeter(thing={"a": 1}), Greeter(thing={"a": "1"})),
        (Greeter(thing=np.zeros(5000)), Greeter(thing=np.r_[np.zeros(2500), 1, np.zeros(2499)])),
        (
            Greeter(thing=make_pipeline(Ridge(alpha=1.0))),
            Greeter(thing=make_pipeline(Ridge(alpha=2.0))),
        ),
        (
            Greeter(thing=VotingRegressor([("a", Ridge(alpha=1.0))])),
            Greeter(thing=VotingRegressor([("a", Ridge(alpha=2.0))])),
        ),
        (Greeter(thing=FunctionTransformer(np.log1p)), Greeter(thing=FunctionTransformer(np.exp))),
        (
            Greeter(thing=FunctionTransformer(double)),
            Greeter(thing=FunctionTransformer(json.dumps)),
        ),
        (Greeter(thing=Ridge), Greeter(thing=VotingRegressor)),
        (Greeter(thing={1, 2}), Greeter(thing={1, 3})),
    ],
)
def test_identity_depends_on_the_class_and_every_option(one: Step, other: Step) -> None:
    assert one.identity() != other.identity()


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"b", "a", "c"},
        lambda: {"deep": [Ridge(alpha=np.float64(2.0)), (1, 2.5, None, True)]},
        lambda: FunctionTransformer(double),
        lambda: np.arange(3),
        lambda: np.int64(3),
        lambda: Ridge,
        lambda: double,
        lambda: Path("a"),
        lambda: Greeter(thing=Greeter()),
    ],
)
def test_identity_is_stable_json_without_memory_addresses(make: Any) -> None:
    text = json.dumps(Greeter(thing=make()).identity(), sort_keys=True)
    assert text == json.dumps(Greeter(thing=make()).identity(), sort_keys=True)
    assert " at 0x" not in text


def test_lambdas_have_different_identities() -> None:
    one, other = (Greeter(thing=lambda value, n=n: value + n) for n in (1, 2))
    assert one.identity() != other.identity()
