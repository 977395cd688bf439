"""Calls of the tasks that move aliases, on the versions of the fixture `alias_store`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelpact.cli.tasks import HistoryTask, PromoteTask, ProtectTask, RollbackTask
from modelpact.registry.aliases import Aliases
from modelpact.tracking import SqliteTracking
from tests.support.publishing import client

WORSE, BETTER, BREAKING, UNVERIFIED = 1, 2, 3, 4
"""The versions of `sums`."""


def promote(version: object, **changes: Any) -> None:
    uri = version if isinstance(version, str) else f"models:/sums/{version}"
    options = {"uri": uri, "alias": "champion", "tracking": SqliteTracking()}
    PromoteTask(**{**options, **changes}).run(Path())


def rollback(**changes: Any) -> None:
    options = {"name": "sums", "alias": "champion", "tracking": SqliteTracking()}
    RollbackTask(**{**options, **changes}).run(Path())


def protect(**changes: Any) -> None:
    options = {"name": "sums", "alias": "champion", "tracking": SqliteTracking()}
    ProtectTask(**{**options, **changes}).run(Path())


def history(**changes: Any) -> None:
    HistoryTask(**{"name": "sums", "tracking": SqliteTracking(), **changes}).run(Path())


def move_alias(version: int, alias: str = "champion") -> None:
    """Move an alias to a version without checking the rules."""
    Aliases(client(), "sums").move(alias, version)


def aliased_version(alias: str = "champion") -> int | None:
    """Return the version that an alias names."""
    found = client().get_registered_model("sums").aliases.get(alias)
    return None if found is None else int(found)
