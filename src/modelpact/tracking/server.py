"""`ServerTracking`: a tracking server, or a database that MLflow opens directly."""

from __future__ import annotations

import contextlib
import socket
from importlib.util import find_spec
from urllib.parse import urlsplit

from pydantic import Field

from modelpact._internal.guards import convert_errors
from modelpact.errors import ConfigError, StoreError
from modelpact.tracking import remote_store
from modelpact.tracking.base import DEFAULT_EXPERIMENT, ExperimentName, Tracking

__all__ = ["ServerTracking"]

_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


class ServerTracking(Tracking):
    """A tracking server (`http://`, `https://`) or a database (`postgresql://`, ...).

    Attributes:
        timeout: Seconds to wait for a connection to the server.
    """

    excluded_from_key = frozenset({"uri", "experiment", "artifact_location", "timeout"})

    uri: str
    experiment: ExperimentName = DEFAULT_EXPERIMENT
    timeout: float = Field(default=10.0, gt=0)

    def mlflow_uri(self) -> str:
        """Return the URI with the PostgreSQL driver that is installed.

        SQLAlchemy's default driver may be a different one.
        """
        uri = self.resolve_uri()
        if (
            uri.startswith("postgresql://")
            and find_spec("psycopg") is None
            and find_spec("psycopg2") is not None
        ):
            return uri.replace("postgresql://", "postgresql+psycopg2://", 1)
        return uri

    def prepare(self) -> None:
        scheme, host, port = self._address()
        if host and not remote_store.uses_proxy(scheme, host):
            try:
                socket.create_connection((host, port), timeout=self.timeout).close()
            except OSError as error:
                raise StoreError(
                    f"cannot connect to the tracking server {self.display_uri()}: {error}",
                    remedy="Start it (mlflow server --port 5000), or correct tracking.uri.",
                    uri=self.display_uri(),
                ) from error
        if scheme not in {"http", "https"}:
            self._connect_to_database()

    def schema_lock(self) -> contextlib.AbstractContextManager[None]:
        return remote_store.schema_lock(self._bare_uri())

    def _bare_uri(self) -> str:
        return remote_store.split_credentials(self.mlflow_uri())[0]

    def _address(self) -> tuple[str, str, int]:
        """Return scheme, host and port; the host is empty for PostgreSQL on a local socket.

        Raises:
            ConfigError: The URI is not the address of a server.
        """
        # A port that is not a number and half an IPv6 address raise ValueError.
        with contextlib.suppress(ValueError):
            parts = urlsplit(self.resolve_uri())
            scheme = parts.scheme.partition("+")[0]
            local_socket = scheme == "postgresql" and parts.path.strip("/")
            if scheme in _PORTS and (parts.hostname or local_socket):
                return scheme, parts.hostname or "", parts.port or _PORTS[scheme]
        raise ConfigError(
            f"tracking.uri={self.display_uri()!r} is not the address of a server",
            remedy="Write http://host:5000 or postgresql://user@host/database,"
            " or choose tracking=sqlite.",
            key="tracking.uri",
        )

    def _connect_to_database(self) -> None:
        """Fail fast: MLflow retries a wrong password or a missing database for minutes."""
        # Errors of SQLAlchemy, and of a missing database driver.
        with convert_errors(self._open_error), remote_store.connect(self._bare_uri()):
            pass
