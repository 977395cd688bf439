from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from modelpact._internal.files import write_atomically
from modelpact.cli.sweeps import JobResult, SweepRecord, find_best, read_results
from modelpact.cli.sweeps.results import result_table, to_csv, varying_keys
from modelpact.types import Receipt


def receipt(status: Any = "ok", **facts: Any) -> Receipt:
    return Receipt(
        **{"status": status, "name": "sums", "seconds": {"fit": 0.25, "save": 0.5}, **facts}
    )


def ok(number: int, score: float | None = None, **choices: str) -> JobResult:
    metrics = {} if score is None else {"r2": score}
    return JobResult(
        number,
        choices or {"alpha": str(number)},
        "ok",
        receipt(version=str(number + 1), metrics=metrics),
    )


def failed(number: int, error: str = "FitError: broken", **choices: str) -> JobResult:
    return JobResult(
        number,
        choices or {"alpha": str(number)},
        "failed",
        receipt("failed", stage="fit", error=error),
    )


def missing(number: int) -> JobResult:
    return JobResult(number, {"alpha": str(number)}, "missing")


class TestReadResults:
    record = SweepRecord(
        base={}, jobs=[["alpha=1", "seed=0"], ["alpha=2", "seed=0"], ["+alpha=3", "~seed"]]
    )

    def write(self, folder: Path, **facts: Any) -> None:
        write_atomically(folder / "receipt.json", receipt(**facts).to_json())

    def test_jobs_are_identified_by_the_number_in_their_receipt(self, tmp_path: Path) -> None:
        self.write(tmp_path / "alpha=2" / "deep", job=1)
        self.write(tmp_path / "0", job=0, status="failed", stage="fit", error="FitError: broken")
        found = read_results(self.record, tmp_path)
        assert [(result.number, result.status, result.folder) for result in found] == [
            (0, "failed", tmp_path / "0"),
            (1, "ok", tmp_path / "alpha=2" / "deep"),
            (2, "missing", None),
        ]
        assert [result.choices for result in found] == [
            {"alpha": "1", "seed": "0"},
            {"alpha": "2", "seed": "0"},
            {"alpha": "3", "seed": ""},
        ]

    def test_foreign_and_incomplete_files_are_ignored(self, tmp_path: Path) -> None:
        for name, text in {"a": "{", "b": "[]", "c": '{"status": "fine"}', "d": "\udcff"}.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "receipt.json").write_bytes(text.encode(errors="surrogateescape"))
        self.write(tmp_path / "e")  # of a run of its own
        self.write(tmp_path / "f", job=17)
        assert {result.status for result in read_results(self.record, tmp_path)} == {"missing"}

    def test_a_folder_that_does_not_exist_has_no_results(self, tmp_path: Path) -> None:
        assert [result.status for result in read_results(self.record, tmp_path / "none")] == [
            "missing"
        ] * 3

    def test_escapes_of_hydra_are_removed(self, tmp_path: Path) -> None:
        record = SweepRecord(
            base={}, jobs=[[r"uri=http\://host\:5000/a\,b", r"text='a\:b'", r"path=a\\b"]]
        )
        assert read_results(record, tmp_path)[0].choices == {
            "uri": "http://host:5000/a,b",
            "text": r"'a\:b'",
            "path": r"a\b",
        }


class TestFindBest:
    def test_returns_the_first_job_with_the_highest_metric(self) -> None:
        results = [ok(0, 0.1), ok(1, 0.7), ok(2, 0.7), failed(3), missing(4)]
        assert find_best(results) is results[1]

    def test_accepts_negative_scores_and_zero(self) -> None:
        results = [ok(0, -5.0), ok(1, -0.5), ok(2, -50.0)]
        assert find_best(results) is results[1]
        assert find_best([ok(0, -1.0), ok(1, 0.0)]).number == 1  # type: ignore[union-attr]

    def test_ignores_nan_scores(self) -> None:
        results = [ok(0, math.nan), ok(1), ok(2, -3.0), ok(3, math.nan)]
        assert find_best(results) is results[2]
        assert find_best([ok(0, math.nan), ok(1)]) is None
        assert find_best([failed(0), missing(1)]) is None
        assert find_best([]) is None

    def test_returns_the_lowest_metric_if_the_sweep_minimizes(self) -> None:
        results = [
            JobResult(n, {}, "ok", receipt(metrics={"loss": loss}), minimize=True)
            for n, loss in enumerate([3.0, 1.0, 2.0])
        ]
        assert find_best(results) is results[1]


