from __future__ import annotations

import json
import os
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelpact._internal.files import write_atomically
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
        "leak_allowlist", "dry_run", "tracking_uri", "experiment",
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
