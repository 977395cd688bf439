"""The tracking store: opened for one run at a time, and never seen half-made.

A new SQLite store is copied from a template, which MLflow itself makes once for each of its versions; the copy is made beside its
place and then linked into it, so any number of processes may be the first. Whoever opens a store sets MLflow's global tracking
URI for that while; it is put back when the store is closed.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import Field

from modelpact._internal import mlflow_compat
from modelpact._internal.text import truncate
from modelpact.errors import ConfigError, PactError, StoreError
from modelpact.security import secrets
from modelpact.tracking import remote, sqlite
from modelpact.types import Step

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["ServerTracking", "SqliteTracking", "Store", "Tracking"]


@dataclass(frozen=True, slots=True)
class Store:
    """An open store.

    Attributes:
        client: MLflow's client for it.
        experiment_id: The experiment that runs go to.
        uri: Its address, without credentials.
    """

    client: MlflowClient
    experiment_id: str
    uri: str


class Tracking(Step, ABC):
    """Where runs, models and versions are kept.

    Attributes:
        uri: MLflow's tracking URI.
        experiment: The experiment that runs go to; made when there is none.
        artifact_location: Where a new experiment keeps its files, such as `s3://bucket/folder`; None for the store's own place.
    """

    excluded_from_key = frozenset({"uri", "experiment", "artifact_location"})

    uri: str
    experiment: str = Field(default="modelpact", min_length=1, max_length=500)
    artifact_location: str | None = Field(default=None, min_length=1)

    @abstractmethod
    def prepare(self) -> None:
        """Make sure that the store can be opened.

        Raises:
            StoreError: It cannot be reached, made or written.
        """

    def address(self) -> str:
        """The URI, a reference to an environment variable resolved.

        Raises:
            ModelConfigError: The variable is not set.
        """
        return (
            secrets.resolve(self.uri, "tracking.uri")
            if secrets.referenced_variable(self.uri)
            else self.uri
        )

    def resolved(self) -> str:
        """The URI as MLflow gets it."""
        return self.address()

    def shown(self) -> str:
        """The URI for messages: without credentials, and a reference as it is written."""
        return without_credentials(self.uri)

    @contextlib.contextmanager
    def open(self) -> Iterator[Store]:
        """Open the store; MLflow's global tracking and registry URIs point to it until it is closed.

        MLflow's retries are bounded meanwhile, and a password in the URI is where MLflow or the driver looks for it, not in the
        URI, which MLflow's own errors repeat.

        Raises:
            ConfigError: The URI is not of this kind.
            StoreError: It cannot be reached, made or written, its schema is not that of this MLflow, or it failed later on.
        """
        uri, variables = remote.separated(self.resolved())
        with remote.environment(variables), remote.bounded():
            self.prepare()
            with self.known(), _global_uris(uri):
                store = self._opened(uri)
                try:
                    yield store
                except Exception as error:
                    failed = self._failed(error)
                    if failed is None:
                        raise
                    raise failed from error

    def _opened(self, uri: str) -> Store:
        from mlflow import MlflowClient

        try:
            with self.exclusive():
                client = MlflowClient(uri, uri)
                return Store(
                    client,
                    _experiment(client, self.experiment, self.artifact_location),
                    self.shown(),
                )
        except PactError:
            raise
        except (
            Exception
        ) as error:  # MLflow's, SQLAlchemy's, alembic's, or the want of a database's driver
            raise self._cannot_be_opened(error) from error

    def _cannot_be_opened(self, error: Exception) -> StoreError:
        told = self._cleaned(remote.failure(error) or str(error))
        text = f"the store {self.shown()} cannot be opened: {truncate(told, 300)}"
        return StoreError(text, remedy=self._remedy(told), uri=self.shown())

    def _failed(self, error: Exception) -> StoreError | None:
        """What to say of an error of the store's user; None where the store is not what failed, or that was said already."""
        told = remote.failure(error)
        said = isinstance(error, StoreError) and error.uri is not None
        if not told or said or getattr(error, "left", None):
            return None
        return StoreError(
            f"the store {self.shown()} failed: {self._cleaned(told)}",
            remedy="No version was registered. See that it is up, then do the same again; a sweep goes on with resume=true.",
            uri=self.shown(),
        )

    def _cleaned(self, text: str) -> str:
        """A text without the address and its password."""
        uri = self.address()
        try:
            password = urlsplit(uri).password or ""
        except ValueError:
            password = ""
        shown = text.replace(uri, self.shown()).replace(remote.separated(uri)[0], self.shown())
        return secrets.redact_values(shown, [unquote(password), password])

    def known(self) -> contextlib.AbstractContextManager[None]:
        """What MLflow need not find out about the store by itself."""
        return contextlib.nullcontext()

    def exclusive(self) -> contextlib.AbstractContextManager[None]:
        """What a store needs so that two processes do not make its tables at once."""
        return contextlib.nullcontext()

    def _remedy(self, text: str) -> str:
        if "out-of-date database schema" in text:
            return f"Back it up, then run: mlflow db upgrade {self.shown()}"
        if "readonly database" in text or "read-only" in text:
            return "Its file or folder may not be written: change the permissions, or choose another with tracking.uri=..."
        if "No module named" in text:
            return "Install the driver of that database, such as psycopg2-binary for PostgreSQL or pymysql for mysql+pymysql://."
        if re.search(r"password|authenticat|error code 40[13]|no pg_hba", text):
            return (
                "Say who you are in the environment: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD for a server, "
                "PGPASSWORD for PostgreSQL; or put the whole address there: tracking.uri=env:NAME."
            )
        return "Check tracking.uri, and that the store is up."


