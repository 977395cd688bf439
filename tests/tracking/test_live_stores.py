"""Real stores: a tracking server on SQLite and on PostgreSQL, PostgreSQL directly, files behind S3, and servers in trouble."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.support import environments
from tests.support.commands import CommandResult, CommandRunner, modelpact
from tests.support.server_programs import free_port
from tests.support.store_servers import (
    Postgres,
    Trouble,
    postgres,
    process,
    trouble,
    variables,
)

__all__ = ["modelpact"]  # the fixture

pytestmark = pytest.mark.slow

SWEEP = ("-m", "model.estimator.alpha=1,2", "hydra.sweep.dir=sweep")
S3 = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass
class Place:
    """A store of a user: command-line arguments and environment variables."""

    programs: Path
    cache: Path
    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run modelpact with this store, in the working folder."""
        known = variables(self.programs, MODELPACT_CACHE=str(self.cache), **self.environment) | more
        command = [str(self.programs / "modelpact"), *arguments, "tracking=server", *self.arguments]
        return subprocess.run(
            command, env=known, capture_output=True, text=True, check=False, timeout=300
        )


@pytest.fixture(scope="session")
def programs() -> Path:
    return environments.extras()


@pytest.fixture(scope="session")
def database(programs: Path) -> Iterator[Postgres]:
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres(programs, Path(folder)) as server,
    ):  # no process may enter it
        yield server


