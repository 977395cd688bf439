"""Files that are whole or absent, and the folder for what can be computed again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "write_atomically"]


def cache_folder() -> Path | None:
    """The user's cache folder for modelpact, made if need be; None where there is no writable one (then nothing is cached).

    `MODELPACT_CACHE` overrides the platform's own place.
    """
    import platformdirs

    chosen = os.environ.get("MODELPACT_CACHE")
    folder = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("modelpact", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def write_atomically(path: Path, text: str) -> None:
    """Write a text file whole or not at all: beside it first, then renamed over it."""
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
