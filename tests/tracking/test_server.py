from __future__ import annotations

import http.server
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from pydantic import ValidationError

from modelpact.errors import ConfigError
from modelpact.tracking import ServerTracking
from tests.support.open_error import open_error


class Silent(http.server.BaseHTTPRequestHandler):
    """A web server that is not MLflow."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a web server that is not MLflow."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which no process can listen."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.mark.parametrize(
    "scheme", ["http", "https", "postgresql", "postgresql+psycopg2", "mysql+pymysql"]
)
def test_an_unreachable_server_is_named_without_credentials(scheme: str, closed_port: int) -> None:
    error = open_error(ServerTracking(uri=f"{scheme}://ann:secret@127.0.0.1:{closed_port}/mlflow"))
    assert error.message.startswith(
        f"cannot connect to the tracking server {scheme}://***@127.0.0.1:{closed_port}/mlflow: "
    )
    assert "mlflow server" in error.remedy
    assert "secret" not in f"{error} {vars(error)} {error!r}"


def test_an_unknown_host_is_named() -> None:
    assert (
        "the tracking server http://no-such-host.invalid:5000: "
        in open_error(ServerTracking(uri="http://no-such-host.invalid:5000")).message
    )


def test_a_server_that_is_not_mlflow_is_named_without_credentials(port: int) -> None:
    error = open_error(ServerTracking(uri=f"http://ann:secret@127.0.0.1:{port}"))
    assert error.message.startswith(f"cannot open the store http://***@127.0.0.1:{port}: ")
    assert "404" in error.message
    assert "secret" not in f"{error} {vars(error)}"


def test_a_missing_database_driver_is_named(port: int) -> None:
    error = open_error(
        ServerTracking(uri=f"postgresql+nosuchdriver://ann:secret@127.0.0.1:{port}/mlflow")
    )
    assert (
        f"cannot open the store postgresql+nosuchdriver://***@127.0.0.1:{port}/mlflow: "
        in error.message
    )
    assert "secret" not in f"{error} {vars(error)}"
    assert "psycopg2-binary" in ServerTracking(uri="postgresql://h/d")._open_remedy(
        "No module named 'psycopg2'"
    )


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "host:5000",
        "http://",
        "ftp://host",
        "ftp://host:21",
        "sqlite:///mlflow.db",
        "http://[half",
        "http://h:port",
        "http://h:99999",
    ],
)
def test_an_invalid_server_uri_is_rejected_with_an_example(uri: str) -> None:
    error = open_error(ServerTracking(uri=uri), ConfigError)
    assert error.message == f"tracking.uri={uri!r} is not the address of a server"
    assert "http://host:5000" in error.remedy
    assert "tracking=sqlite" in error.remedy


@pytest.mark.parametrize(
    "options",
    [{}, {"uri": 5}, {"uri": "http://h", "timeout": 0}, {"uri": "http://h", "timeout": -1.0}],
)
def test_options_of_a_server_are_validated(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ServerTracking(**options)


def test_a_reachable_server_is_used(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = type(
        "Found", (), {"lifecycle_stage": "active", "experiment_id": "7", "name": "mine"}
    )
    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", lambda self, name: experiment)
    with ServerTracking(uri=f"http://ann:secret@127.0.0.1:{port}").open() as opened:
        assert mlflow.get_tracking_uri() == f"http://127.0.0.1:{port}"
        assert [os.environ[f"MLFLOW_TRACKING_{name}"] for name in ("USERNAME", "PASSWORD")] == [
            "ann",
            "secret",
        ]
        assert (opened.experiment_id, opened.uri) == ("7", f"http://***@127.0.0.1:{port}")
    assert not [name for name in os.environ if name.startswith("MLFLOW_TRACKING_")]
