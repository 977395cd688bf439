"""Atomic writes, temporary files that name their process, and the cache folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from modelpact._internal.process import PATTERN, Process

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "MAX_NAME",
    "cache_folder",
    "exclusive_lock",
    "log_text",
    "owner_of",
    "temporary_folder",
    "temporary_sibling",
    "without_new_bytecode",
    "write_atomically",
]


MAX_NAME = 50
"""How many characters of a file's name are in that of its temporary sibling, which is longer."""


def cache_folder() -> Path | None:
    """Return the user's cache folder for modelpact, or None if it cannot be written.

    The folder is created if it does not exist. The environment variable `MODELPACT_CACHE`
    overrides the platform's default.
    """
    import platformdirs

    folder = Path(
        os.environ.get("MODELPACT_CACHE")
        or platformdirs.user_cache_dir("modelpact", appauthor=False)
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


@contextlib.contextmanager
def temporary_folder(within: Path | None = None) -> Iterator[Path]:
    """Create a folder whose name contains this process, and remove it afterwards."""
    prefix = f"modelpact-{Process.current().token}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=within) as folder:
        yield Path(folder)


def log_text(client: MlflowClient, run_id: str, text: str, name: str) -> None:
    """Log a text as an artifact of a run.

    `MlflowClient.log_text` leaves a temporary folder without an owner when the process is killed.
    """
    with temporary_folder() as folder:
        (folder / name).write_text(text, encoding="utf-8")
        client.log_artifact(run_id, str(folder / name))


def temporary_sibling(path: Path) -> Path:
    """Return a path to write before renaming it to `path`; its name contains this process."""
    name = path.name[:MAX_NAME]
    return path.with_name(f".{name}.{Process.current().token}.{uuid.uuid4().hex[:12]}.new")


def owner_of(path: Path) -> Process | None:
    """Return the process that created a temporary folder or sibling, or None for any other path.

    Example:
        >>> owner_of(Path("mlflow.db")) is None
        True
        >>> owner_of(temporary_sibling(Path("mlflow.db"))).pid == os.getpid()
        True
    """
    match = re.fullmatch(
        rf"modelpact-({PATTERN})-\w+"
        rf"|\..+\.({PATTERN})\.[0-9a-f]{{12}}\.new(-\w+)?",
        path.name,
    )
    return Process.from_token(match[1] or match[2]) if match else None


def write_atomically(path: Path, text: str) -> None:
    """Write a text file completely or not at all, and create its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # tempfile is not used: its files can be read by their owner only
    temporary = temporary_sibling(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def exclusive_lock(path: Path, refusal: Exception) -> Iterator[None]:
    """Hold a lock file within the context; raise `refusal` if another process holds it."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(path).acquire(timeout=0)
    except Timeout:
        raise refusal from None
    with lock:
        yield


@contextlib.contextmanager
def without_new_bytecode(folder: Path) -> Iterator[None]:
    """Remove the `__pycache__` folders that Python writes in `folder` within the context.

    The files of a stored model stay as they were published, although its code is imported.
    """
    before = _find_bytecode(folder)
    try:
        yield
    finally:
        for cache in _find_bytecode(folder) - before:
            shutil.rmtree(cache, ignore_errors=True)


def _find_bytecode(folder: Path) -> set[Path]:
    # Another process may remove a folder meanwhile, which os.walk skips.
    parents = (Path(parent) for parent, names, _ in os.walk(folder) if "__pycache__" in names)
    return {parent / "__pycache__" for parent in parents}
