from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from modelpact._internal import mlflow_compat
from modelpact.errors import ConfigError, StoreError
from modelpact.tracking import SqliteTracking, sqlite
from tests.support.open_error import open_error


def schema(path: Path) -> list[Any]:
    """Everything in a new database but times; MLflow itself writes the constraints of a table in any order."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        found = list(database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))
        tables = sorted(
            (*names, sorted((sql or "").replace(",", "").split())) for *names, sql in found
        )
        experiments = list(
            database.execute(
                "SELECT experiment_id, name, artifact_location, lifecycle_stage FROM experiments"
            )
        )[:1]
        versions = list(database.execute("SELECT * FROM alembic_version"))
    return [tables, experiments, versions]


def execute(path: Path | str, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "with space", "ünï", "100%41", "what?", "a#b", "a@b:c"])
def test_a_new_store_equals_that_of_mlflow(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    with SqliteTracking().open():
        pass
    ours = schema(folder / "mlflow.db")
    assert os.listdir(folder) == ["mlflow.db"]
    (folder / "mlflow.db").unlink()
    if name == "plain":
        theirs = f"sqlite:///{folder}/theirs.db"
        MlflowClient(theirs, theirs).search_experiments()
        assert ours == schema(folder / "theirs.db")
    assert ours[1][0] == (0, "Default", mlflow_compat.artifact_root(0), "active")


def test_runs_and_artifacts_have_the_default_locations_of_mlflow() -> None:
    with (
        SqliteTracking().open() as opened,
        mlflow.start_run(experiment_id=opened.experiment_id) as run,
    ):
        mlflow.log_text("hello", "note.txt")
        assert opened.client.get_experiment(opened.experiment_id).name == "modelpact"
        assert opened.client.get_run(run.info.run_id).info.run_id == run.info.run_id
    assert (
        Path("mlruns", opened.experiment_id, run.info.run_id, "artifacts", "note.txt").read_text()
        == "hello"
    )


def test_reopening_a_store_keeps_its_content() -> None:
    with SqliteTracking(experiment="mine").open() as first:
        run = first.client.create_run(first.experiment_id)
    before = Path("mlflow.db").read_bytes()
    with SqliteTracking(experiment="mine").open() as second:
        assert second.experiment_id == first.experiment_id
        assert [
            found.info.run_id for found in second.client.search_runs([second.experiment_id])
        ] == [run.info.run_id]
    assert Path("mlflow.db").read_bytes() == before


def test_each_working_folder_has_its_own_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with SqliteTracking(experiment=name).open() as opened:
            assert {found.name for found in opened.client.search_experiments()} == {"Default", name}


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:///deep/er/mlflow.db", "deep/er/mlflow.db"),
        ("sqlite:///my%20store.db", "my store.db"),
        ("sqlite:///my store.db", "my store.db"),
        ("sqlite:///a#b.db", "a#b.db"),
        ("sqlite:///100%2541.db", "100%41.db"),
        ("sqlite:///mlflow.db?timeout=30", "mlflow.db"),
    ],
)
def test_the_uri_names_the_file(uri: str, file: str) -> None:
    for _ in range(2):
        with SqliteTracking(uri=uri).open() as opened:
            assert opened.uri == uri
            assert len(opened.client.search_experiments()) == 2
    assert [str(path) for path in Path().rglob("*") if path.is_file()] == [file]


def test_an_absolute_path_is_accepted(tmp_path: Path) -> None:
    tracking = SqliteTracking(uri=f"sqlite:///{tmp_path}/else/where.db")
    with tracking.open():
        assert tracking.path == tmp_path / "else" / "where.db"
        assert tracking.path.exists()


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "mlflow.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "http://host:5000",
        "sqlite:///?x=1",
    ],
)
def test_an_invalid_sqlite_uri_is_rejected_with_an_example(uri: str) -> None:
    error = open_error(SqliteTracking(uri=uri), ConfigError)
    assert error.message == f"tracking.uri={uri!r} is not a SQLite store"
    assert "sqlite:///mlflow.db" in error.remedy
    assert "tracking=server" in error.remedy
    assert os.listdir() == []


FIRST = """
import os, sys, time, traceback
from pathlib import Path
import mlflow, mlflow.store.tracking.sqlalchemy_store
from modelpact.tracking import SqliteTracking

