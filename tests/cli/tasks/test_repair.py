from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from mlflow.exceptions import MlflowException
from sklearn.linear_model import Ridge

from modelpact import publish
from modelpact._internal.files import (
    owner_of,
    temporary_folder,
    temporary_sibling,
    write_atomically,
)
from modelpact._internal.process import Process
from modelpact.cli.tasks import RepairTask
from modelpact.errors import StoreError
from modelpact.registers import NoneRegister
from modelpact.savers import CustomSaver
from modelpact.tracking import SqliteTracking
from tests.support.commands import CommandRunner, modelpact
from tests.support.publishing import (
    client,
    experiment_id,
    not_none,
    runs,
    saved_statuses,
    steps,
    versions,
)

__all__ = ["modelpact"]  # the fixture

OURS = {"modelpact.model": "Doubler"}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(autouse=True)
def store(temporary: Path) -> str:
    """Create a store without temporary files; return the id of its experiment."""
    with SqliteTracking().open() as opened:
        return opened.experiment_id


@pytest.fixture(scope="module")
def dead() -> Process:
    """Return a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    here = Process.current()
    return Process(here.host, child.pid, here.create_time)


@pytest.fixture
def living() -> Iterator[Process]:
    """Return another running process."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield Process(Process.current().host, child.pid, _began(child.pid))
    child.kill()
    child.wait()


def _began(pid: int) -> str:
    from modelpact._internal import process as processes

    return processes._read_create_time(pid) or ""


def elsewhere(process: Process) -> Process:
    return Process("elsewhere/0123abcd", process.pid, process.create_time)


def begun(
    process: Process | None,
    status: str = "RUNNING",
    hours: float = 0.0,
    tags: dict[str, str] = OURS,
) -> str:
    """Create a run as a job of a process would; return its id."""
    experiment = experiment_id()
    then = int((time.time() - hours * 3600) * 1000)
    run = client().create_run(
        experiment,
        start_time=then,
        tags={**tags, **(process.tags() if process else {})},
        run_name="job",
    )
    if status != "RUNNING":
        client().set_terminated(run.info.run_id, status)
    return str(run.info.run_id)


def saved(run_id: str | None, status: Literal["PENDING", "READY", "FAILED"] = "PENDING") -> str:
    """Create a model as a job would; return its id."""
    experiment = experiment_id()
    model = client().create_logged_model(experiment, name="model", source_run_id=run_id)
    if status != "PENDING":
        client().finalize_logged_model(model.model_id, status)
    return str(model.model_id)


def repair(capsys: pytest.CaptureFixture[str], **options: Any) -> list[str]:
    """Run a repair and return its output lines."""
    capsys.readouterr()
    RepairTask(tracking=SqliteTracking(), **options).run(Path("outputs"))
    return capsys.readouterr().out.splitlines()


def status(run_id: str) -> str:
    return str(client().get_run(run_id).info.status)


def status_of_model(model_id: str) -> str:
    return str(client().get_logged_model(model_id).status)


