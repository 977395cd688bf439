"""Access to regular files in folders that other users may write to."""

from __future__ import annotations

import errno
import functools
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["hash_file", "is_writable_by_others", "open_regular", "walk"]

_BLOCK_SIZE = 1 << 18


def walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the relative path and the status of every entry at every depth; follow no links."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(folder / prefix) as entries:
            for entry in entries:
                path = f"{prefix}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                yield path, entry.stat(follow_symlinks=False)


def open_regular(path: Path) -> io.FileIO:
    """Open a regular file for reading, unbuffered.

    A link is not followed, and opening a pipe does not block.

    Raises:
        OSError: The file does not exist, is not a regular file, or is not readable.
    """
    return os.fdopen(_open(path), "rb", buffering=0)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a regular file in hex.

    Raises:
        OSError: As for `open_regular`.
    """
    digest, descriptor = hashlib.sha256(), _open(path)
    try:
        while block := os.read(descriptor, _BLOCK_SIZE):
            digest.update(block)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _open(path: Path) -> int:
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def is_writable_by_others(status: os.stat_result) -> bool:
    """Check whether another user owns an entry or may write to it; root does not count."""
    # Windows has no such bits
    if not hasattr(os, "geteuid"):
        return False
    if status.st_uid not in {os.geteuid(), 0}:
        return True
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return False
    if mode & stat.S_IWOTH:
        return True
    return bool(mode & stat.S_IWGRP) and not _is_private_group(status.st_gid)


@functools.cache
def _is_private_group(gid: int) -> bool:
    """Check whether a group has no other members, like the default group of many systems."""
    import grp
    import pwd

    if gid == 0:
        return True
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return (
        gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    )
