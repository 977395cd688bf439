from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import CommandRunner, modelpact
from tests.support.paths import USER_MODELS
from tests.support.publishing import client, receipt, runs, saved_statuses, versions

__all__ = ["modelpact"]  # the fixture

QUICK = ("saver.pip_requirements=[scikit-learn]",)


def receipts() -> list[dict[str, Any]]:
    """The receipts of the only sweep in this folder, by job number."""
    paths = sorted(
        Path().glob("multirun/*/*/*/receipt.json"), key=lambda path: int(path.parent.name)
    )
    return [json.loads(path.read_text()) for path in paths]


def test_four_combinations_are_four_versions(modelpact: CommandRunner) -> None:
    ended = modelpact("-m", "signer=infer,example", "saver=custom,builtin", *QUICK)
    assert ended.status == 0, ended.err
    assert [(one["steps"]["signer"], one["steps"]["saver"]) for one in receipts()] == [
        (signer, saver)
        for signer in ("InferSigner", "ExampleSigner")
        for saver in ("CustomSaver", "BuiltinSaver")
    ]
    assert versions("diabetes") == [1, 2, 3, 4]
    assert sorted(one["version"] for one in receipts()) == ["1", "2", "3", "4"]
    assert len({one["job_key"] for one in receipts()}) == 4
    assert saved_statuses() == ["READY"] * 4


@pytest.mark.slow
def test_each_data_set_uses_its_contract(modelpact: CommandRunner) -> None:
    ended = modelpact("-m", "data=diabetes,iris", "signer=explicit", *QUICK)
    assert ended.status == 0, ended.err
    assert [one["name"] for one in receipts()] == ["diabetes", "iris"]
    assert "sepal_length" in receipts()[1]["signature"]["inputs"]


@pytest.mark.slow
def test_a_key_of_one_option_can_be_set_while_sweeping_over_the_group(
    modelpact: CommandRunner, caplog: pytest.LogCaptureFixture
) -> None:
    ended = modelpact("-m", "signer=infer,explicit", "signer.on_any=warn", *QUICK)
    assert ended.status == 0, ended.err
    assert "signer.on_any is used by signer=infer and not by signer=explicit" in caplog.text
    assert [one["status"] for one in receipts()] == ["ok", "ok"]


def test_a_mistyped_key_stops_a_sweep_before_its_first_job(modelpact: CommandRunner) -> None:
    ended = modelpact("-m", "signer=infer,explicit", "signer.on_ny=warn", *QUICK)
    assert ended.status == 2
    assert "on_ny" in ended.err
    assert receipts() == []


