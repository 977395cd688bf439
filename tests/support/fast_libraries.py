"""Changes of Hydra and SQLAlchemy that make tests faster without changing their result."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable
from typing import Any

from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache


def share_configs() -> None:
    """Read each YAML file of modelpact's conf package once; Hydra reads it for each composition."""
    Plugins.instance()
    source_class: Any = SourcesRegistry.instance().resolve("pkg")
    read = source_class._read_config
    files: dict[tuple[str, str], bytes] = {}

    def read_once(source: Any, file: Any) -> Any:
        key = (source.provider, str(file))
        if key not in files:
            files[key] = pickle.dumps(read(source, file))
        return pickle.loads(files[key])

    source_class._read_config = read_once


def share_statements() -> None:
    """Compile each SQL statement once for all SQLite stores; SQLAlchemy compiles it for each store."""
    statements: LRUCache[Any, Any] = LRUCache(2000)
    dialect: Any = SQLiteDialect_pysqlite
    # SQLAlchemy finds a compiled statement by its dialect, and each store has its own.
    dialect.__eq__ = lambda self, other: type(self) is type(other)
    dialect.__hash__ = lambda self: hash(type(self))

    @event.listens_for(Engine, "engine_connect")
    def share(connection: Connection) -> None:
        if isinstance(connection.dialect, dialect):
            connection.execution_options(compiled_cache=statements)


def share_schema() -> None:
    """Run MLflow's migrations once, and copy their result to each further empty SQLite store."""
    from mlflow.store.db import utils

    migrate: Callable[[Engine], None] = utils._initialize_tables
    schema = sqlite3.connect(":memory:", check_same_thread=False)

    def is_empty(store: Any) -> bool:
        return store.execute("SELECT 1 FROM sqlite_master").fetchone() is None

    def copy(engine: Engine) -> None:
        if engine.dialect.name != "sqlite":
            migrate(engine)
            return
        with engine.connect() as connection:
            store: Any = connection.connection.driver_connection
            if not is_empty(store) or is_empty(schema):
                migrate(engine)
                store.backup(schema)
            else:
                schema.backup(store)

    utils._initialize_tables = copy


def skip_disk_flushes() -> None:
    """Let SQLite not wait for the disk at each commit: a test never outlives the machine."""

    @event.listens_for(Engine, "connect")
    def set_pragma(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")
