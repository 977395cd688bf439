"""The pip requirements of a model: inferred by MLflow once and cached.

MLflow infers them by loading the model in a new process, which takes most of the time of a save.
They depend on the environment and on the classes of the model only, so they are kept in the user's
cache under a fingerprint of both.
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
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import FunctionType

from modelpact._internal.files import cache_folder, write_atomically
from modelpact._internal.import_closure import PACKAGE
from modelpact._internal.text import truncate

__all__ = [
    "FILES",
    "SKIP_CHECK",
    "find_classes",
    "find_mismatches",
    "find_own_code",
    "fingerprint",
    "hash_code",
    "load_cached",
    "save_to_cache",
    "strip_comment",
    "watch_inference",
    "write_files",
]

FILES = ("requirements.txt", "conda.yaml")
"""The files of a saved model that contain its requirements."""

SKIP_CHECK = "mlflow; python_version < '3'"
"""A requirement that MLflow does not compare with the environment, which would be slow."""


def fingerprint(model: object, *options: str) -> str | None:
    """Return a digest of everything that the requirements of a model depend on.

    Args:
        model: The model: its classes count, with the code of those that no distribution contains.
        *options: How the model is saved.

    Returns:
        The digest in hex, or None if the model cannot be pickled; then nothing is cached.
    """
    classes = find_classes(model)
    if classes is None:
        return None
    code = [
        f"{module}:{name}:{_source_digest(module.partition('.')[0])}"
        for module, name in sorted(classes)
    ]
    return hashlib.sha256(json.dumps([environment_digest(), code, options]).encode()).hexdigest()


def load_cached(key: str | None) -> dict[str, str] | None:
    """Return the cached requirement files of a fingerprint, text by name, or None."""
    path = _cache_path(key)
    if path is None or not path.exists():
        return None
    files: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return files


def save_to_cache(key: str | None, folder: Path, extra: Sequence[str] = ()) -> None:
    """Adjust the requirements that MLflow wrote into a saved model, and cache them.

    modelpact is removed from them, because a saved model contains the code that it needs of it.

    Args:
        key: The fingerprint of the model; None to cache nothing.
        folder: The folder of the saved model; its files are adjusted as well.
        extra: Distributions to add: MLflow omits those that modelpact would have installed.
    """
    files = {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    adjusted = {name: _adjust(text, extra) for name, text in files.items()}
    if adjusted != files:
        write_files(adjusted, folder)
    path = _cache_path(key)
    if path is not None:
        # a full disk must not fail the save; the next run infers the requirements again
        with contextlib.suppress(OSError):
            write_atomically(path, json.dumps(adjusted))


def _adjust(text: str, extra: Sequence[str]) -> str:
    text = re.sub(r"\n[ -]*modelpact==[^\n]*", "", text)
    for name in extra:
        if f"{name}==" not in text:
            added = rf"\g<0>\n\g<1>{name}=={version(name)}"
            text = re.sub(r"^([ -]*)mlflow==.*$", added, text, count=1, flags=re.MULTILINE)
    return text


@contextlib.contextmanager
def watch_inference() -> Iterator[list[str]]:
    """Collect the warnings of MLflow's inference of requirements.

    When the inference fails, MLflow logs a warning and writes a guess, which must not be cached.

    Yields:
        The warnings; the list is filled while MLflow runs. If logging drops warnings, the list
        contains a note: an inference that cannot be observed must not be cached either.
    """
    warnings: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warnings.append(record.getMessage())

    handler, logger = Collector(logging.WARNING), logging.getLogger("mlflow.utils.environment")
    if logger.disabled or not logger.isEnabledFor(logging.WARNING):
        warnings.append(f"the logger {logger.name} drops warnings")
    logger.addHandler(handler)
    try:
        yield warnings
    finally:
        logger.removeHandler(handler)


def hash_code(paths: Sequence[str]) -> str:
    """Return a digest of Python files and folders."""
    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    digests = [hashlib.sha256(file.read_bytes()).digest() for file in files]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def write_files(files: dict[str, str], folder: Path) -> None:
    """Write requirement files into the folder of a saved model."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def strip_comment(line: str) -> str:
    """Return a line of a requirements file without its comment."""
    return re.sub(r"(^|\s+)#.*$", "", line).strip()


def find_mismatches(folder: Path) -> list[str]:
    """Return one message per requirement of a saved model that this environment violates.

    A line that cannot be compared with the environment, such as a URL, has a message, too. Lines
    with only options of pip name no package.
    """
    file = folder / "requirements.txt"
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    return [message for line in text.splitlines() if (message := _find_mismatch(line))]


def _find_mismatch(line: str) -> str:
    from packaging.requirements import Requirement

    text = strip_comment(line)
    if not text or text.startswith("-"):
        return ""
    try:
        requirement = Requirement(text.partition(" --")[0])
        pins, marker = requirement.specifier, requirement.marker
        if not pins or (marker is not None and not marker.evaluate()):
            return ""
        installed = _installed_version(requirement.name)
        if installed is not None and pins.contains(installed, prereleases=True):
            return ""
    # Also for a marker that cannot be evaluated, and for an installed version without a number.
    except ValueError:
        return f"the requirement {truncate(text)!r} cannot be compared with this environment"
    return f"{requirement.name} is {installed or 'not installed'}, the model requires {pins}"


@functools.cache
def _installed_version(distribution: str) -> str | None:
    """Return the version of a distribution, or of a variant such as xgboost-cpu of xgboost."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        variants = packages_distributions().get(distribution.replace("-", "_"), ())
        return next((version(one) for one in variants if one.startswith(distribution)), None)


@functools.cache
def environment_digest() -> str:
    """Return a digest of the interpreter and of all installed distributions with their versions."""
    installed: set[str] = set()
    for entry in map(os.path.abspath, sys.path):
        if os.path.isdir(entry):
            names = os.listdir(entry)
            installed.update(name for name in names if name.endswith((".dist-info", ".egg-info")))
    facts = [sys.version, sys.prefix, sorted(installed)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _cache_path(key: str | None) -> Path | None:
    folder = cache_folder()
    return None if key is None or folder is None else folder / "requirements" / f"{key}.json"


def find_classes(model: object) -> set[tuple[str, str]] | None:
    """Return the (module, name) of all classes and functions in an object.

    Returns:
        None if the object cannot be pickled.
    """
    found: set[tuple[str, str]] = set()

    class Collector(pickle.Pickler):
        def persistent_id(self, value: object) -> None:
            kind = value if isinstance(value, (type, FunctionType)) else type(value)
            # the module of a generated function may be None
            found.add((str(kind.__module__), kind.__qualname__))

    try:
        Collector(io.BytesIO(), protocol=5).dump(model)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
        return None
    return found


@functools.cache
def _source_digest(package: str) -> str:
    """Return a digest of the code of a user's module or package; empty for installed ones."""
    path = find_own_code(package)
    return "" if path is None else hash_code([path])


def find_own_code(package: str) -> str | None:
    """Return the file or the folder of a user's module or package; None for an installed one."""
    origin = getattr(sys.modules.get(package), "__file__", None)
    if package == PACKAGE or package.startswith(f"_{PACKAGE}_") or origin is None:
        return None
    path = Path(origin)
    # The site-packages of any environment, since one environment may use those of another.
    if {"site-packages", "dist-packages"} & set(path.parts):
        return None
    if path.is_relative_to(sysconfig.get_path("stdlib")):
        return None
    return str(path.parent if path.name == "__init__.py" else path)
