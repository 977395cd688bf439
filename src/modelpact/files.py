"""Files that are whole or absent, and the folder for what can be computed again."""

from __future__ import annotations

import os
import uuid
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
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # not by tempfile, which lets nobody else read the file
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
