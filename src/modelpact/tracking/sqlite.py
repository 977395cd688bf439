"""SQLite stores as files: a new one is never seen half-made, and one that is no store, or not a whole one, is told at once."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from modelpact._internal import mlflow_compat
from modelpact._internal.files import beside, cache_folder, temporary_folder
from modelpact._internal.text import truncate
from modelpact.errors import StoreError

__all__ = ["check_whole", "newest_revision", "publish_new"]


def publish_new(path: Path) -> None:
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


def _create_schema(path: Path) -> None:
    """Have MLflow make its tables, without its and alembic's log lines about it."""
    talkative = [logging.getLogger(name) for name in ("alembic", "mlflow.store.db.utils")]
    levels = [logger.level for logger in talkative]
    try:
        for logger in talkative:
            logger.setLevel(logging.WARNING)
        mlflow_compat.create_schema(path)
    finally:
        for logger, level in zip(talkative, levels, strict=True):
            logger.setLevel(level)


def _template() -> Path | None:
    """An empty store as this MLflow makes it, from the cache; None where nothing can be cached."""
    from filelock import FileLock

    template = _template_file()
    if template is not None and not template.exists():
        with FileLock(f"{template}.lock"):
            if not template.exists():
                with temporary_folder(template.parent) as aside:
                    fresh = aside / "store.db"
                    _create_schema(fresh)
                    os.replace(fresh, template)
    return template


def _template_file() -> Path | None:
    from mlflow.version import VERSION

    folder = cache_folder()
    schema = hashlib.sha256("\n".join(mlflow_compat.migrations()).encode()).hexdigest()[:12]
    return None if folder is None else folder / f"store-mlflow-{VERSION}-{schema}.db"


def newest_revision() -> str | None:
    """The revision of the schema that this MLflow makes, as the template has it; None where there is no good one."""
    template = _template_file()
    if template is None or not template.exists():
        return None
    with (
        contextlib.closing(sqlite3.connect(template)) as database,
        contextlib.suppress(sqlite3.Error, ValueError),
    ):
        ((revision,),) = database.execute("SELECT version_num FROM alembic_version")
        return str(revision)
    return None


def check_whole(path: Path) -> None:
    """Refuse a file that is no SQLite database, or whose making was cut short, before MLflow tries to mend it and fails."""
    try:  # not mode=ro: then SQLite cannot undo what a process was killed in the middle of, and refuses the file
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=20)
        ) as database:
            tables = {
                row[0]
                for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            versions = (
                list(database.execute("SELECT version_num FROM alembic_version"))
                if "alembic_version" in tables
                else []
            )
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
        return (
            "is the database of something else",
            "Choose another file with tracking.uri=sqlite:///...",
        )
    if not versions:
        what = f"was left half-made ({len(tables)} tables and no schema version)"
        return what, "It holds no finished run: move it away and run again."
    known = {name.partition("_")[0] for name in mlflow_compat.migrations()}
    if versions[0] not in known:
        what = f"was made by a newer MLflow (its schema is {truncate(versions[0])})"
        return what, "Upgrade MLflow here, or choose another store with tracking.uri=sqlite:///..."
    return "", ""
