"""Paths of the repository, and the environment of processes that import test code."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUPPORT = ROOT / "tests" / "support"
USER_MODELS = SUPPORT / "user_models"
"""Modules with the classes of users: on `sys.path`, one file each, because a saved model carries the file of its class."""


def import_environment(**variables: str) -> dict[str, str]:
    """Return the environment of a process that imports `tests` and the user models from any folder."""
    path = os.pathsep.join((str(ROOT), str(USER_MODELS)))
    return {**os.environ, "PYTHONPATH": path, **variables}
