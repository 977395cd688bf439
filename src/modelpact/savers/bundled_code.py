"""The code that travels with a saved model: the part of modelpact it runs on, and the user's own."""

from __future__ import annotations

import inspect
import shutil
import sys
import sysconfig
from pathlib import Path

import modelpact

__all__ = ["CARRIED", "carried_code", "code_of"]

CARRIED = (
    "__init__.py",
    "_internal",
    "datatypes",
    "errors.py",
    "models",
    "security",
    "signature",
    "types.py",
)
"""What of modelpact travels with a saved model."""


def carried_code(folder: Path) -> Path:
    """Copy into `folder` the part of modelpact that a saved model runs on, without the steps and the command line."""
    source, carried = Path(inspect.getfile(modelpact)).parent, folder / "modelpact"
    carried.mkdir()
    for name in CARRIED:
        if (source / name).is_dir():
            shutil.copytree(
                source / name, carried / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copyfile(source / name, carried / name)
    return carried


def code_of(package: str) -> list[str]:
    """The file or the folder of a user's own module or package; nothing for an installed distribution."""
    origin = getattr(sys.modules.get(package), "__file__", None)
    if package == "modelpact" or origin is None:
        return []
    path = Path(origin)
    if {"site-packages", "dist-packages"} & set(path.parts) or path.is_relative_to(
        sysconfig.get_path("stdlib")
    ):
        return []  # wherever the site-packages are: an environment may use another's
    return [str(path.parent if path.name == "__init__.py" else path)]
