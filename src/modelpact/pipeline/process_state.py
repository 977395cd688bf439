"""Changes of process-wide state while a model is published; each is undone afterwards."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["hidden_variable", "redirect_temporary_files", "restored_sys_path"]


@contextlib.contextmanager
def restored_sys_path() -> Iterator[None]:
    """Restore `sys.path`: MLflow adds the code folder of every model that it loads.

    The jobs of a sweep share a process, so the path would grow with each of them.
    """
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


@contextlib.contextmanager
def hidden_variable(name: str) -> Iterator[None]:
    """Remove an environment variable, and restore it afterwards."""
    value = os.environ.pop(name, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[name] = value


@contextlib.contextmanager
def redirect_temporary_files(folder: Path) -> Iterator[None]:
    """Create all temporary files of this process, and of its new child processes, in a folder.

    While MLflow saves a model, it creates temporary files whose names do not contain the process
    they belong to. In a folder of ours, they can be removed even if the process was killed.
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