class SqliteTracking(Tracking):
    """A SQLite file, by default `mlflow.db` in the working folder: no server, no account.

    `mlflow ui` started in the same folder shows it. Artifacts are in MLflow's usual place, `mlruns` in the working folder.
    """

    uri: str = "sqlite:///mlflow.db"

    @property
    def path(self) -> Path:
        """The database file.

        Raises:
            ConfigError: The URI is not `sqlite:///<path>`.
        """
        prefix, uri = "sqlite:///", self.address()
        file = unquote(uri.removeprefix(prefix).partition("?")[0])
        if not uri.startswith(prefix) or file in {"", ":memory:"}:
            raise ConfigError(
                f"tracking.uri={self.shown()!r} is not a SQLite store",
                remedy="Write sqlite:///mlflow.db (this folder) or sqlite:////an/absolute/path.db, or choose tracking=server.",
            )
        return Path(file)

    def resolved(self) -> str:
        """The URI with an absolute path: MLflow keeps stores by URI, and would go on with the folder a process was in first."""
        file = str(self.path.absolute()).replace("%", "%25").replace("?", "%3F")
        _, mark, query = self.address().partition("?")
        return f"sqlite:///{file}{mark}{query}"

    def prepare(self) -> None:
        path = self.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size == 0:
                sqlite.publish_new(path)
            else:
                sqlite.check_whole(path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the store {path} cannot be made: {getattr(error, 'strerror', None) or error}",
                remedy="Its folder must be writable: change into another folder, or choose one with tracking.uri=sqlite:///...",
                uri=self.shown(),
            ) from error

    def known(self) -> contextlib.AbstractContextManager[None]:
        revision = sqlite.newest_revision()
        return (
            contextlib.nullcontext()
            if revision is None
            else mlflow_compat.newest_revision(revision)
        )


class ServerTracking(Tracking):
    """A tracking server (`http://`, `https://`) or a database that MLflow opens directly (`postgresql://`, ...).

    Attributes:
        timeout: Seconds to wait for the server to take a connection.
    """

    excluded_from_key = frozenset({"uri", "experiment", "artifact_location", "timeout"})

    timeout: float = Field(default=10.0, gt=0)

    def resolved(self) -> str:
        """The URI with the driver that is installed, where it names none: SQLAlchemy's own choice may be another."""
        uri = self.address()
        if (
            uri.startswith("postgresql://")
            and find_spec("psycopg") is None
            and find_spec("psycopg2") is not None
        ):
            return uri.replace("postgresql://", "postgresql+psycopg2://", 1)
        return uri

    def prepare(self) -> None:
        kind, host, port = self._place()
        if host and not remote.is_behind_a_proxy(kind, host):
            try:
                socket.create_connection((host, port), timeout=self.timeout).close()
            except OSError as error:
                raise StoreError(
                    f"the tracking server {self.shown()} does not answer: {error}",
                    remedy="Start it (mlflow server --port 5000), or correct tracking.uri.",
                    uri=self.shown(),
                ) from error
        if kind not in {"http", "https"}:
            self._try_database()

    def _place(self) -> tuple[str, str, int]:
        """Kind, host and port; no host for PostgreSQL on a local socket.

        Raises:
            ConfigError: The URI is not the address of a server.
        """
        ports = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
        with contextlib.suppress(ValueError):  # a port that is no number, half an IPv6 address
            parts = urlsplit(self.address())
            kind = parts.scheme.partition("+")[0]
            if kind in ports and (
                parts.hostname or (kind == "postgresql" and parts.path.strip("/"))
            ):
                return kind, parts.hostname or "", parts.port or ports[kind]
        raise ConfigError(
            f"tracking.uri={self.shown()!r} is not the address of a server",
            remedy="Write http://host:5000 or postgresql://user@host/database, or choose tracking=sqlite.",
        )

    def _try_database(self) -> None:
        """Refuse at once what MLflow tries for minutes: a wrong password, a database that does not exist, a missing driver."""
        try:
            with remote.connection(remote.separated(self.resolved())[0]):
                pass
        except Exception as error:  # SQLAlchemy's, or the want of a driver
            raise self._cannot_be_opened(error) from error

    def exclusive(self) -> contextlib.AbstractContextManager[None]:
        return remote.alone(remote.separated(self.resolved())[0])


def without_credentials(uri: str) -> str:
    """The URI with user, password and query left out, for messages.

    Example:
        >>> without_credentials("postgresql://ann:secret@db/mlflow")
        'postgresql://***@db/mlflow'
    """
    if uri.startswith("sqlite:///"):  # a path: it has no place for a user
        return uri
    return re.sub(r"\?.*", "?***", re.sub(r"(?<=//).*@", "***@", uri))


@contextlib.contextmanager
def _global_uris(uri: str) -> Iterator[None]:
    import mlflow

    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    environment = {name: os.environ.get(name) for name in names}
    tracking = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(tracking)  # type: ignore[arg-type]  # None is how MLflow forgets it
        mlflow.set_registry_uri(
            environment["MLFLOW_REGISTRY_URI"] or ""
        )  # where MLflow itself notes what was set
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _experiment(client: MlflowClient, name: str, location: str | None = None) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, location))
        except (
            MlflowException
        ):  # somebody else made it between the two calls, or the name is refused
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {name!r} was deleted",
            remedy=f"Restore it (mlflow experiments restore -x {found.experiment_id}), or set tracking.experiment=...",
            experiment=name,
        )
    if location is not None and found.artifact_location.rstrip("/") not in {
        location.rstrip("/"),
        str(Path(location).absolute()),
    }:
        raise StoreError(
            f"the experiment {name!r} keeps its files in {without_credentials(found.artifact_location)}, and no longer moves",
            remedy="Leave tracking.artifact_location out, or make another experiment: tracking.experiment=...",
            experiment=name,
        )
    return str(found.experiment_id)
