from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from modelpact.errors import ConfigError
from modelpact.registry.compatibility_report import (
    AppliedWaiver,
    CompatibilityReport,
    Waiver,
    format_ranges,
)
from modelpact.registry.names import MAX_TAG_LENGTH
from modelpact.signature import Change

CHANGE = Change(
    "INPUT_TYPE_NARROWED", "input", "inputs.age", "long", "integer", frozenset({"backward"})
)


def test_the_length_of_the_tag_is_limited() -> None:
    waived = tuple(AppliedWaiver(CHANGE, (number,), "r" * 500) for number in range(40))
    report = CompatibilityReport("backward", against=(1,), waived=waived)
    text = report.to_tag()
    facts = json.loads(text)
    assert MAX_TAG_LENGTH - 800 < len(text) <= MAX_TAG_LENGTH
    assert len(facts["waived"]) + facts["left_out"] == 40
    assert len(report.to_dict()["waived"]) == 40


def test_long_lists_of_versions_are_counted_in_the_tag() -> None:
    text = CompatibilityReport("backward_transitive", against=tuple(range(1, 4001, 2))).to_tag()
    assert json.loads(text)["against"] == "2000 versions, the last of them 3999"


@pytest.mark.parametrize(("last", "listed"), [(99_999, True), (100_001, False)])
def test_the_length_of_the_list_of_versions_is_limited(last: int, listed: bool) -> None:
    numbers = (*range(10_001, 10_571, 2), last)
    text = ", ".join(map(str, numbers))
    assert len(text) == (2000 if listed else 2001)
    tag = CompatibilityReport("backward_transitive", against=numbers).to_tag()
    shown = text if listed else f"286 versions, the last of them {last}"
    assert json.loads(tag)["against"] == shown


@pytest.mark.parametrize("extra", [0, 1])
def test_waivers_are_kept_up_to_the_length_of_a_tag(extra: int) -> None:
    def to_tag(length: int) -> str:
        change = dataclasses.replace(CHANGE, old="x" * length)
        waived = (AppliedWaiver(CHANGE, (1,), "r"), AppliedWaiver(change, (2, 3), "s"))
        return CompatibilityReport("backward", against=(1, 2, 3), waived=waived).to_tag()

    text = to_tag(MAX_TAG_LENGTH - len(to_tag(0)) + extra)
    facts = json.loads(text)
    assert len(text) <= MAX_TAG_LENGTH
    assert [waiver["versions"] for waiver in facts["waived"]] == ["1", "2-3"][: 2 - extra]
    assert facts.get("left_out") == (1 if extra else None)
    assert (facts["mode"], facts["policy"], facts["extra"]) == ("backward", "lossless", "ignore")


def test_the_reason_of_a_waiver_has_at_most_500_characters() -> None:
    Waiver(rule="INPUT_REMOVED", path="inputs.a", reason="x" * 500).check()
    with pytest.raises(ValidationError, match="500"):
        Waiver(rule="INPUT_REMOVED", path="inputs.a", reason="x" * 501)


@pytest.mark.parametrize(
    ("rule", "path", "reason", "message"),
    [
        (
            "INPUT_REMOVE",
            "inputs.a",
            "r",
            "register.waivers: unknown rule 'INPUT_REMOVE' (did you mean 'INPUT_REMOVED'?)\n"
            "The error that you want to waive names the rule; docs/comparing.md lists all rules.",
        ),
        (
            "INPUT_REMOVED",
            "outputs.a",
            "r",
            "register.waivers: INPUT_REMOVED does not apply to the path 'outputs.a'\n"
            "Its paths start with inputs, for example inputs.age; "
            "the error that you want to waive names the path.",
        ),
        (
            "TENSOR_SHAPE_NARROWED",
            "params.a",
            "r",
            "register.waivers: TENSOR_SHAPE_NARROWED does not apply to the path 'params.a'\n"
            "Its paths start with inputs or outputs, for example inputs.age; "
            "the error that you want to waive names the path.",
        ),
        (
            "PARAM_REMOVED",
            "params.a",
            " - ",
            "register.waivers: PARAM_REMOVED at params.a has no reason\n"
            "Explain why no caller is affected; the version records the reason.",
        ),
    ],
)
def test_waivers_that_never_apply(rule: str, path: str, reason: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Waiver(rule=rule, path=path, reason=reason).check()
    assert str(raised.value) == message


@pytest.mark.parametrize("path", ["inputs", "inputs.a", "inputs[0]", "outputs.a"])
def test_paths_of_tensors(path: str) -> None:
    Waiver(rule="TENSOR_SHAPE_NARROWED", path=path, reason="r").check()


def test_a_long_change_is_left_out_of_the_tag() -> None:
    long = Change("INPUT_KIND_CHANGED", "input", "inputs", "x" * 9000, "y", frozenset({"backward"}))
    facts = json.loads(
        CompatibilityReport(
            "backward", against=(1,), waived=(AppliedWaiver(long, (1,), "r"),)
        ).to_tag()
    )
    assert (facts["waived"], facts["left_out"]) == ([], 1)


def test_two_comparisons_are_merged() -> None:
    first = CompatibilityReport("backward", against=(1,), passed={"A": 1, "B": 2})
    later = CompatibilityReport(
        "backward",
        against=(2,),
        passed={"B": 1, "C": 1},
        waived=(AppliedWaiver(CHANGE, (2,), "r"),),
    )
    both = first.merge(later)
    assert (both.against, both.passed, both.waived) == (
        (1, 2),
        {"A": 1, "B": 2, "C": 1},
        later.waived,
    )


@given(st.sets(st.integers(1, 60)))
def test_ranges_contain_exactly_the_numbers(numbers: set[int]) -> None:
    found: set[int] = set()
    for part in filter(None, format_ranges(numbers).split(", ")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    assert found == numbers
