"""Files that a user names, which may be anything: a folder, a pipe, a device, or no path at all."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

__all__ = ["MISSING", "describe_irregular", "describe_unwritable", "read_text"]

MISSING = "does not exist"

_KINDS = {
    stat.S_IFDIR: "is a folder",
    stat.S_IFIFO: "is a pipe",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
    stat.S_IFSOCK: "is a socket",
}


def describe_irregular(path: Path) -> str | None:
    """Return why a path is not a regular file, such as `is a pipe`; None for a regular file.

    Links are followed. Opening a pipe would wait for its other end, and a device may never end.

    Example:
        >>> describe_irregular(Path("/"))
        'is a folder'
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return "is a link to nothing" if path.is_symlink() else MISSING
    except (OSError, ValueError) as error:
        return f"cannot be opened: {getattr(error, 'strerror', None) or error}"
    return _KINDS.get(kind)


def describe_unwritable(path: Path) -> str | None:
    """Return why a file cannot be created or replaced, such as `is a device`; None if it can.

    Folders that do not exist can be created.
    """
    problem = describe_irregular(path)
    if problem not in {None, MISSING}:
        return problem
    home = next(parent for parent in path.absolute().parents if parent.exists())
    if not home.is_dir():
        return f"cannot be created: {home} is not a folder"
    try:
        with tempfile.TemporaryFile(dir=home):
            return None
    except OSError as error:
        return f"cannot be written: {error.strerror} in {home}"


def read_text(path: Path) -> str:
    """Return the text of a regular file in UTF-8.

    Raises:
        OSError: The path is not a regular file, or it cannot be read.
        UnicodeDecodeError: The file is not text.
    """
    problem = describe_irregular(path)
    if problem == MISSING:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if problem is not None:
        raise OSError(errno.EINVAL, f"it {problem}", str(path))
    return path.read_text(encoding="utf-8")
