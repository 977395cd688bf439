"""Checks of output files before any work is done."""

from __future__ import annotations

from pathlib import Path

from modelpact.errors import ConfigError

__all__ = ["check_writable"]


def check_writable(file: str | None, key: str) -> None:
    """Check that a file can be written.

    Args:
        file: Its path; None for standard output.
        key: The key of the configuration, such as `task.out`.

    Raises:
        ConfigError: The path is a folder, or its folder cannot be created.
    """
    if file is None:
        return
    path = Path(file)
    home = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not home.is_dir():
        what = "is a folder" if path.is_dir() else f"cannot be created: {home} is not a folder"
        raise ConfigError(f"{key}={file} {what}", remedy=f"Give a file name: {key}=model.json.")
