from __future__ import annotations

import math
from pathlib import Path

import pytest

from modelpact.cli.sweeps import SweepRecord
from modelpact.cli.sweeps.record import FILE, list_differences
from modelpact.errors import SweepError

RECORD = SweepRecord(
    parent="abc", calls=2, base={"seed": 0, "name": None}, jobs=[["seed=1"], ["seed=2"]]
)


def test_a_record_is_written_and_read_back(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    assert SweepRecord.read(tmp_path) == RECORD


@pytest.mark.parametrize("place", ["none", "file/none"])
def test_a_missing_file_has_no_record(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert SweepRecord.read(tmp_path / place) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ('{"base": {}}', "Field required"),
        ('{"base": {}, "jobs": [], "more": 1}', "Extra inputs"),
        ('{"base": {}, "jobs": [[1]]}', "valid string"),
    ],
)
def test_a_foreign_file_is_rejected_with_its_path(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SweepError, match="is not the record of a sweep") as caught:
        SweepRecord.read(tmp_path)
    assert str(tmp_path / FILE) in str(caught.value)
    assert reason in str(caught.value)


def test_a_record_of_another_protocol_is_rejected(tmp_path: Path) -> None:
    RECORD.model_copy(update={"protocol": 99}).write(tmp_path)
    with pytest.raises(SweepError, match="has protocol 99; this release reads 1"):
        SweepRecord.read(tmp_path)


def test_jobs_are_found_by_their_overrides() -> None:
    assert RECORD.find_number(["seed=2"]) == 1
    assert RECORD.find_number(["seed=3"]) is None
    assert RECORD.find_number([]) is None


def test_jobs_with_equal_overrides_are_found_by_their_folder() -> None:
    twice = RECORD.model_copy(update={"jobs": [["seed=1"], ["seed=1"]]})
    assert [
        twice.find_number(["seed=1"], folder_name=place) for place in ("0", "1", "2", "alpha=1")
    ] == [
        0,
        1,
        0,
        0,
    ]
    assert RECORD.find_number(["seed=2"], folder_name="0") == 1  # a folder of a user's own naming


def test_differences_name_the_key_and_both_values() -> None:
    before = {"model": {"alpha": 1.0, "old": 1}, "same": [1], "kind": {"a": 1}}
    now = {"model": {"alpha": 2.0, "new": 2}, "same": [1], "kind": 3}
    assert list_differences(before, now) == [
        "model.alpha: was 1.0, is 2.0",
        "model.old: was 1, is missing",
        "model.new: is new (2)",
        "kind: was {'a': 1}, is 3",
    ]
    assert list_differences(before, before) == []


def test_values_without_json_form_are_compared_as_written(tmp_path: Path) -> None:
    record = SweepRecord(base={"limit": math.inf, "codes": {1: "a"}}, jobs=[])
    record.write(tmp_path)
    read = SweepRecord.read(tmp_path)
    assert read is not None
    assert list_differences(read.base, record.normalize().base) == []
