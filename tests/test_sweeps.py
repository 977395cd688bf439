from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Commands, modelpact
from publishing import runs, saved_statuses, versions

__all__ = ["modelpact"]  # the fixture

QUICK = ("saver.pip_requirements=[scikit-learn]",)


def receipts() -> list[dict[str, Any]]:
    """The receipts of the only sweep in this folder, by job number."""
    paths = sorted(Path().glob("multirun/*/*/*/receipt.json"), key=lambda path: int(path.parent.name))
    return [json.loads(path.read_text()) for path in paths]


def test_six_combinations_are_six_versions(modelpact: Commands) -> None:
    ended = modelpact("-m", "signer=infer,explicit,example", "saver=custom,builtin", *QUICK)
    assert ended.status == 0, ended.err
    assert [(one["steps"]["signer"], one["steps"]["saver"]) for one in receipts()] == [
        (signer, saver)
        for signer in ("InferSigner", "ExplicitSigner", "ExampleSigner")
        for saver in ("CustomSaver", "BuiltinSaver")
    ]
    assert versions("diabetes") == [1, 2, 3, 4, 5, 6]
    assert sorted(one["version"] for one in receipts()) == ["1", "2", "3", "4", "5", "6"]
    assert len({one["job_key"] for one in receipts()}) == 6
    assert saved_statuses() == ["READY"] * 6


def test_each_data_set_gets_its_own_written_signature(modelpact: Commands) -> None:
    ended = modelpact("-m", "data=diabetes,iris", "signer=explicit", *QUICK)
    assert ended.status == 0, ended.err
    assert [one["name"] for one in receipts()] == ["diabetes", "iris"]
    assert "sepal_length" in receipts()[1]["signature"]["inputs"]


def test_a_key_of_one_option_can_be_set_while_sweeping_over_the_group(
    modelpact: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    ended = modelpact("-m", "signer=infer,explicit", "signer.on_any=warn", *QUICK)
    assert ended.status == 0, ended.err
    assert "signer.on_any is used by signer=infer and not by signer=explicit" in caplog.text
    assert [one["status"] for one in receipts()] == ["ok", "ok"]


def test_a_mistyped_key_stops_a_sweep_before_its_first_job(modelpact: Commands) -> None:
    ended = modelpact("-m", "signer=infer,explicit", "signer.on_ny=warn", *QUICK)
    assert ended.status == 2
    assert "on_ny" in ended.err
    assert receipts() == []


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_failed_job_hides_no_other(failing: int, modelpact: Commands) -> None:
    alphas = ["1.0", "2.0", "3.0"]
    alphas[failing] = "-1.0"
    ended = modelpact("-m", f"model.estimator.alpha={','.join(alphas)}", *QUICK)
    assert ended.status == 1
    expected = ["ok", "ok", "ok"]
    expected[failing] = "failed"
    assert [one["status"] for one in receipts()] == expected
    assert versions("diabetes") == [1, 2]
    assert "alpha" in ended.err
    assert f"error: 1 of 3 jobs did not succeed:\n  job {failing} in fit: FitError: " in ended.err
    assert sorted(run.info.status for run in runs()) == ["FAILED", "FAILED", "FINISHED", "FINISHED"]  # the parent as well


def parallel_first_use(folder: Path, cache: Path) -> None:
    """A sweep of six jobs in two processes, in a folder with no store."""
    folder.mkdir(parents=True)
    script = Path(sys.executable).with_name("modelpact")
    sweep = ["-m", "signer=infer,explicit,example", "saver=custom,builtin", *QUICK]
    done = subprocess.run(
        [str(script), *sweep, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        cwd=folder,
        env={**os.environ, "MODELPACT_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in folder.glob("multirun/*/*/*/receipt.json")]
    assert sorted(one["version"] for one in found) == ["1", "2", "3", "4", "5", "6"]


def test_two_processes_may_be_the_first_to_use_a_store(tmp_path: Path, cache: Path) -> None:
    parallel_first_use(tmp_path / "fresh", cache)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(10))
def test_two_processes_with_no_cache_may_be_the_first_every_time(attempt: int, tmp_path: Path) -> None:
    parallel_first_use(tmp_path / f"fresh{attempt}", tmp_path / "cache")
