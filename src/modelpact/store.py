"""The tracking store: opened for one run at a time, and never seen half-made.

A new SQLite store is copied from a template, which MLflow itself makes once for each of its versions; the copy is made beside its
place and then linked into it, so any number of processes may be the first. Whoever opens a store sets MLflow's global tracking
URI for that while; it is put back when the store is closed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import socket
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import Field

from modelpact import _mlflow
from modelpact.errors import ConfigError, PactError, StoreError
from modelpact.files import beside, cache_folder, temporary_folder
from modelpact.steps import Step
from modelpact.suggestions import shortened

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
    """

    not_identity = frozenset({"uri", "experiment"})

    uri: str
    experiment: str = Field(default="modelpact", min_length=1, max_length=500)

    @abstractmethod
    def prepare(self) -> None:
        """Make sure that the store can be opened.

        Raises:
            StoreError: It cannot be reached, made or written.
        """

    def resolved(self) -> str:
        """The URI as MLflow gets it."""
        return self.uri

    @contextlib.contextmanager
    def open(self) -> Iterator[Store]:
        """Open the store; MLflow's global tracking and registry URIs point to it until it is closed.

        Raises:
            ConfigError: The URI is not of this kind.
            StoreError: It cannot be reached, made or written, or its schema is not that of this MLflow.
        """
        self.prepare()
        from mlflow import MlflowClient

        with _global_uris(self.resolved()):
            try:
                client = MlflowClient(self.resolved(), self.resolved())
                experiment_id = _experiment(client, self.experiment)
            except PactError:
                raise
            except Exception as error:  # MLflow's, SQLAlchemy's, alembic's, or the want of a database's driver
                address = without_credentials(self.uri)
                told = str(error).replace(self.uri, address)
                raise StoreError(
                    f"the store {address} cannot be opened: {shortened(told, 300)}", remedy=self._remedy(told), uri=address
                ) from error
            yield Store(client, experiment_id, without_credentials(self.uri))

    def _remedy(self, text: str) -> str:
        if "out-of-date database schema" in text:
            return f"Back it up, then run: mlflow db upgrade {without_credentials(self.uri)}"
        if "readonly database" in text or "read-only" in text:
            return "Its file or folder may not be written: change the permissions, or choose another with tracking.uri=..."
        if "No module named" in text:
            return (
                "Install the driver of that database, such as psycopg2-binary for postgresql:// or pymysql for mysql+pymysql://."
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
        prefix = "sqlite:///"
        file = unquote(self.uri.removeprefix(prefix).partition("?")[0])
        if not self.uri.startswith(prefix) or file in {"", ":memory:"}:
            raise ConfigError(
                f"tracking.uri={without_credentials(self.uri)!r} is not a SQLite store",
                remedy="Write sqlite:///mlflow.db (this folder) or sqlite:////an/absolute/path.db, or choose tracking=server.",
                uri=without_credentials(self.uri),
            )
        return Path(file)

    def resolved(self) -> str:
        """The URI with an absolute path: MLflow keeps stores by URI, and would go on with the folder a process was in first."""
        file = str(self.path.absolute()).replace("%", "%25").replace("?", "%3F")
        _, mark, query = self.uri.partition("?")
        return f"sqlite:///{file}{mark}{query}"

    def prepare(self) -> None:
        path = self.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size == 0:
                _publish_new(path)
            else:
                _check_whole(path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the store {path} cannot be made: {getattr(error, 'strerror', None) or error}",
                remedy="Its folder must be writable: change into another folder, or choose one with tracking.uri=sqlite:///...",
                uri=self.uri,
            ) from error


class ServerTracking(Tracking):
    """A tracking server (`http://`, `https://`) or a database that MLflow opens directly (`postgresql://`, ...).

    Attributes:
        timeout: Seconds to wait for the server to take a connection.
    """

    not_identity = frozenset({"uri", "experiment", "timeout"})

    timeout: float = Field(default=10.0, gt=0)

    def prepare(self) -> None:
        address = self._address()
        if address is None:
            raise ConfigError(
                f"tracking.uri={without_credentials(self.uri)!r} is not the address of a server",
                remedy="Write http://host:5000 or postgresql://user@host/database, or choose tracking=sqlite.",
                uri=without_credentials(self.uri),
            )
        try:
            socket.create_connection(address, timeout=self.timeout).close()
        except OSError as error:
            raise StoreError(
                f"the tracking server {without_credentials(self.uri)} does not answer: {error}",
                remedy="Start it (mlflow server --port 5000), or correct tracking.uri.",
                uri=without_credentials(self.uri),
            ) from error

    def _address(self) -> tuple[str, int] | None:
        ports = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
        try:
            parts = urlsplit(self.uri)
            default = ports.get(parts.scheme.partition("+")[0])
            return (parts.hostname, parts.port or default) if parts.hostname and default else None
        except ValueError:  # a port that is no number, half an IPv6 address
            return None


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
        mlflow.set_registry_uri(environment["MLFLOW_REGISTRY_URI"] or "")  # where MLflow itself notes what was set
        for name, value in environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _experiment(client: MlflowClient, name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:  # somebody else made it between the two calls, or the name is refused
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {name!r} was deleted",
            remedy=f"Restore it (mlflow experiments restore -x {found.experiment_id}), or set tracking.experiment=...",
            experiment=name,
        )
    return str(found.experiment_id)


def _publish_new(path: Path) -> None:
    """Put a new store at `path`, whole; if somebody else was faster, theirs stays."""
    from filelock import FileLock

    aside = beside(path)
    try:
        template = _template()
        if template is None:
            _create_schema(aside)
        else:
            shutil.copyfile(template, aside)
        with contextlib.closing(sqlite3.connect(aside)) as database, database:
            database.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0", (_mlflow.artifact_root(0),))
        name = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
        with FileLock((cache_folder() or Path(tempfile.gettempdir())) / f"{name}.lock"):
            if not path.exists() or path.stat().st_size == 0:
                os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _create_schema(path: Path) -> None:
    """Have MLflow make its tables, without its and alembic's log lines about it."""
    talkative = [logging.getLogger(name) for name in ("alembic", "mlflow.store.db.utils")]
    levels = [logger.level for logger in talkative]
    try:
        for logger in talkative:
            logger.setLevel(logging.WARNING)
        _mlflow.create_schema(path)
    finally:
        for logger, level in zip(talkative, levels, strict=True):
            logger.setLevel(level)


def _template() -> Path | None:
    """An empty store as this MLflow makes it, from the cache; None where nothing can be cached."""
    from filelock import FileLock
    from mlflow.version import VERSION

    folder = cache_folder()
    if folder is None:
        return None
    schema = hashlib.sha256("\n".join(_mlflow.migrations()).encode()).hexdigest()[:12]
    template = folder / f"store-mlflow-{VERSION}-{schema}.db"
    if not template.exists():
        with FileLock(f"{template}.lock"):
            if not template.exists():
                with temporary_folder(folder) as aside:
                    fresh = aside / "store.db"
                    _create_schema(fresh)
                    os.replace(fresh, template)
    return template


def _check_whole(path: Path) -> None:
    """Refuse a file that is no SQLite database, or whose making was cut short, before MLflow tries to mend it and fails."""
    try:  # not mode=ro: then SQLite cannot undo what a process was killed in the middle of, and refuses the file
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=20)) as database:
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            versions = list(database.execute("SELECT version_num FROM alembic_version")) if "alembic_version" in tables else []
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path} is not a readable SQLite database: {error}",
            remedy="Move it away, or choose another store with tracking.uri=sqlite:///...",
            uri=f"sqlite:///{path}",
        ) from error
    fault, remedy = _fault(tables, [str(version) for (version,) in versions])
    if fault:
        raise StoreError(f"the store {path} {fault}", remedy=remedy, uri=f"sqlite:///{path}")


def _fault(tables: set[str], versions: list[str]) -> tuple[str, str]:
    """What is wrong with a database of these tables and schema versions, and what to do; empty where nothing is."""
    if not tables:
        return "", ""
    if "experiments" not in tables:
        return "is the database of something else", "Choose another file with tracking.uri=sqlite:///..."
    if not versions:
        what = f"was left half-made ({len(tables)} tables and no schema version)"
        return what, "It holds no finished run: move it away and run again."
    known = {name.partition("_")[0] for name in _mlflow.migrations()}
    if versions[0] not in known:
        what = f"was made by a newer MLflow (its schema is {shortened(versions[0])})"
        return what, "Upgrade MLflow here, or choose another store with tracking.uri=sqlite:///..."
    return "", ""
