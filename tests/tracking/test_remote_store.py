from __future__ import annotations

import os
from pathlib import Path

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.utils import rest_utils

from modelpact.errors import ModelConfigError, RegisterError, SaveError, StoreError
from modelpact.tracking import ServerTracking, SqliteTracking, remote_store

DOWN = MlflowException(
    "API request to http://h:5000/api/2.0/mlflow/runs/create failed with exception HTTPConnectionPool(host='h', port=5000): Max "
    "retries exceeded with url: /api/2.0/mlflow/runs/create (Caused by ResponseError('too many 500 error responses'))"
)


@pytest.mark.parametrize(
    ("uri", "bare", "variables"),
    [
        ("http://h:5000", "http://h:5000", {}),
        (
            "http://ann:p%40ss@h:5000/x",
            "http://h:5000/x",
            {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "p@ss"},
        ),
        ("postgresql://ann:secret@db:1/x", "postgresql://ann@db:1/x", {"PGPASSWORD": "secret"}),
        (
            "postgresql+psycopg2://:secret@db/x",
            "postgresql+psycopg2://db/x",
            {"PGPASSWORD": "secret"},
        ),
        ("postgresql://ann@db/x", "postgresql://ann@db/x", {}),
        ("mysql+pymysql://ann:secret@db/x", "mysql+pymysql://ann:secret@db/x", {}),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db", {}),
        ("http://[half", "http://[half", {}),
    ],
)
def test_credentials_are_moved_to_environment_variables(
    uri: str, bare: str, variables: dict[str, str]
) -> None:
    assert remote_store.split_credentials(uri) == (bare, variables)


def test_retry_settings_are_set_temporarily_unless_the_user_sets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(remote_store.TIMEOUT, "300")
    with SqliteTracking().open():
        assert {
            name: os.environ[name] for name in remote_store.RETRY_SETTINGS
        } == remote_store.RETRY_SETTINGS | {remote_store.TIMEOUT: "300"}
    assert [name for name in remote_store.RETRY_SETTINGS if name in os.environ] == [
        remote_store.TIMEOUT
    ]


def raised(kind: type[Exception], text: str, within: str) -> Exception:
    """Return an error raised in a module of that name."""
    try:
        exec("raise kind(text)", {"__name__": within, "kind": kind, "text": text})
    except kind as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DOWN, "/api/2.0/mlflow/runs/create: too many 500 error responses"),
        (
            MlflowException(
                "API request to endpoint /api/x failed with error code 503 != 200. Response body: ''"
            ),
            "/api/x: HTTP status 503",
        ),
        (
            MlflowException(
                "API request to endpoint /api/x failed with error code 404 != 200. Response body: ''"
            ),
            "",
        ),
        (MlflowException("no such run"), ""),
        (
            raised(requests.ConnectionError, "refused", "mlflow.store.artifact.http_artifact_repo"),
            "refused",
        ),
        (raised(requests.ConnectionError, "refused", "somebodys.model"), ""),
        (raised(OSError, "disk full", "mlflow.store.artifact.local_artifact_repo"), ""),
        (None, ""),
    ],
)
def test_store_failures_are_recognized(error: Exception | None, expected: str) -> None:
    assert remote_store.store_failure(error) == expected


def staged(error: Exception) -> None:
    """Raise the error of a stage, caused by the store, while a store is open."""
    with SqliteTracking().open():
        raise error from DOWN


def test_a_store_failure_is_found_in_the_causes_of_an_error() -> None:
    with pytest.raises(StoreError) as caught:
        staged(SaveError("save failed"))
    expected = "the store sqlite:///mlflow.db failed: /api/2.0/mlflow/runs/create: too many 500 error responses"
    assert caught.value.message == expected
    assert "resume=true" in caught.value.remedy
    with pytest.raises(RegisterError, match="could not be taken back"):
        staged(RegisterError("it could not be taken back", not_undone=["version 1"]))


