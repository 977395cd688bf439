"""The requirements of a model: what MLflow infers, worked out once and remembered.

MLflow finds them by loading the model in a new process, which takes most of the time that saving takes. They depend on nothing
but the environment and the classes the model is made of, so the answer is kept in the user's cache under a fingerprint of both.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import logging
import os
import pickle
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FunctionType
from typing import Any

from modelpact._internal.files import cache_folder, write_atomically

__all__ = [
    "FILES",
    "UNCHECKED",
    "classes",
    "contents",
    "fingerprint",
    "inferring",
    "mismatches",
    "recall",
    "remember",
    "write",
]

FILES = ("requirements.txt", "conda.yaml")
"""The files of a saved model that hold its requirements."""

UNCHECKED = "mlflow; python_version < '3'"
"""What MLflow is told where the requirements are known: a line it does not compare with the environment, which takes it long."""


def fingerprint(model: Any, *how: str) -> str | None:
    """What the requirements of `model` depend on: this environment, the model's classes, and `how` it is saved.

    Returns:
        A digest in hex, or None for a model that cannot be taken apart: then nothing is remembered.
    """
    found = classes(model)
    if found is None:
        return None
    made_of = [
        f"{module}:{name}:{_source(module.partition('.')[0])}" for module, name in sorted(found)
    ]
    return hashlib.sha256(json.dumps([environment(), made_of, how]).encode()).hexdigest()


def recall(key: str | None) -> dict[str, str] | None:
    """The files remembered under a fingerprint, their texts by name; None where there are none."""
    path = _path(key)
    if path is None or not path.exists():
        return None
    files: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return files


def remember(key: str | None, folder: Path, needs: Sequence[str] = ()) -> None:
    """Keep the requirements that MLflow wrote into a saved model's folder, under the model's fingerprint.

    modelpact itself is taken out of them, in the folder as well: what the model needs of it travels as code. What the model says
    it needs is put in: MLflow leaves out a distribution that modelpact would have brought.
    """
    files = {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    bare = {name: re.sub(r"\n[ -]*modelpact==[^\n]*", "", text) for name, text in files.items()}
    for need in needs:
        pinned = rf"\g<0>\n\g<1>{need}=={version(need)}"
        bare = {
            name: text
            if f"{need}==" in text
            else re.sub(r"^([ -]*)mlflow==.*$", pinned, text, count=1, flags=re.MULTILINE)
            for name, text in bare.items()
        }
    if bare != files:
        write(bare, folder)
    path = _path(key)
    if path is not None:
        with contextlib.suppress(
            OSError
        ):  # a full disk costs the next run some time, not this one its model
            write_atomically(path, json.dumps(bare))


@contextlib.contextmanager
def inferring() -> Iterator[list[str]]:
    """Watch MLflow infer requirements: where that fails it logs a warning and writes a guess, which is not to be remembered.

    Yields:
        The warnings; empty as long as all is well.
    """
    warnings: list[str] = []

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warnings.append(record.getMessage())

    watch, logger = Watch(logging.WARNING), logging.getLogger("mlflow.utils.environment")
    level, disabled, propagates = logger.level, logger.disabled, logger.propagate
    logger.addHandler(watch)
    if disabled or not logger.isEnabledFor(
        logging.WARNING
    ):  # whoever hushed MLflow still hears nothing of it
        logger.propagate = False
    logger.disabled = False
    logger.setLevel(logging.WARNING)
    try:
        yield warnings
    finally:
        logger.removeHandler(watch)
        logger.disabled, logger.propagate = disabled, propagates
        logger.setLevel(level)


def contents(paths: Sequence[str]) -> str:
    """A digest of files and folders of code."""
    files = [
        file
        for path in paths
        for file in (sorted(Path(path).rglob("*.py")) if Path(path).is_dir() else [Path(path)])
    ]
    return hashlib.sha256(
        b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)
    ).hexdigest()


def write(files: dict[str, str], folder: Path) -> None:
    """Put remembered requirements into a saved model's folder."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def mismatches(folder: Path) -> list[str]:
    """The pinned requirements of a saved model that this environment does not meet, a sentence each."""
    file = folder / "requirements.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    pins = [line.partition("==") for line in lines if "==" in line and ";" not in line]
    found = {name: _version(name.partition("[")[0]) for name, _, _ in pins}
    return [
        f"{name} is {found[name] or 'not installed'}, the model wants {pin}"
        for name, _, pin in pins
        if found[name] != pin
    ]


@functools.cache
def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


@functools.cache
def environment() -> str:
    """A digest of the interpreter and of every installed distribution with its version."""
    installed: set[str] = set()
    for entry in sys.path:
        if os.path.isdir(entry or "."):
            installed.update(
                name
                for name in os.listdir(entry or ".")
                if name.endswith((".dist-info", ".egg-info"))
            )
    return hashlib.sha256(
        json.dumps([sys.version, sys.prefix, sorted(installed)]).encode()
    ).hexdigest()


def _path(key: str | None) -> Path | None:
    folder = cache_folder()
    return None if key is None or folder is None else folder / "requirements" / f"{key}.json"


def classes(model: Any) -> set[tuple[str, str]] | None:
    """The classes and functions an object is made of, as module and name; None for one that cannot be taken apart."""
    found: set[tuple[str, str]] = set()

    class Collector(pickle.Pickler):
        def persistent_id(self, value: Any) -> None:
            kind = value if isinstance(value, (type, FunctionType)) else type(value)
            found.add(
                (str(kind.__module__), kind.__qualname__)
            )  # of a function made by hand the module may be None

    try:
        Collector(io.BytesIO(), protocol=5).dump(model)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
        return None
    return found


@functools.cache
def _source(package: str) -> str:
    """A digest of code that no distribution's version stands for (a user's own module or package); empty for installed ones."""
    origin = getattr(sys.modules.get(package), "__file__", None)
    if (
        origin is None
        or not origin.endswith(".py")
        or "site-packages" in origin
        or origin.startswith(sys.base_prefix)
    ):
        return ""
    path = Path(origin)
    return contents([str(path.parent if path.name == "__init__.py" else path)])
