"""`SqliteTracking`: a SQLite file. No process ever sees a partial schema.

MLflow creates the schema once per version, in a template in the cache. A new store is a copy of the
template that is renamed into place, so any number of processes may create it at the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import unquote

from modelpact._internal import mlflow_compat
from modelpact._internal.files import cache_folder, temporary_folder, temporary_sibling
from modelpact._internal.log_levels import log_level
from modelpact._internal.text import truncate
from modelpact._internal.user_files import describe_irregular
from modelpact.errors import ConfigError, StoreError
from modelpact.tracking.base import DEFAULT_EXPERIMENT, ExperimentName, Tracking

__all__ = ["SqliteTracking", "check_complete", "create_from_template", "template_revision"]


class SqliteTracking(Tracking):
    """A SQLite file, by default `mlflow.db` in the working folder: no server, no account.

    `mlflow ui` in the same folder shows it. Artifacts are in `mlruns`, MLflow's default.
    """

    uri: str = "sqlite:///mlflow.db"
    experiment: ExperimentName = DEFAULT_EXPERIMENT

    @property
    def path(self) -> Path:
        """The database file.

        Raises:
            ConfigError: The URI is not `sqlite:///<path>`.
        """
        prefix, uri = "sqlite:///", self.resolve_uri()
        file = unquote(uri.removeprefix(prefix).partition("?")[0])
        if not uri.startswith(prefix) or file in {"", ":memory:"}:
            raise ConfigError(
                f"tracking.uri={self.display_uri()!r} is not a SQLite store",
                remedy="Write sqlite:///mlflow.db (this folder) or sqlite:////an/absolute/path.db,"
                " or choose tracking=server.",
                key="tracking.uri",
            )
        return Path(file)

    def file(self) -> Path:
        return self.path

    def mlflow_uri(self) -> str:
        """Return the URI with an absolute path.

        MLflow caches stores by URI: a relative path would stay in the first working folder.
        """
        file = str(self.path.absolute()).replace("%", "%25").replace("?", "%3F")
        _, mark, query = self.resolve_uri().partition("?")
        return f"sqlite:///{file}{mark}{query}"

    def prepare(self) -> None:
        path = self.path
        problem = describe_irregular(path)
        if problem not in {None, "does not exist"}:
            raise StoreError(
                f"cannot create the store {path}: it {problem}",
                remedy="Its folder must be writable, and no device or pipe may be in its place:"
                " choose another file with tracking.uri=sqlite:///...",
                uri=self.display_uri(),
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size == 0:
                create_from_template(path)
            else:
                check_complete(path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"cannot create the store {path}: {getattr(error, 'strerror', None) or error}",
                remedy="Its folder must be writable: change into another folder,"
                " or choose one with tracking.uri=sqlite:///...",
                uri=self.display_uri(),
            ) from error

    def known_schema(self) -> contextlib.AbstractContextManager[None]:
        revision = template_revision()
        if revision is None:
            return contextlib.nullcontext()
        return mlflow_compat.assume_schema_revision(revision)


def create_from_template(path: Path) -> None:
    """Create a store at `path`, atomically; an existing store is kept."""
    from filelock import FileLock

    aside = temporary_sibling(path)
    try:
        template = _find_or_create_template()
        if template is None:
            _create_schema(aside)
        else:
            shutil.copyfile(template, aside)
        with contextlib.closing(sqlite3.connect(aside)) as database, database:
            database.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0",
                (mlflow_compat.artifact_root(0),),
            )
        name = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
        with FileLock((cache_folder() or Path(tempfile.gettempdir())) / f"{name}.lock"):
            if not path.exists() or path.stat().st_size == 0:
                os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def template_revision() -> str | None:
    """Return the schema revision of the template; None without a valid template."""
    template = _template_path()
    if template is None or not template.exists():
        return None
    with (
        contextlib.closing(sqlite3.connect(template)) as database,
        contextlib.suppress(sqlite3.Error, ValueError),
    ):
        ((revision,),) = database.execute("SELECT version_num FROM alembic_version")
        return str(revision)
    return None


def check_complete(path: Path) -> None:
    """Check that a file is a SQLite store with a complete schema.

    MLflow would try to migrate any other database, and fail.

    Raises:
        StoreError: It is not.
    """
    try:
        tables, revisions = _read_schema(path)
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path} is not a readable SQLite database: {error}",
            remedy="Move it away, or choose another store with tracking.uri=sqlite:///...",
            uri=f"sqlite:///{path}",
        ) from error
    problem, remedy = _find_problem(tables, revisions)
    if problem:
        raise StoreError(f"the store {path} {problem}", remedy=remedy, uri=f"sqlite:///{path}")


def _create_schema(path: Path) -> None:
    """Let MLflow create its tables, without the log lines of MLflow and alembic."""
    with log_level(logging.WARNING, "alembic", "mlflow.store.db.utils"):
        mlflow_compat.create_schema(path)


def _find_or_create_template() -> Path | None:
    """Return an empty store of this MLflow version from the cache; None without a cache."""
    from filelock import FileLock

    template = _template_path()
    if template is not None and not template.exists():
        with FileLock(f"{template}.lock"):
            if not template.exists():
                with temporary_folder(template.parent) as folder:
                    new = folder / "store.db"
                    _create_schema(new)
                    os.replace(new, template)
    return template


def _template_path() -> Path | None:
    from mlflow.version import VERSION

    folder = cache_folder()
    schema = hashlib.sha256("\n".join(mlflow_compat.schema_migrations()).encode()).hexdigest()[:12]
    return None if folder is None else folder / f"store-mlflow-{VERSION}-{schema}.db"


def _read_schema(path: Path) -> tuple[set[str], list[str]]:
    """Return the names of the tables and the schema revisions."""
    # Not mode=ro: SQLite could not roll back the transaction of a killed process.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=20)) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name for (name,) in rows}
        if "alembic_version" not in tables:
            return tables, []
        rows = database.execute("SELECT version_num FROM alembic_version")
        return tables, [str(revision) for (revision,) in rows]


def _find_problem(tables: set[str], revisions: list[str]) -> tuple[str, str]:
    """Return what is wrong with a schema and the remedy; two empty strings if it is complete."""
    if not tables:
        return "", ""
    if "experiments" not in tables:
        return (
            "is a database of another application",
            "Choose another file with tracking.uri=sqlite:///...",
        )
    if not revisions:
        return (
            f"has an incomplete schema ({len(tables)} tables and no schema version)",
            "It contains no finished run: move it away and run again.",
        )
    known = {name.partition("_")[0] for name in mlflow_compat.schema_migrations()}
    if revisions[0] not in known:
        return (
            f"was created by a newer MLflow (schema {truncate(revisions[0])})",
            "Upgrade MLflow, or choose another store with tracking.uri=sqlite:///...",
        )
    return "", ""
