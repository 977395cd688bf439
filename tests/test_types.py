from __future__ import annotations

import json
import os
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelpact.types import Check, Outputs, Receipt, Sample, Verdict

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
def test_values_do_not_change(value: Any, field: str) -> None:
    with pytest.raises((FrozenInstanceError, ValidationError)):
        setattr(value, field, None)


def test_an_answered_sample_is_a_new_one() -> None:
    sample = Sample([1], [2], {"t": 1}, holdout=Sample([3]))
    answered = sample.answered([4])
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
def test_a_verdict_is_good_when_every_check_held_and_keeps_the_order(
    checks: Any, ok: bool, failed: Any
) -> None:
    assert Verdict(checks).ok is ok
    assert Verdict(checks).failed == failed


def test_a_receipt_survives_a_file_and_is_alone_there() -> None:
    receipt = Receipt(
        status="failed",
        stage="sign",
        error="SignError: ä",
        name="iris",
        checks=[GOOD, BAD],
        metrics={"r2": 0.5},
        seconds={"fit": 1.5},
    )
    receipt.write(Path("out/receipt.json"))
    assert (
        Receipt.model_validate_json(Path("out/receipt.json").read_text(encoding="utf-8")) == receipt
    )
    assert os.listdir("out") == ["receipt.json"]
    assert Path("out/receipt.json").read_text(encoding="utf-8").endswith("}\n")


def test_a_receipt_has_the_fields_that_programs_read() -> None:
    Receipt(status="ok", name="iris").write(Path("receipt.json"))
    assert set(json.loads(Path("receipt.json").read_text())) == {
        "status", "stage", "error", "name", "version", "model_uri", "run_id", "signature", "signature_digest", "steps", "checks",
        "metrics", "seconds", "job_key", "reused", "job", "compatibility", "formats",
        "leaks_allowed",
    }  # fmt: skip


@pytest.mark.parametrize(("value", "text"), [(float("nan"), "NaN"), (float("-inf"), "-Infinity")])
def test_a_score_that_is_no_number_is_written_as_a_text_that_any_language_reads(
    value: float, text: str
) -> None:
    receipt = Receipt(status="ok", name="iris", metrics={"r2": value})
    receipt.write(Path("receipt.json"))

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert json.loads(Path("receipt.json").read_text(), parse_constant=refuse)["metrics"] == {
        "r2": text
    }


@pytest.mark.parametrize(
    "fields", [{"status": "done", "name": "n"}, {"status": "ok"}, {"status": "ok", "name": 1}]
)
def test_a_receipt_of_no_status_or_name_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Receipt(**fields)


def test_a_receipt_with_a_score_that_is_no_number_is_read_back() -> None:
    receipt = Receipt(status="ok", name="sums", metrics={"r2": float("nan"), "loss": float("-inf")})
    again = Receipt.model_validate_json(receipt.model_dump_json())
    assert again.metrics["loss"] == float("-inf")
    assert again.metrics["r2"] != again.metrics["r2"]