def work():
    while not Path("go").exists():
        time.sleep(0.001)
    with SqliteTracking().open() as opened, mlflow.start_run(experiment_id=opened.experiment_id) as run:
        Path(run.info.run_id).write_text(opened.experiment_id)

children = []
for _ in range(int(sys.argv[1])):
    children.append(os.fork())
    if children[-1] == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
Path("go").touch()
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "cached"),
    [
        pytest.param(8, False, id="8, no cache yet"),
        pytest.param(8, True, id="8, cached", marks=pytest.mark.exhaustive),
    ],
)
def test_several_processes_can_create_a_store_concurrently(
    count: int, cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cached:
        monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    ended = subprocess.run(
        [sys.executable, "-c", FIRST, str(count)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    with SqliteTracking().open() as opened:
        runs = {run.info.run_id for run in opened.client.search_runs([opened.experiment_id])}
        assert len(runs) == count
        assert {Path(run).read_text() for run in runs} == {opened.experiment_id}
    assert {path.name for path in folder.iterdir()} == {"go", "mlflow.db", *runs}
    if not cached:
        assert [
            path.suffix for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"
        ] == [".db"]


def test_a_store_created_concurrently_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    made = mlflow_compat.artifact_root

    def meanwhile(experiment: int) -> str:
        execute("mlflow.db", "CREATE TABLE theirs (x)")
        return made(experiment)

    monkeypatch.setattr(mlflow_compat, "artifact_root", meanwhile)
    sqlite.create_from_template(Path("mlflow.db"))
    with contextlib.closing(sqlite3.connect("mlflow.db")) as database:
        assert list(database.execute("SELECT name FROM sqlite_master")) == [("theirs",)]
    assert os.listdir() == ["mlflow.db"]


@pytest.mark.parametrize(
    "cache",
    [
        pytest.param("", id="gone", marks=pytest.mark.slow),
        pytest.param("file/cache", id="cannot be made", marks=pytest.mark.slow),
    ],
)
def test_without_a_cache_mlflow_creates_each_store(
    cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / cache) if cache else str(tmp_path / "new"))
    with SqliteTracking().open(), caplog.at_level(logging.INFO):
        pass
    if not cache:
        shutil.rmtree(tmp_path / "new")
    with SqliteTracking(uri="sqlite:///second.db").open() as opened:
        assert len(opened.client.search_experiments()) == 2
    assert not [
        record
        for record in caplog.records
        if record.name.startswith(("alembic", "mlflow.store.db"))
    ]
    assert not list(tmp_path.glob(".*.new"))


@pytest.mark.parametrize("content", [b"", b"no database"], ids=["empty", "text"])
def test_a_broken_template_does_not_affect_an_existing_store(
    content: bytes, made: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (template,) = cache.glob("store-mlflow-*.db")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / template.name).write_bytes(content)
    monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / "broken"))
    assert sqlite.template_revision() is None
    with SqliteTracking().open():
        pass


@pytest.mark.slow
def test_logging_levels_are_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELPACT_CACHE", str(tmp_path / "cache"))
    names = ("alembic", "mlflow.store.db.utils")
    before = [logging.getLogger(name).level for name in names]
    with SqliteTracking().open():
        assert [logging.getLogger(name).level for name in names] == before


def test_an_empty_file_becomes_a_store() -> None:
    Path("mlflow.db").touch()
    with SqliteTracking().open() as opened:
        assert len(opened.client.search_experiments()) == 2


@pytest.fixture
def made() -> Path:
    """A complete, closed store."""
    with SqliteTracking(uri="sqlite:///whole.db").open():
        pass
    return Path("whole.db").rename("mlflow.db")


def test_an_incomplete_store_is_rejected_and_not_changed(made: Path) -> None:
    execute(made, "DELETE FROM alembic_version")
    before = made.read_bytes()
    error = open_error(SqliteTracking())
    assert "the store mlflow.db has an incomplete schema (" in error.message
    assert "move it away and run again" in error.remedy
    execute(made, "DROP TABLE alembic_version")
    assert "incomplete schema" in open_error(SqliteTracking()).message
    assert before != made.read_bytes()
    assert isinstance(error, StoreError)
    assert error.uri == "sqlite:///mlflow.db"


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE customers (x)"],
        [
            "CREATE TABLE alembic_version (version_num)",
            "INSERT INTO alembic_version VALUES ('abc')",
        ],
    ],
)
def test_the_database_of_another_application_is_not_changed(statements: list[str]) -> None:
    execute("mlflow.db", *statements)
    before = Path("mlflow.db").read_bytes()
    error = open_error(SqliteTracking())
    assert error.message == "the store mlflow.db is a database of another application"
    assert "move" not in error.remedy
    assert Path("mlflow.db").read_bytes() == before


