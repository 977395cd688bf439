from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from modelpact.registry.compatibility_report import (
    AppliedWaiver,
    CompatibilityReport,
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