def columns(results: list[JobResult]) -> dict[str, list[str]]:
    names, rows = result_table(results)
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


class TestColumns:
    def test_show_keys_that_differ(self) -> None:
        results = [
            ok(0, 0.5, alpha="1", name="same"),
            failed(1, alpha="2", name="same"),
            missing(2),
        ]
        assert columns(results[:2]) == {
            "job": ["0", "1"],
            "alpha": ["1", "2"],
            "status": ["ok", "failed: fit"],
            "version": ["1", ""],
            "r2": ["0.5", ""],
            "seconds": ["0.75", "0.75"],
        }
        assert columns(results)["status"] == ["ok", "failed: fit", "missing"]
        assert columns(results)["seconds"] == ["0.75", "0.75", ""]

    def test_a_key_missing_in_some_jobs_differs(self) -> None:
        assert varying_keys([ok(0, a="1", b="2"), ok(1, a="1")]) == ["b"]

    def test_one_job_shows_all_keys(self) -> None:
        assert varying_keys([ok(0, a="1", b="2")]) == ["a", "b"]

    def test_a_reused_version_has_the_status_reused(self) -> None:
        reused = JobResult(0, {}, "ok", receipt(version="3", reused=True))
        assert columns([reused])["status"] == ["reused"]


class TestCsv:
    awkward = 'FitError: "quoted", with a comma\nand a second line; naïve ≠ ascii'

    @pytest.fixture
    def text(self, tmp_path: Path) -> str:
        nan = JobResult(
            2,
            {"alpha": "a,b"},
            "ok",
            receipt(metrics={"r2": math.nan, "mae": 1 / 3}),
            tmp_path / "2",
        )
        return to_csv([ok(0, 0.1 + 0.2), failed(1, self.awkward), nan, missing(3)])

    def test_is_read_by_the_csv_module(self, text: str) -> None:
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["status"] for row in rows] == ["ok", "failed: fit", "ok", "missing"]
        assert float(rows[0]["r2"]) == 0.1 + 0.2  # in full
        assert (rows[1]["stage"], rows[1]["error"]) == ("fit", self.awkward)
        assert (rows[2]["alpha"], rows[2]["folder"]) == ("a,b", "2")

    def test_is_read_by_pandas(self, text: str) -> None:
        frame = pd.read_csv(io.StringIO(text))
        assert frame["mae"].tolist()[2] == 1 / 3
        assert frame["r2"].isna().tolist() == [False, True, True, True]
        assert frame["error"].dropna().tolist() == [self.awkward]

    def test_column_names_are_unique(self) -> None:
        header = next(
            csv.reader(
                io.StringIO(
                    to_csv([ok(0, 0.5, name="a", model="b", seed="0"), ok(1, 0.4, name="b")])
                )
            )
        )
        assert len(header) == len(set(header))

    def test_receipts_keep_non_finite_scores(self, tmp_path: Path) -> None:
        failed = receipt(metrics={"r2": math.nan, "mae": math.inf}, job=0)
        write_atomically(tmp_path / "receipt.json", failed.to_json())
        assert json.loads((tmp_path / "receipt.json").read_text())["metrics"] == {
            "r2": "NaN",
            "mae": "Infinity",
        }
        (read,) = read_results(SweepRecord(base={}, jobs=[[]]), tmp_path)
        assert read.receipt is not None
        assert math.isnan(read.receipt.metrics["r2"])
        assert read.receipt.metrics["mae"] == math.inf