@pytest.mark.parametrize(
    ("version", "what", "remedy"),
    [
        (
            "0584bdc529eb",
            "out-of-date database schema",
            "Back it up, then run: mlflow db upgrade sqlite:///mlflow.db",
        ),
        (
            "ffffffffffff",
            "was created by a newer MLflow (schema ffffffffffff)",
            "Upgrade MLflow, or",
        ),
    ],
    ids=["older", "newer"],
)
def test_the_schema_of_another_mlflow_is_rejected(
    made: Path, version: str, what: str, remedy: str
) -> None:
    execute(made, f"UPDATE alembic_version SET version_num = '{version}'")
    error = open_error(SqliteTracking())
    assert what in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"SQLite format 3\0" + b"\xff" * 200], ids=["text", "garbage"]
)
def test_a_file_that_is_not_a_database_is_rejected_and_not_changed(content: bytes) -> None:
    Path("mlflow.db").write_bytes(content)
    error = open_error(SqliteTracking())
    assert error.message.startswith("mlflow.db is not a readable SQLite database: ")
    assert "Move it away" in error.remedy
    assert Path("mlflow.db").read_bytes() == content


def test_a_truncated_store_is_rejected(made: Path) -> None:
    made.write_bytes(made.read_bytes()[:5000])
    assert "mlflow.db" in open_error(SqliteTracking()).message


KILLED_IN_A_TRANSACTION = """
import os, signal, sqlite3
database = sqlite3.connect("mlflow.db")
database.execute("PRAGMA cache_size = 1")
database.execute("CREATE TABLE cut_off (x)")
database.executemany("INSERT INTO cut_off VALUES (?)", [("x" * 1000,)] * 1000)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_interrupted_transaction_is_rolled_back(made: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_IN_A_TRANSACTION], check=False)
    assert Path("mlflow.db-journal").stat().st_size > 0
    with SqliteTracking().open() as opened:
        assert len(opened.client.search_experiments()) == 2
    with contextlib.closing(sqlite3.connect(made)) as database:
        assert list(database.execute("PRAGMA integrity_check")) == [("ok",)]
        assert list(database.execute("SELECT COUNT(*) FROM cut_off")) == [(0,)]


@pytest.mark.parametrize(
    "uri",
    ["sqlite:////proc/modelpact/mlflow.db", "sqlite:///a_file/mlflow.db", "sqlite:///" + "x" * 300],
)
def test_a_store_that_cannot_be_created_is_rejected_with_a_remedy(uri: str) -> None:
    Path("a_file").touch()
    error = open_error(SqliteTracking(uri=uri))
    assert "cannot create the store " in error.message
    assert "\n" not in error.message
    assert "Its folder must be writable" in error.remedy
    assert os.listdir() == ["a_file"]


@pytest.mark.parametrize(
    ("place", "error", "text"),
    [
        ("shutil.copyfile", PermissionError(13, "Permission denied"), "Permission denied"),
        ("os.replace", OSError(30, "Read-only file system"), "Read-only file system"),
        (
            "sqlite3.connect",
            sqlite3.OperationalError("database or disk is full"),
            "database or disk is full",
        ),
    ],
)
def test_a_folder_that_is_not_writable_is_rejected_and_left_empty(
    place: str, error: Exception, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteTracking(uri="sqlite:///template_is_cached.db").open():
        pass
    Path("template_is_cached.db").unlink()

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(place, fail)
        assert f"cannot create the store mlflow.db: {text}" in open_error(SqliteTracking()).message
    assert os.listdir() == []


def test_a_read_only_store_is_rejected_with_a_remedy(made: Path) -> None:
    tracking = SqliteTracking(experiment="new", uri="sqlite:///mlflow.db?mode=ro&uri=true")
    remedy = tracking._open_remedy(
        "(sqlite3.OperationalError) attempt to write a readonly database"
    )
    assert remedy.startswith("The file or its folder is read-only")


@pytest.mark.slow
def test_a_database_without_tables_becomes_a_store() -> None:
    execute("mlflow.db", "CREATE TABLE passing (x)", "DROP TABLE passing")
    with SqliteTracking().open() as opened:
        assert len(opened.client.search_experiments()) == 2
