"""Sweeps on every launcher and sweeper that an extra brings, in a virtual environment that has modelpact and all four extras."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import environments
from tests.support.publishing import runs, versions

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
QUICK = ("saver.pip_requirements=[scikit-learn]",)

MORTAL = """
import os, pathlib, signal, sys
from sklearn.linear_model import Ridge

class Mortal(Ridge):
    def fit(self, X, y, **more):
        if self.alpha == 2.0 and not pathlib.Path("healed").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if self.alpha == 3.0:
            sys.exit(0)
        return super().fit(X, y, **more)
"""
"""A model that kills its process, or ends the program."""

MORTAL_MODEL = ("model=sklearn", "model.estimator={_target_:mortal.Mortal,alpha:1.0}")


@pytest.fixture(scope="session")
def programs() -> Path:
    """Return the `bin` folder of an environment with every extra; creating it shows that the extras are compatible."""
    return environments.extras()


def run(programs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    begun = time.monotonic()
    ended = subprocess.run(
        [str(programs / "modelpact"), *arguments], capture_output=True, text=True, check=False
    )
    sys.stdout.write(f"{' '.join(arguments)}: {time.monotonic() - begun:.0f} s\n")
    return ended


def receipts() -> dict[int, dict[str, Any]]:
    found = (json.loads(path.read_text()) for path in Path().glob("multirun/*/*/*/receipt.json"))
    return {one["job"]: one for one in found}


def folder() -> Path:
    (found,) = Path().glob("multirun/*/*")
    return found


def family() -> tuple[str, list[str]]:
    """The status of the one run without a parent, and those of its children."""
    found = runs()
    (parent,) = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    children = [
        run for run in found if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    ]
    assert len(children) == len(found) - 1
    return parent.info.status, sorted(run.info.status for run in children)


def test_installed_packages_are_compatible(programs: Path) -> None:
    done = subprocess.run(
        [str(programs / "python"), "-m", "pip", "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("recipe", "jobs", "changes"),
    [
        ("sweep_joblib", 4, ("model.estimator.alpha=0.1,1.0",)),
        ("sweep_optuna", 8, ()),
        ("sweep_ray", 4, ("model.estimator.alpha=0.1,1.0",)),
        ("sweep_submitit", 4, ("model.estimator.alpha=0.1,1.0",)),
        pytest.param("sweep_joblib", 8, (), marks=pytest.mark.exhaustive),
        pytest.param("sweep_submitit", 8, (), marks=pytest.mark.exhaustive),
    ],
)
def test_each_job_of_a_sweep_has_a_version_and_the_same_parent_run(
    recipe: str, jobs: int, changes: tuple[str, ...], programs: Path
) -> None:
    ended = run(programs, "-m", f"experiment={recipe}", *changes, *QUICK)
    assert ended.returncode == 0, ended.stderr
    assert versions() == list(range(1, jobs + 1))
    assert family() == ("FINISHED", ["FINISHED"] * jobs)
    found = receipts()
    assert sorted(found) == list(range(jobs))
    assert sorted(int(one["version"]) for one in found.values()) == versions()
    assert (folder() / "sweep.html").exists()
    assert f"{jobs} jobs, {jobs} ok" in ended.stdout


@pytest.mark.parametrize(
    "launcher", [pytest.param("joblib", marks=pytest.mark.exhaustive), "processes"]
)
def test_optuna_jobs_run_in_parallel(launcher: str, programs: Path) -> None:
    pairs = (
        f"hydra/launcher={launcher}",
        "hydra.launcher.n_jobs=2",
        "hydra.sweeper.n_jobs=2",
        "hydra.sweeper.n_trials=5",
    )
    ended = run(programs, "-m", "experiment=sweep_optuna", *pairs, *QUICK)
    assert ended.returncode == 0, ended.stderr
    assert versions() == [1, 2, 3, 4, 5]
    assert family() == ("FINISHED", ["FINISHED"] * 5)


@pytest.mark.parametrize(
    "done",
    [
        pytest.param(1, marks=pytest.mark.exhaustive),
        3,
        pytest.param(6, marks=pytest.mark.exhaustive),
    ],
)
def test_a_killed_study_is_resumed(done: int, programs: Path) -> None:
    arguments = ["-m", "experiment=sweep_optuna", *QUICK]
    with Path("out").open("w") as out:
        sweep = subprocess.Popen([str(programs / "modelpact"), *arguments], stdout=out, stderr=out)
        until = time.monotonic() + 120
        while len(receipts()) < done:
            assert sweep.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.2)
        sweep.send_signal(signal.SIGKILL)
        sweep.wait()
    assert done <= len(receipts()) < 8
    ended = run(programs, *arguments, "resume=true", f"hydra.sweep.dir={folder()}")
    assert ended.returncode == 0, ended.stderr
    assert versions() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sorted(receipts()) == list(range(8))
    assert family()[0] == "FINISHED"
    look = (
        "import optuna, json; optuna.logging.set_verbosity(optuna.logging.ERROR);"
        "study = optuna.load_study(study_name=None, storage='sqlite:///optuna.db');"
        "print(json.dumps([[t.state.name, t.user_attrs.get('modelpact.job'), t.value] for t in study.trials]))"
    )
    trials = json.loads(
        subprocess.run(
            [str(programs / "python"), "-c", look], capture_output=True, text=True, check=True
        ).stdout
    )
    complete = {job: value for state, job, value in trials if state == "COMPLETE"}
    assert complete == {job: pytest.approx(one["metrics"]["r2"]) for job, one in receipts().items()}
    assert {state for state, _, _ in trials} <= {"COMPLETE", "FAIL"}
    assert len(trials) <= 9


@pytest.mark.parametrize(
    "launcher",
    ["basic", pytest.param("joblib", marks=pytest.mark.exhaustive), "processes"],
)
def test_a_step_that_ends_the_program_fails_only_its_job(launcher: str, programs: Path) -> None:
    Path("mortal.py").write_text(MORTAL)
    arguments = [*MORTAL_MODEL, "model.estimator.alpha=1.0,3.0,4.0", f"hydra/launcher={launcher}"]
    ended = run(programs, "-m", *arguments, *QUICK)
    assert ended.returncode == 1
    assert "1 of 3 jobs failed" in ended.stderr
    assert "job 1 in fit: FitError: fit failed: SystemExit: 0" in ended.stderr
    assert {number: one["status"] for number, one in receipts().items()} == {
        0: "ok",
        1: "failed",
        2: "ok",
    }
    assert family() == ("FAILED", ["FAILED", "FINISHED", "FINISHED"])


@pytest.mark.exhaustive
def test_a_crashed_ray_worker_fails_only_its_job(programs: Path) -> None:
    Path("mortal.py").write_text(MORTAL)
    model = (*MORTAL_MODEL, "model.estimator.alpha=1.0,2.0")
    arguments = ["-m", "hydra/launcher=ray", *model, *QUICK]
    ended = run(programs, *arguments)
    assert ended.returncode == 1
    assert "Ray lost the job: WorkerCrashedError" in ended.stdout + ended.stderr
    assert "1 of 2 jobs failed" in ended.stderr
    assert {number: one["status"] for number, one in receipts().items()} == {0: "ok"}
    Path("healed").touch()
    # Without Ray, which takes half a minute to start.
    basic = ["-m", *arguments[2:], "resume=true", f"hydra.sweep.dir={folder()}"]
    again = run(programs, *basic)
    assert again.returncode == 0, again.stderr
    assert versions() == [1, 2]
    assert {number: one["status"] for number, one in receipts().items()} == {0: "ok", 1: "ok"}


def test_a_missing_ray_cluster_is_reported(programs: Path) -> None:
    ended = run(
        programs,
        "-m",
        "hydra/launcher=ray",
        "hydra.launcher.address=127.0.0.1:1",
        "seed=1,2",
        *QUICK,
    )
    assert ended.returncode == 1
    assert "cannot connect to Ray at hydra.launcher.address=127.0.0.1:1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_tests_that_need_optuna_pass(programs: Path) -> None:
    tests = [
        str(programs / "python"),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n0",
        f"{ROOT / 'tests' / 'cli' / 'sweeps' / 'test_search_space.py'}::TestWithOptuna",
    ]
    done = subprocess.run(
        tests, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