@pytest.mark.parametrize(
    "failing", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_a_failed_job_does_not_stop_the_others(failing: int, modelpact: CommandRunner) -> None:
    alphas = ["1.0", "2.0", "3.0"]
    alphas[failing] = "-1.0"
    ended = modelpact("-m", f"model.estimator.alpha={','.join(alphas)}", *QUICK)
    assert ended.status == 1
    expected = ["ok", "ok", "ok"]
    expected[failing] = "failed"
    assert [one["status"] for one in receipts()] == expected
    assert versions("diabetes") == [1, 2]
    assert "alpha" in ended.err
    assert f"error: 1 of 3 jobs failed:\n  job {failing} in fit: FitError: " in ended.err
    assert sorted(run.info.status for run in runs()) == [
        "FAILED",
        "FAILED",
        "FINISHED",
        "FINISHED",
    ]  # the parent as well


def family(store: sqlite3.Connection) -> tuple[str, list[str]]:
    """The status of the one parent run in a store, and those of its children."""
    parented = (
        "SELECT value FROM tags WHERE key = 'mlflow.parentRunId' AND run_uuid = runs.run_uuid"
    )
    own = "experiment_id = (SELECT experiment_id FROM experiments WHERE name = 'modelpact')"  # the history of aliases has another
    found = list(store.execute(f"SELECT run_uuid, status, ({parented}) FROM runs WHERE {own}"))
    ((parent, status),) = [(run, status) for run, status, above in found if above is None]
    assert {above for _, _, above in found if above is not None} <= {parent}
    return status, sorted(status for _, status, above in found if above is not None)


def statuses() -> tuple[str, list[str]]:
    with contextlib.closing(sqlite3.connect("mlflow.db")) as store:
        return family(store)


SWEPT = ",".join(f"m{number}" for number in range(12))
TOYS = (
    "data=csv",
    "data.path=sums.csv",
    "data.target=t",
    "data.metrics=[r2]",
    "data.test_size=0.5",
    "name=sums",
)
FAULTS = {
    1: ("Faulty", "fit"),
    4: ("Faulty", "dump"),
    7: ("Faulty", "load"),
    10: ("Forgetful", None),
}


@pytest.fixture
def toys() -> tuple[str, ...]:
    """The arguments of a sweep of 12 models, of which 4 fail in 4 different stages."""
    Path("conf/model").mkdir(parents=True)
    Path("sums.csv").write_text(
        "a,b,t\n" + "".join(f"{row}.0,{row / 2},{3 * row}.5\n" for row in range(8))
    )
    for number in range(12):
        kind, place = FAULTS.get(number, ("Doubler", None))
        option(
            number,
            kind,
            **(
                {"fails_in": place}
                if place
                else {}
                if kind == "Forgetful"
                else {"factor": 2.0 + number}
            ),
        )
    return (
        "-m",
        "--config-dir",
        "conf",
        f"model={SWEPT}",
        *TOYS,
        "saver.pip_requirements=[numpy]",
        "hydra.sweep.dir=twelve",
    )


def option(number: int, kind: str, **values: Any) -> None:
    text = "".join(
        f"{key}: {value}\n" for key, value in {"_target_": f"tiny_models.{kind}", **values}.items()
    )
    Path(f"conf/model/m{number}.yaml").write_text(text)


TABLE = """
12 jobs, 8 ok, 4 failed; report in twelve/sweep.html
  job  model  status          version  r2      seconds
  0    m0     ok              1        0.9873  #.##
  1    m1     failed: fit                      #.##
  2    m2     ok              2        -5.87   #.##
  3    m3     ok              3        -14.87  #.##
  4    m4     failed: save             0.9873  #.##
  5    m5     ok              4        -44.01  #.##
  6    m6     ok              5        -64.16  #.##
  7    m7     failed: load             0.9873  #.##
  8    m8     ok              6        -115.6  #.##
  9    m9     ok              7        -146.9  #.##
  10   m10    failed: verify           -1.146  #.##
  11   m11    ok              8        -220.6  #.##
"""


@pytest.mark.slow
class TestTwelveJobsOfWhichFourFail:
    def test_each_result_is_reported(self, modelpact: CommandRunner, toys: tuple[str, ...]) -> None:
        ended = modelpact(*toys)
        assert ended.status == 1
        self.table_is_shown(ended.out)
        self.errors_are_shown(ended.err)
        assert versions("sums") == list(range(1, 9))
        assert statuses() == ("FAILED", ["FAILED"] * 4 + ["FINISHED"] * 8)
        stages = {number: receipt(Path(f"twelve/{number}"))["stage"] for number in range(12)}
        assert {number: stage for number, stage in stages.items() if stage} == {
            1: "fit",
            4: "save",
            7: "load",
            10: "verify",
        }
        for number in range(12):
            failed = number in FAULTS
            run_id = receipt(Path(f"twelve/{number}"))["run_id"]
            artifacts = {file.path for file in client().list_artifacts(run_id)}
            assert ("traceback.txt" in artifacts, "config.yaml" in artifacts) == (failed, True)
            assert ("Traceback" in Path(f"twelve/{number}/modelpact.log").read_text()) is failed
            if failed:
                text = Path(client().download_artifacts(run_id, "traceback.txt", ".")).read_text()
                assert ("broken in" if FAULTS[number][1] else "VerifyError") in text
        assert [run.data.params["model"] for run in runs() if "modelpact.job" in run.data.tags] == [
            FAULTS.get(number, ("Doubler", None))[0] for number in reversed(range(12))
        ]

    def table_is_shown(self, out: str) -> None:
        shown = re.sub(
            r"\d+\.\d\d$", "#.##", out[out.index("\n12 jobs, 8 ok") :], flags=re.MULTILINE
        )
        assert shown == TABLE, shown

    def errors_are_shown(self, err: str) -> None:
        last = err[err.index("error: 4 of 12 jobs failed:") :].splitlines()
        assert [line.partition(": ")[0] for line in last[1:5]] == [
            "  job 1 in fit",
            "  job 4 in save",
            "  job 7 in load",
            "  job 10 in verify",
        ]
        assert last[5:] == [
            "The log of each job is in its folder. To resume, add to the same command: resume=true hydra.sweep.dir=twelve",
        ]
        assert [err.count(f"ERROR: job {number} (") for number in range(12)] == [
            int(number in FAULTS) for number in range(12)
        ]

    @pytest.mark.slow
    def test_resuming_repeats_only_failed_jobs(
        self, modelpact: CommandRunner, toys: tuple[str, ...]
    ) -> None:
        modelpact(*toys)
        before = {
            number: Path(f"twelve/{number}/receipt.json").stat().st_mtime_ns for number in range(12)
        }
        for number in (1, 4, 7):
            option(number, "Doubler", factor=100.0)
        Path("twelve/11/receipt.json").unlink()  # as if it had been killed after the registration
        ended = modelpact(*toys, "resume=true")
        assert "12 jobs, 7 are done; to run:\n  1  model=m1" in ended.out
        assert "error: 1 of 12 jobs failed:\n  job 10 in verify" in ended.err
        after = {
            number: Path(f"twelve/{number}/receipt.json").stat().st_mtime_ns
            for number in (set(before) - {10})
        }
        assert {number for number, changed in after.items() if changed != before[number]} == {
            1,
            4,
            7,
            11,
        }
        assert versions("sums") == list(range(1, 12))
        assert (receipt(Path("twelve/11"))["reused"], receipt(Path("twelve/11"))["version"]) == (
            True,
            "8",
        )
        option(10, "Doubler", factor=101.0)
        assert modelpact(*toys, "resume=true", "sweep.promote=champion").status == 0
        assert versions("sums") == list(range(1, 13))
        assert statuses()[0] == "FINISHED"
        assert len({receipt(Path(f"twelve/{number}"))["version"] for number in range(12)}) == 12
        again = modelpact(*toys, "resume=true")
        assert (again.status, versions("sums")) == (0, list(range(1, 13)))
        assert "12 jobs, 12 are done; to run:" in again.out
        assert len(client().get_registered_model("sums").aliases) == 1

    def test_another_sweep_cannot_use_its_folder(
        self, modelpact: CommandRunner, toys: tuple[str, ...]
    ) -> None:
        few = [argument.replace(SWEPT, "m0,m2") for argument in toys]
        assert modelpact(*few).status == 0
        assert "twelve already contains a sweep\nSet resume=true" in modelpact(*few).err
        changed = modelpact(*few, "resume=true", "data.test_size=0.25").err
        assert "data.test_size" in changed
        other = modelpact(
            *[argument.replace("m0,m2", "m0,m3") for argument in few], "resume=true"
        ).err
        assert "a different sweep; its combinations differ:\n  job 1 (model=m2" in other
        assert (
            "contains no sweep to resume"
            in modelpact(*few, "resume=true", "hydra.sweep.dir=elsewhere").err
        )
        assert versions("sums") == [1, 2]


class TestBeforeTheFirstJob:
    def refused(self, modelpact: CommandRunner, *arguments: str) -> str:
        ended = modelpact("-m", *arguments, *QUICK)
        assert ended.status == 2, ended.err
        assert not Path("mlflow.db").exists()
        assert not list(Path().rglob("receipt.json"))
        assert not list(Path().rglob("sweep.json"))
        return ended.err

    def test_every_invalid_combination_is_named(self, modelpact: CommandRunner) -> None:
        told = self.refused(
            modelpact, "data.test_size=0.2,7.5", "signer=infer,explicit", "seed=0,x"
        )
        assert "error: 6 of 8 jobs are invalid; no job was run:" in told
        assert [number for number in range(8) if f"  job {number} (" in told] == [1, 3, 4, 5, 6, 7]
        assert "(data.test_size=7.5 signer=infer seed=0" in told

    def test_incompatible_steps(self, modelpact: CommandRunner) -> None:
        told = self.refused(
            modelpact, "model=iris,ridge", "data=iris", "saver=custom,builtin", "data.metrics=[]"
        )
        assert "1 of 4 jobs are invalid" in told
        assert "  job 1 (model=iris data=iris saver=builtin" in told

    def test_a_missing_value(self, modelpact: CommandRunner) -> None:
        assert "data.path is required" in self.refused(modelpact, "data=csv,diabetes")

    def test_an_unused_key(self, modelpact: CommandRunner) -> None:
        assert "on_ny" in self.refused(modelpact, "signer=infer,explicit", "signer.on_ny=warn")

    def test_an_unknown_scorer(self, modelpact: CommandRunner) -> None:
        assert "job 1 (data.metrics=[r3]" in self.refused(modelpact, "data.metrics=[r2],[r3]")

    def test_an_invalid_alias(self, modelpact: CommandRunner) -> None:
        assert "sweep.promote: 'v1' is not a valid alias" in self.refused(
            modelpact, "seed=0,1", "sweep.promote=v1"
        )

    def test_a_single_run_cannot_be_resumed(self, modelpact: CommandRunner) -> None:
        ended = modelpact("resume=true")
        assert (ended.status, Path("mlflow.db").exists()) == (2, False)
        assert "resume=true requires a sweep, but this is a single run\nAdd -m" in ended.err

    def test_an_unreachable_store_has_no_report(self, modelpact: CommandRunner) -> None:
        ended = modelpact("-m", "seed=0,1", "tracking=server", "tracking.uri=http://127.0.0.1:1")
        assert ended.status == 1
        assert "cannot connect to" in ended.err
        assert "report" not in ended.out


@pytest.mark.slow
def test_only_the_best_job_gets_the_alias(modelpact: CommandRunner) -> None:
    ended = modelpact("-m", "model.estimator.alpha=10.0,0.1,1.0", "sweep.promote=champion", *QUICK)
    assert ended.out.endswith("champion: version 2 of diabetes, of job 1\n")
    (model,) = client().search_registered_models()
    assert {name: int(version) for name, version in model.aliases.items()} == {"champion": 2}


@pytest.mark.slow
def test_without_a_version_no_alias_is_moved(modelpact: CommandRunner) -> None:
    ended = modelpact("-m", "seed=0,1", "register=none", "sweep.promote=champion", *QUICK)
    assert (ended.status, ended.out.splitlines()[-1]) == (
        0,
        "champion: not moved, no job has both a version and a metric",
    )


@pytest.mark.slow
def test_repeated_combinations_are_separate_jobs(modelpact: CommandRunner) -> None:
    assert modelpact("-m", "seed=0,0", *QUICK).status == 0
    assert [(one["job"], one["version"]) for one in receipts()] == [(0, "1"), (1, "2")]


@pytest.mark.slow
def test_sweeps_of_other_tasks_have_a_report(modelpact: CommandRunner) -> None:
    ended = modelpact("-m", "task=inspect", "data=diabetes,iris")
    assert ended.status == 0
    assert [(one["job"], one["status"], one["name"]) for one in receipts()] == [
        (0, "ok", "diabetes"),
        (1, "ok", "iris"),
    ]
    failed = modelpact(
        "-m", "task=inspect", "data=csv", "data.path=a.csv,b.csv", "hydra.sweep.dir=failed"
    )
    assert failed.status == 1
    assert (
        "error: 2 of 2 jobs failed:\n  job 0 in run: DataError: a.csv does not exist" in failed.err
    )


SLOW_ESTIMATOR = """
import time
from pathlib import Path
from sklearn.linear_model import Ridge

class SlowRidge(Ridge):
    def fit(self, X, y, sample_weight=None):
        Path("fitting").touch()
        time.sleep(200)
"""


@pytest.fixture
def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "MODELPACT_CACHE": str(cache)}


