"""Files that are whole or absent, or stay as they are, temporary ones that say whose they are, and the folder of the cache."""

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

from modelpact._internal.process import LABEL, Process

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = [
    "beside",
    "cache_folder",
    "log_text",
    "maker",
    "temporary_files_in",
    "temporary_folder",
    "without_new_bytecode",
    "write_atomically",
]


def cache_folder() -> Path | None:
    """The user's cache folder for modelpact, made if need be; None where there is no writable one (then nothing is cached).

    `MODELPACT_CACHE` overrides the platform's own place.
    """
    import platformdirs

    chosen = os.environ.get("MODELPACT_CACHE")
    folder = (
        Path(chosen) if chosen else Path(platformdirs.user_cache_dir("modelpact", appauthor=False))
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


@contextlib.contextmanager
def temporary_folder(within: Path | None = None) -> Iterator[Path]:
    """A folder for a while; after a SIGKILL its name still says which process made it."""
    with tempfile.TemporaryDirectory(
        prefix=f"modelpact-{Process.current().label}-", dir=within
    ) as folder:
        yield Path(folder)


@contextlib.contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let everybody in this process, and in those it starts, make temporary files in a folder, which goes with them.

    MLflow makes some while it saves, under names that say nothing.
    """
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        os.environ.pop("TMPDIR")
        if variable is not None:
            os.environ["TMPDIR"] = variable


def log_text(client: MlflowClient, run_id: str, text: str, name: str) -> None:
    """Make a text an artifact of a run, as MLflow's own `log_text` does, by way of a temporary folder of ours."""
    with temporary_folder() as folder:
        (folder / name).write_text(text, encoding="utf-8")
        client.log_artifact(run_id, str(folder / name))


def beside(path: Path) -> Path:
    """Where to write a file before it is renamed to `path`; its name says which process writes it."""
    return path.with_name(f".{path.name}.{Process.current().label}.{uuid.uuid4().hex[:12]}.new")


def maker(path: Path) -> Process | None:
    """The process that made a temporary folder, or a file beside another; None for everything else.

    Example:
        >>> maker(Path("mlflow.db")) is None, maker(beside(Path("mlflow.db"))) == maker(Path("mlflow.db"))
        (True, False)
    """
    ours = re.fullmatch(
        rf"modelpact-({LABEL})-\w+|\..+\.({LABEL})\.[0-9a-f]{{12}}\.new(-\w+)?", path.name
    )
    return Process.labelled(ours[1] or ours[2]) if ours else None


def write_atomically(path: Path, text: str) -> None:
    """Write a text file whole or not at all: beside it first, then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = beside(path)  # not by tempfile, which lets nobody else read the file
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def without_new_bytecode(folder: Path) -> Iterator[None]:
    """Remove the `__pycache__` folders that Python writes in `folder` within the context.

    The files of a stored model stay as they were published, although its code is imported.
    """
    before = set(folder.rglob("__pycache__"))
    try:
        yield
    finally:
        for cache in set(folder.rglob("__pycache__")) - before:
            shutil.rmtree(cache, ignore_errors=True)
