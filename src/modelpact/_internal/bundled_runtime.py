"""The start of the copy of modelpact that a saved model carries.

The copy has a private name, such as `_modelpact_0123456789ab`, which is the digest of its content.
Models of several releases of modelpact can therefore be loaded into one process.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["digest_files", "load_modules"]


def load_modules(package: str, files: Mapping[str, str], digest: str) -> None:
    """Import every module of the copy, so that the model does not need its folder any longer.

    If the installed modelpact has the same code, its modules are used under the names of the
    copy. Classes are then the same classes, and nothing is imported twice.

    Args:
        package: The name of the copy.
        files: The file of each module, relative to the package.
        digest: The digest of these files in the modelpact that saved the model.
    """
    if _installed_digest(files) != digest:
        for module in files:
            importlib.import_module(f"{package}.{module}")
        return
    for module in files:
        # This is what the import system does with a module that it has loaded.
        loaded = sys.modules[f"{package}.{module}"] = importlib.import_module(f"modelpact.{module}")
        if "." not in module:
            setattr(sys.modules[package], module, loaded)


def digest_files(folder: Path, files: Mapping[str, str]) -> str:
    """Return the SHA-256 digest of files and their names, in hex."""
    sha = hashlib.sha256()
    for name in sorted(files.values()):
        sha.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    return sha.hexdigest()


def _installed_digest(files: Mapping[str, str]) -> str | None:
    """Return the digest of the same files in the installed modelpact; None if one is missing."""
    try:
        spec = importlib.util.find_spec("modelpact")
        folders = getattr(spec, "submodule_search_locations", None)
        return digest_files(Path(folders[0]), files) if folders else None
    # `find_spec` raises a ValueError for a module without a spec.
    except (ImportError, ValueError, OSError):
        return None