def interrupted(
    number: signal.Signals, environment: dict[str, str], *more: str
) -> subprocess.Popen[str]:
    """A sweep that receives a signal during its second job."""
    Path("slow.py").write_text(SLOW_ESTIMATOR)
    script = Path(sys.executable).with_name("modelpact")
    estimators = "model.estimator._target_=sklearn.linear_model.Ridge,slow.SlowRidge"
    command = [str(script), "-m", estimators, *QUICK, "hydra.sweep.dir=two", *more]
    with Path("err.txt").open("w") as err, Path("out.txt").open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err, text=True)
    try:
        until(lambda: Path("fitting").exists() and Path("two/0/receipt.json").exists())
        process.send_signal(number)
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process


def until(happened: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


JOBLIB, PROCESSES = (
    ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    ("hydra/launcher=processes",),
)
EXHAUSTIVE = pytest.mark.exhaustive


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "launcher"),
    [
        pytest.param(signal.SIGINT, (), id="SIGINT-basic"),
        pytest.param(signal.SIGTERM, (), id="SIGTERM-basic", marks=EXHAUSTIVE),
        pytest.param(signal.SIGINT, JOBLIB, id="SIGINT-joblib", marks=EXHAUSTIVE),
        pytest.param(signal.SIGTERM, JOBLIB, id="SIGTERM-joblib", marks=EXHAUSTIVE),
        pytest.param(signal.SIGINT, PROCESSES, id="SIGINT-processes", marks=EXHAUSTIVE),
        pytest.param(signal.SIGTERM, PROCESSES, id="SIGTERM-processes"),
    ],
)
def test_a_signal_ends_the_sweep_and_keeps_finished_jobs(
    number: signal.Signals, launcher: tuple[str, ...], environment: dict[str, str]
) -> None:
    ended = interrupted(number, environment, *launcher)
    assert ended.returncode == 128 + number, Path("err.txt").read_text()
    assert statuses() == ("KILLED", ["FINISHED", "KILLED"])
    assert receipt(Path("two/0"))["status"] == "ok"
    assert versions("diabetes") == [1]
    assert (
        "To resume, add to the same command: resume=true hydra.sweep.dir=two"
        in Path("err.txt").read_text()
    )
    assert "2 jobs, 1 ok, 1 " in Path("out.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jobs", "kills", "launcher"),
    [
        pytest.param(6, 1, (), id="basic", marks=EXHAUSTIVE),
        pytest.param(8, 1, PROCESSES, id="processes"),
        pytest.param(16, 1, JOBLIB, id="joblib", marks=EXHAUSTIVE),
        pytest.param(24, 3, (), id="basic, often", marks=EXHAUSTIVE),
        pytest.param(24, 3, JOBLIB, id="joblib, often", marks=EXHAUSTIVE),
        pytest.param(24, 3, PROCESSES, id="processes, often", marks=EXHAUSTIVE),
    ],
)
def test_a_sweep_that_is_killed_and_resumed_has_one_version_per_job(
    jobs: int,
    kills: int,
    launcher: tuple[str, ...],
    environment: dict[str, str],
    toys: tuple[str, ...],
) -> None:
    script = Path(sys.executable).with_name("modelpact")
    arguments = [argument.replace(SWEPT, "m0") for argument in toys]
    command = [
        str(script),
        *arguments,
        f"model.factor={','.join(f'{number}.5' for number in range(jobs))}",
        *launcher,
    ]
    environment = {**environment, "PYTHONPATH": str(USER_MODELS)}
    done = 0
    for kill in range(kills):
        resume = ["resume=true"] if kill else []
        with subprocess.Popen(
            [*command, *resume],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            until(lambda: len(list(Path("twelve").glob("*/receipt.json"))) >= done + 3)  # noqa: B023
            time.sleep(random.Random(kill).random() / 2)
            process.kill()  # its processes live on for a while, as they would
        done = len(list(Path("twelve").glob("*/receipt.json")))
        assert done < jobs
    ended = subprocess.run(
        [*command, "resume=true"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found = [receipt(Path(f"twelve/{number}")) for number in range(jobs)]
    assert versions("sums") == list(range(1, jobs + 1))
    assert sorted(int(one["version"]) for one in found) == versions("sums")
    assert len({one["job_key"] for one in found}) == jobs


def parallel_first_use(folder: Path, cache: Path, launcher: tuple[str, ...]) -> None:
    """A sweep of eight jobs in two processes, in a folder with no store."""
    folder.mkdir(parents=True)
    script = Path(sys.executable).with_name("modelpact")
    sweep = [
        "-m",
        "signer=infer,explicit",
        "saver=custom,builtin",
        "model.estimator.alpha=0.1,1.0",
        *QUICK,
    ]
    done = subprocess.run(
        [str(script), *sweep, *launcher],
        cwd=folder,
        env={**os.environ, "MODELPACT_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in folder.glob("multirun/*/*/*/receipt.json")]
    assert sorted(one["version"] for one in found) == [str(number) for number in range(1, 9)]
    with sqlite3.connect(folder / "mlflow.db") as store:
        assert family(store) == ("FINISHED", ["FINISHED"] * 8)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "launcher",
    [pytest.param(JOBLIB, id="joblib"), pytest.param(PROCESSES, id="processes")],
)
def test_two_processes_can_create_a_store_concurrently(
    launcher: tuple[str, ...], tmp_path: Path, cache: Path
) -> None:
    parallel_first_use(tmp_path / "fresh", cache, launcher)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "attempt"),
    [
        pytest.param(launcher, attempt, marks=EXHAUSTIVE if attempt or launcher == JOBLIB else ())
        for launcher, attempts in ((JOBLIB, 10), (PROCESSES, 3))
        for attempt in range(attempts)
    ],
)
def test_two_processes_can_create_a_store_concurrently_without_a_cache(
    launcher: tuple[str, ...], attempt: int, tmp_path: Path
) -> None:
    parallel_first_use(tmp_path / f"fresh{attempt}", tmp_path / "cache", launcher)
