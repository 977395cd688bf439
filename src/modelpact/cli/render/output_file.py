"""Files that a task writes: refused before any work is done where they could not be."""

from __future__ import annotations

from pathlib import Path

from modelpact.errors import ConfigError

__all__ = ["check_writable"]


def check_writable(file: str, key: str) -> None:
    """Refuse a file that could not be written.

    Args:
        file: Its path.
        key: Where it was given, such as `task.out`.

    Raises:
        ConfigError: It is a folder, or its folder cannot be made.
    """
    path = Path(file)
    home = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not home.is_dir():
        what = "is a folder" if path.is_dir() else f"cannot be made: {home} is no folder"
        raise ConfigError(
            f"{key}={file} {what}", remedy=f"Give the name of a file: {key}=model.json."
        )