def test_after_a_store_failure_requests_are_not_retried() -> None:
    with remote_store.short_timeouts(DOWN):
        assert (os.environ[remote_store.RETRIES], os.environ[remote_store.TIMEOUT]) == ("0", "5")
    with remote_store.short_timeouts(ValueError("something else")):
        assert remote_store.RETRIES not in os.environ
    assert remote_store.RETRIES not in os.environ


class Flaky:
    """Creates something; the first `failing` calls raise, but those from `made` on create it nevertheless."""

    def __init__(self, failing: int, made: int | None = None, error: Exception = DOWN) -> None:
        self.failing, self.made, self.error, self.calls = failing, made, error, 0

    def create(self) -> str:
        assert os.environ[remote_store.RETRIES] == "0"
        self.calls += 1
        if self.calls <= self.failing:
            raise self.error
        return "created"

    def find(self) -> str | None:
        return "found" if self.made is not None and self.calls >= self.made else None


@pytest.mark.parametrize(
    ("flaky", "result", "calls"),
    [
        (Flaky(0), "created", 1),
        (Flaky(2), "created", 3),
        (Flaky(5, made=1), "found", 1),
        (Flaky(5, made=5), "found", 5),
    ],
)
def test_create_once_finds_what_an_earlier_attempt_created(
    flaky: Flaky, result: str, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert remote_store.create_once(flaky.create, flaky.find) == result
    assert flaky.calls == calls


@pytest.mark.parametrize(
    ("error", "calls"), [(DOWN, 3), (MlflowException("the name is refused"), 1)]
)
def test_the_last_failure_is_raised(
    error: Exception, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv(remote_store.RETRIES, "2")
    flaky = Flaky(9, error=error)
    with pytest.raises(MlflowException) as caught:
        remote_store.create_once(flaky.create, flaky.find)
    assert caught.value is error
    assert flaky.calls == calls


def test_a_uri_in_a_variable_is_resolved_when_the_store_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracking = ServerTracking(uri="env:WHERE")
    with (
        pytest.raises(ModelConfigError, match=r"tracking\.uri: the variable WHERE is not set"),
        tracking.open(),
    ):
        pytest.fail("it was opened")
    monkeypatch.setenv("WHERE", "http://ann:s3cr3tpw@127.0.0.1:1")
    with pytest.raises(StoreError) as caught, tracking.open():
        pytest.fail("it was opened")
    assert caught.value.message.startswith("cannot connect to the tracking server env:WHERE: ")
    assert "s3cr3tpw" not in f"{caught.value} {vars(caught.value)}"
    monkeypatch.setenv("WHERE", "sqlite:///other.db")
    with SqliteTracking(uri="env:WHERE").open() as opened:
        assert opened.uri == "env:WHERE"
    assert os.listdir() == ["other.db"]


def test_a_server_behind_a_proxy_is_not_probed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:2")
    monkeypatch.setenv("no_proxy", "inside.invalid")
    assert remote_store.uses_proxy("http", "far.invalid")
    assert not remote_store.uses_proxy("http", "inside.invalid")
    assert not remote_store.uses_proxy("postgresql", "far.invalid")
    ServerTracking(uri="http://far.invalid").prepare()


def test_the_artifact_location_of_an_experiment_cannot_be_changed(tmp_path: Path) -> None:
    place = (tmp_path / "files").as_uri()
    for _ in range(2):
        with SqliteTracking(artifact_location=place).open() as opened:
            assert opened.client.get_experiment(opened.experiment_id).artifact_location == place
    with (
        pytest.raises(StoreError, match=r"is .*files and cannot be changed"),
        SqliteTracking(artifact_location="s3://b").open(),
    ):
        pytest.fail("it was opened")
    with SqliteTracking().open():
        pass


def test_the_error_message_of_mlflow_is_recognized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_store.RETRIES, "0")
    credentials = (
        rest_utils.MlflowHostCreds("http://127.0.0.1:1")
        if hasattr(rest_utils, "MlflowHostCreds")
        else None
    )
    assert credentials is not None
    with pytest.raises(MlflowException) as caught:
        rest_utils.http_request(credentials, "/api/x", "GET")
    assert remote_store.store_failure(caught.value).startswith("/api/x: ")
    assert "refused" in remote_store.store_failure(caught.value)