@pytest.fixture(scope="session")
def bucket(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3 server with a bucket `models`; returns the environment variables to connect."""
    port = free_port()
    folder = tmp_path_factory.mktemp("s3")
    known = S3 | {"MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    command = [str(programs / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with process(command, port, folder, env=variables(programs)):
        make = f"import boto3; boto3.client('s3', endpoint_url='http://127.0.0.1:{port}').create_bucket(Bucket='models')"
        subprocess.run(
            [str(programs / "python"), "-c", make], env=variables(programs, **S3), check=True
        )
        yield known


def create(programs: Path, server: Postgres, name: str) -> str:
    """A new database; returns its address, without the password."""
    make = (
        "import psycopg2, sys; c = psycopg2.connect(sys.argv[1]); c.autocommit = True; "
        "c.cursor().execute(f'create database {sys.argv[2]}')"
    )
    known = variables(programs, PGPASSWORD=server.password)
    subprocess.run(
        [str(programs / "python"), "-c", make, server.uri("postgres"), name], env=known, check=True
    )
    return server.uri(name)


def served(
    stack: ExitStack, programs: Path, folder: Path, backend: str, files: str, **more: str
) -> int:
    """Start a tracking server; returns its port."""
    port = free_port()
    options = [
        "--workers",
        "1",
        "--port",
        str(port),
        "--backend-store-uri",
        backend,
        "--artifacts-destination",
        files,
    ]
    command = [str(programs / "python"), "-m", "mlflow", "server", *options]
    # Without this, the server starts seven more processes that import MLflow.
    more["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    stack.enter_context(process(command, port, folder, env=variables(programs, **more)))
    return port


@pytest.fixture(scope="session")
def plain_server(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a tracking server on SQLite with its own artifact folder."""
    folder = tmp_path_factory.mktemp("server")
    with ExitStack() as stack:
        yield served(stack, programs, folder, "sqlite:///store.db", str(folder / "files"))


SERVED = "server, PostgreSQL and S3"


@pytest.fixture(
    params=[
        pytest.param("server, SQLite", marks=pytest.mark.exhaustive),
        SERVED,
        pytest.param("PostgreSQL, files in S3", marks=pytest.mark.exhaustive),
    ]
)
def place(
    request: pytest.FixtureRequest,
    programs: Path,
    cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    with ExitStack() as stack:
        if request.param == "server, SQLite":
            yield Place(
                programs,
                cache,
                [f"tracking.uri=http://127.0.0.1:{request.getfixturevalue('plain_server')}"],
            )
            return
        server, s3 = request.getfixturevalue("database"), request.getfixturevalue("bucket")
        if request.param == "PostgreSQL, files in S3":
            uri = create(programs, server, f"direct_{free_port()}")
            location = "tracking.artifact_location=s3://models/direct"
            yield Place(
                programs,
                cache,
                [f"tracking.uri={uri}", location],
                s3 | {"PGPASSWORD": server.password},
            )
            return
        uri, folder = (
            create(programs, server, f"served_{free_port()}"),
            tmp_path_factory.mktemp("server"),
        )
        backend = uri.replace(
            "postgresql:", "postgresql+psycopg2:"
        )  # otherwise SQLAlchemy 2.1 requires the driver psycopg
        port = served(
            stack, programs, folder, backend, "s3://models/served", PGPASSWORD=server.password, **s3
        )
        yield Place(programs, cache, [f"tracking.uri=http://127.0.0.1:{port}"])


def statuses() -> list[tuple[str, str | None]]:
    return sorted(
        (one["status"], one["version"])
        for one in (json.loads(path.read_text()) for path in Path().rglob("receipt.json"))
    )


def test_every_task_works(place: Place, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    place.environment["TMPDIR"] = str(scratch)
    swept = place(*SWEEP)
    assert swept.returncode == 0, swept.stderr
    assert "registered diabetes version 1; " in swept.stdout
    assert "5 of 5 checks passed" in swept.stdout
    assert "2 jobs, 2 ok" in swept.stdout
    assert sorted(int(version or 0) for _, version in statuses()) == [1, 2]
    Path("sweep/1/receipt.json").unlink()  # as if it had been killed just before its end
    again = place(*SWEEP, "resume=true")
    assert again.returncode == 0, again.stderr
    assert "2 jobs, 1 are done" in again.stdout
    assert "reused" in again.stdout
    assert sorted(int(version or 0) for _, version in statuses()) == [1, 2]

    audited = place("task=audit")
    assert audited.stdout == "2 versions audited, 2 as published\n", audited.stderr
    signed = place("task=resign", "task.uri=models:/diabetes/1")
    assert "registered diabetes version 3; " in signed.stdout, signed.stderr
    checked = place("task=check", "task.uri=models:/diabetes/3")
    assert "all 442 rows of diabetes conform" in checked.stdout, checked.stderr
    lost = place("task=check", "task.uri=models:/diabetes/4")
    assert "Versions: 1, 2, 3; aliases: none." in lost.stderr
    assert [
        path.name
        for path in scratch.iterdir()
        if path.is_dir() and path.name.startswith(("tmp", "modelpact-"))
    ] == []
    secrets = [value for name, value in place.environment.items() if name == "PGPASSWORD"]
    written = [path for path in Path().rglob("*") if path.is_file()]
    assert not [
        path for path in written for secret in secrets if secret.encode() in path.read_bytes()
    ]


@pytest.mark.exhaustive
@pytest.mark.parametrize("place", [SERVED], indirect=True)
@pytest.mark.parametrize("recipe", ["sweep_optuna", "sweep_ray", "sweep_submitit"])
def test_a_sweep_of_eight_jobs_with_each_launcher(recipe: str, place: Place) -> None:
    begun = time.monotonic()
    swept = place("-m", f"experiment={recipe}", "hydra.sweep.dir=sweep")
    sys.stdout.write(f"{recipe}: {time.monotonic() - begun:.0f} s\n")
    assert swept.returncode == 0, swept.stderr
    assert "8 jobs, 8 ok" in swept.stdout
    assert sorted(int(version or 0) for _, version in statuses()) == list(range(1, 9))


def test_four_runs_can_create_a_postgresql_store_concurrently(
    programs: Path, database: Postgres, cache: Path
) -> None:
    uri = create(programs, database, "fresh").replace("ann@", f"ann:{database.password}@")
    script = (
        "import sys, mlflow; from modelpact.tracking import ServerTracking\n"
        "with ServerTracking(uri='env:WHERE').open() as opened, mlflow.start_run(experiment_id=opened.experiment_id): pass"
    )
    known = variables(programs, WHERE=uri, MODELPACT_CACHE=str(cache))
    command = [str(programs / "python"), "-c", script]
    running = [
        subprocess.Popen(command, env=known, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ended = [(one.communicate(timeout=120)[1], one.returncode) for one in running]
    assert [code for _, code in ended] == [0] * 4, ended


def test_a_wrong_password_or_missing_database_fails_within_seconds(
    programs: Path, database: Postgres, cache: Path
) -> None:
    place = Place(programs, cache, ["tracking.uri=env:WHERE"])
    wrong = place(WHERE=f"postgresql://ann:wr0ngpass@127.0.0.1:{database.port}/postgres")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: cannot open the store env:WHERE: ")
    assert "password authentication failed" in wrong.stderr
    assert "PGPASSWORD" in wrong.stderr
    missing = place(WHERE=f"postgresql://ann:{database.password}@127.0.0.1:{database.port}/none")
    assert 'database "none" does not exist' in missing.stderr
    said = wrong.stdout + wrong.stderr + missing.stdout + missing.stderr
    written = "".join(path.read_text() for path in Path().rglob("*") if path.is_file())
    assert not [secret for secret in ("wr0ngpass", database.password) if secret in said + written]


# trouble


@pytest.fixture
def troubled(plain_server: int) -> Iterator[Trouble]:
    with trouble(plain_server) as proxy:
        yield proxy


@pytest.fixture
def behind(
    troubled: Trouble, modelpact: CommandRunner, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CommandResult]:
    """Run modelpact in this process with the store behind the proxy, and short timeouts."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    store = ("tracking=server", f"tracking.uri=http://127.0.0.1:{troubled.port}")
    return lambda *arguments: modelpact(*arguments, *store)


def versions(port: int, name: str) -> list[int]:
    client = MlflowClient(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}")
    return sorted(int(found.version) for found in client.search_model_versions(f"name = '{name}'"))


@pytest.mark.parametrize(
    ("kind", "path", "stage"),
    [
        ("500", "runs/create", "open"),
        ("500", "mlflow-artifacts", "open"),
        ("drop", "logged-models", "save"),
        pytest.param("hang", "model-versions/create", "register", marks=pytest.mark.exhaustive),
    ],
)
def test_a_server_failure_is_one_error_and_nothing_is_registered(
    kind: str, path: str, stage: str, behind: Callable[..., CommandResult], troubled: Trouble
) -> None:
    name = f"{kind}-{stage}-{len(path)}"
    troubled.begin(kind, path)
    ended = behind(f"name={name}", "hydra.run.dir=first")
    assert ended.status == 1
    assert ended.err.count("error: ") == 1, ended.err
    assert f"error: the store http://127.0.0.1:{troubled.port} failed: " in ended.err
    assert "No version was registered." in ended.err
    assert "Traceback" not in ended.err
    assert len(troubled.met) < 12
    receipt = json.loads(Path("first/receipt.json").read_text())
    assert (receipt["status"], receipt["stage"], receipt["version"]) == ("failed", stage, None)
    troubled.end()
    assert versions(troubled.port, name) == []
    again = behind(f"name={name}")
    assert again.status == 0, again.err
    assert versions(troubled.port, name) == [1]


@pytest.mark.parametrize("kind", ["500", "drop", "lost"])
def test_one_failed_request_is_retried_without_a_second_version(
    kind: str, behind: Callable[..., CommandResult], troubled: Trouble
) -> None:
    troubled.begin(kind, "model-versions/create", times=1)
    ended = behind(f"name=once-{kind}")
    assert ended.status == 0, ended.err
    assert len(troubled.met) == 1
    assert versions(troubled.port, f"once-{kind}") == [1]


def test_a_sweep_is_resumed_after_a_server_failure(
    behind: Callable[..., CommandResult], troubled: Trouble
) -> None:
    sweep = ("-m", "model.estimator.alpha=1,2,3", "name=swept", "hydra.sweep.dir=sweep")
    troubled.begin("500", "logged-models")
    ended = behind(*sweep)
    assert ended.status == 1
    assert "3 of 3 jobs failed" in ended.err
    assert "StoreError: the store http://127.0.0.1:" in ended.err
    troubled.end()
    again = behind(*sweep, "resume=true")
    assert again.status == 0, again.err
    assert versions(troubled.port, "swept") == [1, 2, 3]