class TestRuns:
    def test_runs_of_ended_processes_are_killed(
        self, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = begun(dead)
        why = f"process {dead.pid} of {dead.host.partition('/')[0]} is gone"
        assert repair(capsys) == [f"closed run {run} (job) as KILLED: {why}"]
        closed = client().get_run(run)
        assert closed.info.status == "KILLED"
        assert closed.info.end_time is not None
        assert closed.data.tags["modelpact.repaired"] == why
        assert repair(capsys) == ["nothing to repair"]

    @pytest.mark.parametrize("older_than", [None, 0.0])
    def test_runs_of_running_processes_are_skipped(
        self, older_than: float | None, living: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = [begun(living, hours=100), begun(Process.current(), hours=100)]
        models = [saved(found[0]), saved(found[1], "READY")]
        assert repair(capsys, older_than=older_than) == [
            "skipped 2 runs of running processes",
            "nothing to repair",
        ]
        assert [status(run) for run in found] == ["RUNNING", "RUNNING"]
        assert [status_of_model(model) for model in models] == ["PENDING", "READY"]

    def test_runs_with_a_reused_pid_are_killed(
        self, living: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = begun(Process(living.host, living.pid, f"{living.create_time}0"))
        assert len(repair(capsys)) == 1
        assert status(run) == "KILLED"

    def test_runs_of_zombie_processes_are_killed(self, capsys: pytest.CaptureFixture[str]) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        run = begun(Process(Process.current().host, child.pid, _began(child.pid)))
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert len(repair(capsys)) == 1
        assert status(run) == "KILLED"
        child.wait()

    def test_runs_of_other_hosts_are_killed_only_if_old(
        self, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        old, new = begun(elsewhere(dead), hours=3), begun(elsewhere(dead))
        left = (
            "whose process cannot be checked from here (task.older_than=<hours> closes older ones)"
        )
        assert repair(capsys) == [f"skipped 2 runs {left}", "nothing to repair"]
        assert repair(capsys, older_than=4) == [f"skipped 2 runs {left}", "nothing to repair"]
        why = (
            f"it is older than task.older_than, and process {dead.pid} of elsewhere "
            "cannot be checked from here"
        )
        assert repair(capsys, older_than=2) == [
            f"closed run {old} (job) as KILLED: {why}",
            f"skipped 1 run {left}",
        ]
        assert (status(old), status(new)) == ("KILLED", "RUNNING")

    def test_runs_without_process_tags_are_killed_only_if_old(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = begun(None, hours=3)
        assert repair(capsys)[-1] == "nothing to repair"
        assert "no tag names its process" in repair(capsys, older_than=2)[0]
        assert status(run) == "KILLED"

    def test_foreign_runs_are_not_changed(self, capsys: pytest.CaptureFixture[str]) -> None:
        run = begun(None, hours=100, tags={"team": "lab"})
        model = saved(run)
        assert repair(capsys, older_than=0) == ["nothing to repair"]
        assert (status(run), status_of_model(model)) == ("RUNNING", "PENDING")

    def test_ended_runs_keep_their_status(
        self, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = [begun(dead, status) for status in ("FINISHED", "FAILED", "KILLED")]
        assert repair(capsys) == ["nothing to repair"]
        assert [status(run) for run in found] == ["FINISHED", "FAILED", "KILLED"]

    def test_runs_that_finish_during_the_repair_keep_their_status(
        self, dead: Process, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = begun(dead)

        def is_running(self: Process) -> bool:
            client().set_terminated(run, "FINISHED")
            return False

        monkeypatch.setattr(Process, "is_running", is_running)
        assert repair(capsys) == ["nothing to repair"]
        assert status(run) == "FINISHED"

    def test_the_parent_of_a_sweep_is_killed_and_its_running_jobs_are_skipped(
        self, dead: Process, living: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        parent = begun(dead, tags={"modelpact.sweep": "parent"})
        job = begun(living, tags={**OURS, "modelpact.sweep": parent, "mlflow.parentRunId": parent})
        assert len(repair(capsys)) == 2
        assert (status(parent), status(job)) == ("KILLED", "RUNNING")

    def test_several_pages_of_runs(
        self, dead: Process, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("modelpact.cli.tasks.repair.PAGE_SIZE", 2)
        for run in [begun(dead) for _ in range(5)]:
            saved(run)
        assert len(repair(capsys)) == 10
        assert {run.info.status for run in runs()} == {"KILLED"}
        assert saved_statuses() == ["FAILED"] * 5


class TestModels:
    @pytest.mark.parametrize("ended", ["RUNNING", "FINISHED", "FAILED", "KILLED"])
    def test_incomplete_models_are_failed(
        self, ended: str, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = saved(begun(dead, ended))
        assert (
            repair(capsys)[-1]
            == f"marked model {model} (PENDING) as FAILED: it was never saved completely"
        )
        assert status_of_model(model) == "FAILED"
        assert repair(capsys) == ["nothing to repair"]

    @pytest.mark.parametrize("ended", ["RUNNING", "FAILED", "KILLED"])
    def test_unregistered_models_of_unfinished_runs_are_failed(
        self, ended: str, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = saved(begun(dead, ended), "READY")
        assert (
            repair(capsys)[-1]
            == f"marked model {model} (READY) as FAILED: its run did not finish, and it is not a version"
        )
        assert status_of_model(model) == "FAILED"
        assert repair(capsys) == ["nothing to repair"]

    @pytest.mark.parametrize("by", ["uri", "run"])
    def test_registered_models_are_kept(
        self, by: str, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = begun(dead)
        model = saved(run, "READY")
        client().create_registered_model("sums")
        source = (
            f"models:/{model}"
            if by == "uri"
            else client().get_logged_model(model).artifact_location
        )
        client().create_model_version("sums", source, run_id=run if by == "run" else None)
        assert [line.split()[:2] for line in repair(capsys)] == [["closed", "run"]]
        assert status_of_model(model) == "READY"
        assert repair(capsys) == ["nothing to repair"]

    def test_models_of_finished_runs_are_kept(self, capsys: pytest.CaptureFixture[str]) -> None:
        publish(**steps(register=NoneRegister()))
        publish(**steps())
        assert repair(capsys, older_than=0) == ["nothing to repair"]
        assert saved_statuses() == ["READY", "READY"]
        assert versions("sums") == [1]

    def test_models_without_a_run_are_failed_only_if_old(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pending, ready = saved(None), saved(None, "READY")
        assert repair(capsys) == ["nothing to repair"]
        time.sleep(0.01)
        assert len(repair(capsys, older_than=0)) == 1
        assert (status_of_model(pending), status_of_model(ready)) == ("FAILED", "READY")

    def test_models_of_deleted_runs_are_skipped(
        self, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = saved("0" * 32)
        assert repair(capsys) == ["nothing to repair"]
        assert status_of_model(model) == "PENDING"

    def test_models_that_finish_during_the_repair_are_kept(
        self, dead: Process, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = begun(dead)
        model = saved(run)

        def is_running(self: Process) -> bool:
            client().finalize_logged_model(model, "READY")
            client().set_terminated(run, "FINISHED")
            return False

        monkeypatch.setattr(Process, "is_running", is_running)
        assert repair(capsys) == ["nothing to repair"]
        assert status_of_model(model) == "READY"


class TestFiles:
    @pytest.fixture
    def left(
        self, temporary: Path, cache: Path, dead: Process, monkeypatch: pytest.MonkeyPatch
    ) -> list[Path]:
        """Create one temporary file of each kind, of an ended process."""
        with monkeypatch.context() as patch:
            patch.setattr(Process, "current", lambda: dead)
            names = [
                temporary_sibling(Path("mlflow.db")),
                temporary_sibling(Path("multirun/day/time/sweep.json")),
                temporary_sibling(cache / "requirements/a.json"),
            ]
            names.append(temporary_sibling(Path("outputs/day/time/receipt.json")))
            names.append(names[0].with_name(f"{names[0].name}-journal"))
            folders = []
            for within in (temporary, cache):
                with temporary_folder(within) as folder:
                    folders.append(folder)
        for name in names:
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_text("half")
        for folder in folders:
            (folder / "model").mkdir(parents=True)
            (folder / "model" / "MLmodel").write_text("half")
        return [*names, *folders]

    def test_files_of_ended_processes_are_removed(
        self, left: list[Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert repair(capsys) == [
            f"removed {path}" for path in sorted(path.absolute() for path in left)
        ]
        assert not any(path.exists() for path in left)
        assert repair(capsys) == ["nothing to repair"]

    def test_files_are_removed_without_a_store(
        self, left: list[Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("mlflow.db").unlink()
        said = repair(capsys)
        assert said[0] == "the store mlflow.db does not exist; checking temporary files only"
        assert not any(path.exists() for path in left)
        assert repair(capsys)[1:] == ["nothing to repair"]
        assert not Path("mlflow.db").exists()

    def test_files_of_running_processes_are_kept(
        self, temporary: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with temporary_folder() as folder, temporary_folder(Path()):
            temporary_sibling(Path("mlflow.db")).touch()
            assert repair(capsys, older_than=0) == ["nothing to repair"]
            assert list(temporary.iterdir()) == [folder]

    def test_files_of_other_hosts_are_removed_only_if_old(
        self, temporary: Path, dead: Process, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = temporary / f"modelpact-{elsewhere(dead).token}-abc_d12"
        folder.mkdir()
        os.utime(folder, (time.time() - 7200, time.time() - 7200))
        assert repair(capsys) == repair(capsys, older_than=3) == ["nothing to repair"]
        assert repair(capsys, older_than=1) == [f"removed {folder}"]
        assert not folder.exists()

    @pytest.mark.parametrize(
        "name",
        ["modelpact-notes", "modelpact-1-2-3", "tmpabc", ".mlflow.db.new", ".mlflow.db.0123.new"],
    )
    def test_foreign_files_are_not_removed(
        self, name: str, temporary: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for folder in (temporary, Path()):
            (folder / name).touch()
        assert repair(capsys, older_than=0) == ["nothing to repair"]
        assert (temporary / name).exists()
        assert Path(name).exists()

    @pytest.mark.parametrize("began", ["", "0123abcd_456"])
    @pytest.mark.parametrize("name", ["mlflow.db", "receipt.json", "no_suffix", "a.b.c.d"])
    def test_the_names_of_files_contain_their_process(
        self, name: str, began: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = Process("host/abc", 12, began)
        monkeypatch.setattr(Process, "current", lambda: one)
        assert owner_of(temporary_sibling(Path("folder") / name)) == Process(
            one.token[:8], 12, began
        )
        with temporary_folder() as folder:
            assert owner_of(folder) == Process(one.token[:8], 12, began)
        write_atomically(Path(name), "whole")
        assert not list(Path().glob("*.new"))


def test_temporary_files_of_mlflow_are_in_our_folder(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    write = CustomSaver.write

    def watched(self: CustomSaver, model: Any, folder: Path, **options: Any) -> None:
        made.append(Path(tempfile.mkdtemp()))
        assert os.environ["TMPDIR"] == tempfile.gettempdir()
        write(self, model, folder, **options)

    before = os.environ.get("TMPDIR")
    monkeypatch.setattr(CustomSaver, "write", watched)
    publish(**steps())
    assert [owner_of(path.parent) is not None for path in made] == [True]
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == (str(temporary), before)
    assert list(temporary.iterdir()) == []


def test_a_dry_run_changes_nothing(
    dead: Process, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begun(dead)
    models = [saved(run), saved(run, "READY")]
    folder = temporary / f"modelpact-{dead.token}-abcdefgh"
    folder.mkdir()
    before = Path("mlflow.db").read_bytes()
    said = repair(capsys, dry_run=True)
    assert sorted(" ".join(line.split()[:3]) for line in said) == [
        "would close run",
        "would mark model",
        "would mark model",
        f"would remove {folder}",
    ]
    assert Path("mlflow.db").read_bytes() == before
    assert folder.exists()
    assert [line.removeprefix("would ") for line in said] == [
        line.replace("closed", "close").replace("marked", "mark").replace("removed", "remove")
        for line in repair(capsys)
    ]
    assert [status_of_model(model) for model in models] == ["FAILED", "FAILED"]


def test_a_job_has_the_tags_of_its_process() -> None:
    done = publish(**steps())
    tags = client().get_run(not_none(done.run_id)).data.tags
    assert Process.from_tags(tags) == Process.current()
    assert tags["modelpact.pid"] == str(os.getpid())


def test_a_store_that_cannot_be_opened_is_an_error() -> None:
    Path("notes.db").write_text("no database at all, but a text")
    with pytest.raises(StoreError, match="not a readable SQLite database"):
        RepairTask(tracking=SqliteTracking(uri="sqlite:///notes.db")).run(Path())


def test_a_store_that_fails_during_the_repair_is_an_error(
    dead: Process, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(dead)

    def fail(*_: Any, **__: Any) -> None:
        raise MlflowException("the server is down")

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.set_terminated", fail)
        with pytest.raises(StoreError, match=r"cannot repair the store .*: .*server is down"):
            repair(capsys)
    assert len(repair(capsys)) == 1
    assert repair(capsys) == ["nothing to repair"]


def test_a_model_whose_metrics_cannot_be_logged_is_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, metrics: Any = (), **__: Any) -> None:
        if metrics:
            raise MlflowException("the server is down")

    rows = [[float(row)] for row in range(10)]
    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.log_batch", fail)
        with pytest.raises(Exception, match="server is down"):
            publish(Ridge(), rows, range(10), name="lines", metrics=["r2"])
    assert saved_statuses() == ["FAILED"]


@pytest.mark.slow
def test_on_the_command_line(modelpact: CommandRunner, dead: Process) -> None:
    run = begun(dead, hours=1)
    there = begun(elsewhere(dead), hours=5)
    ended = modelpact("task=repair", "task.dry_run=true")
    assert (ended.status, ended.out.count("would close run")) == (0, 1), ended.err
    ended = modelpact("task=repair", "task.older_than=4")
    assert (ended.status, ended.out.count("closed run")) == (0, 2), ended.err
    assert (status(run), status(there)) == ("KILLED", "KILLED")
    ended = modelpact("task=repair")
    assert (ended.status, ended.out) == (0, "nothing to repair\n")
    assert modelpact("task=repair", "task.older_than=-1").status == 2
    with contextlib.closing(sqlite3.connect("mlflow.db")) as database, database:
        database.execute("DELETE FROM alembic_version")
    ended = modelpact("task=repair")
    assert ended.status == 1
    assert "incomplete schema" in ended.err
