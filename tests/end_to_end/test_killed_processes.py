"""Killed processes leave stores that open, no acknowledged version is lost, and a repair closes everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import import_environment
from tests.support.publishing import runs, saved_statuses, versions

pytestmark = pytest.mark.slow

FULL = os.environ.get("HYPOTHESIS_PROFILE") == "full"
"""Whether to run more repetitions."""


def forks(what: str, times: int, folder: Path, lanes: int = 1) -> list[dict[str, Any]]:
    """The accounts of tests/support/forks.py, run in folders of their own, side by side, with temporary files in them."""
    running = []
    for lane in range(lanes):
        temporary = folder / str(lane) / "tmp"
        temporary.mkdir(parents=True)
        command = [
            sys.executable,
            "-m",
            "tests.support.forks",
            what,
            str(times // lanes),
        ]
        environment = import_environment(TMPDIR=str(temporary), MLFLOW_LOGGING_LEVEL="WARNING")
        running.append(
            subprocess.Popen(
                command,
                cwd=temporary.parent,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    accounts = []
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, err
        sys.stdout.write(f"{what}: {out}")
        accounts.append(json.loads(out))
    return accounts


def test_sixteen_processes_can_create_a_store_concurrently(tmp_path: Path) -> None:
    times = 20 if FULL else 1
    assert forks("open", times, tmp_path) == [{"opened": 16 * times, "failed": 0}]


def test_a_store_opens_after_its_creation_was_killed(tmp_path: Path) -> None:
    kills = 100 if FULL else 4
    accounts = forks("schema", kills, tmp_path, lanes=2)
    count = {what: sum(account[what] for account in accounts) for what in accounts[0]}
    assert count["kills"] == kills
    assert count["half_made"] > kills // 5
    assert (count["never_open_again"], count["unsound"], count["left_after_repair"]) == (0, 0, 0)


def test_a_job_can_be_killed_at_any_time(tmp_path: Path) -> None:
    kills = 200 if FULL else 40
    [account] = forks("job", kills, tmp_path)
    assert account["kills"] == kills
    assert (account["unsound"], account["next_run_failed"]) == (0, 0)
    before, after = account["before"], account["after"]
    assert min(before[what] for what in ("running", "pending", "ready_without_version")) > 0
    assert before["left"] != []
    for found in (before, after):
        assert (found["acknowledged_missing"], found["unloadable"], found["without_gaps"]) == (
            [],
            [],
            True,
        )
        assert found["acknowledged"] >= 5 + kills // 20
        assert found["not_ready"] == 0
    assert (after["running"], after["pending"], after["ready_without_version"], after["left"]) == (
        0,
        0,
        0,
        [],
    )
    assert after["versions"] == before["versions"] + 1
    assert account["said_again"] == ["nothing to repair"]


@pytest.mark.parametrize(
    ("what", "shots"),
    [
        ("signal", 5),
        pytest.param("signal", 500, marks=pytest.mark.exhaustive),
        pytest.param("sweep", 17, marks=pytest.mark.exhaustive),
    ],
)
def test_a_signal_at_any_time_leaves_nothing_open(what: str, shots: int, tmp_path: Path) -> None:
    [account] = forks(what, shots, tmp_path)
    assert account["exits"] == {
        name: {str(status): shots}
        for name, status in (("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129))
    }
    assert set(account["runs_by_status"]) <= {"FINISHED", "KILLED"}
    assert set(account["models_by_status"]) <= {"READY", "FAILED"}
    assert account["versions"] == account["acknowledged"]
    assert (account["ready_without_version"], account["not_ready"]) == (0, 0)
    assert (account["unloadable"], account["without_gaps"]) == ([], True)


@pytest.mark.exhaustive
def test_a_batch_can_be_stopped_by_a_signal_and_resumed(tmp_path: Path) -> None:
    [account] = forks("predict", 60, tmp_path)
    statuses = ("SIGINT 130", "SIGTERM 143", "SIGHUP 129")
    assert {key for key in account["exits"] if "None" not in key} == set(statuses)
    assert (account["not_resumed"], account["different"], account["left"]) == (0, 0, 0)


@pytest.mark.exhaustive
def test_several_commands_can_create_a_store_concurrently(tmp_path: Path) -> None:
    count = 8 if FULL else 4
    script = Path(sys.executable).with_name("modelpact")
    done = subprocess.run(
        f"seq {count} | xargs -P {count} -I N {script} name=first model.estimator.alpha=N.0 saver.pip_requirements=[scikit-learn]",
        shell=True,
        env={**os.environ, "MODELPACT_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert versions("first") == list(range(1, count + 1))
    assert [run.info.status for run in runs()] == ["FINISHED"] * count
    assert saved_statuses() == ["READY"] * count
    assert len(list(Path("outputs").rglob("receipt.json"))) == count
