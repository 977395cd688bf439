"""The requirements of a model: what MLflow infers, worked out once and remembered.

MLflow finds them by loading the model in a new process, which takes most of the time that saving takes. They depend on nothing
but the environment and the classes the model is made of, so the answer is kept in the user's cache under a fingerprint of both.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import json
import os
import pickle
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from modelpact.files import cache_folder, write_atomically

__all__ = ["fingerprint", "recall", "remember", "without_modelpact"]


def fingerprint(model: Any, *how: str) -> str | None:
    """What the requirements of `model` depend on: this environment, the model's classes, and `how` it is saved.

    Returns:
        A digest in hex, or None for a model that cannot be taken apart: then nothing is remembered.

    """
    classes = _classes(model)
    if classes is None:
        return None
    return hashlib.sha256(json.dumps([environment(), classes, how]).encode()).hexdigest()


def recall(key: str | None) -> list[str] | None:
    """The requirements remembered under a fingerprint, one line each; None where there are none."""
    path = _path(key)
    if path is None or not path.exists():
        return None
    return path.read_text(encoding="utf-8").splitlines()


def remember(key: str | None, requirements: list[str]) -> None:
    """Keep the requirements of a model under its fingerprint."""
    path = _path(key)
    if path is not None:
        write_atomically(path, "\n".join(requirements))


def without_modelpact(folder: Path) -> list[str]:
    """Take modelpact out of a saved model's requirements, since the code it needs travels with it; returns the others."""
    import yaml

    file, conda = folder / "requirements.txt", folder / "conda.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("modelpact==")]
    if kept != lines:
        file.write_text("\n".join(kept), encoding="utf-8")
        environment = yaml.safe_load(conda.read_text(encoding="utf-8"))
        for dependency in environment["dependencies"]:
            if isinstance(dependency, dict):
                dependency["pip"] = [line for line in dependency["pip"] if not line.startswith("modelpact==")]
        conda.write_text(yaml.safe_dump(environment, default_flow_style=False), encoding="utf-8")
    return kept


@functools.cache
def environment() -> str:
    """A digest of the interpreter and of every installed distribution with its version."""
    installed: set[str] = set()
    for entry in sys.path:
        if os.path.isdir(entry or "."):
            installed.update(name for name in os.listdir(entry or ".") if name.endswith((".dist-info", ".egg-info")))
    return hashlib.sha256(json.dumps([sys.version, sys.prefix, sorted(installed)]).encode()).hexdigest()


def _path(key: str | None) -> Path | None:
    folder = cache_folder()
    return None if key is None or folder is None else folder / "requirements" / f"{key}.txt"


def _classes(model: Any) -> list[str] | None:
    """The classes and functions an object is made of, each with a digest of its source file where that may change."""
    found: set[tuple[str, str]] = set()

    class Collector(pickle.Pickler):
        def persistent_id(self, value: Any) -> None:
            kind = value if isinstance(value, (type, FunctionType)) else type(value)
            found.add((kind.__module__, kind.__qualname__))

    try:
        Collector(io.BytesIO(), protocol=5).dump(model)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError):
        return None
    return [f"{module}:{name}:{_source(module.partition('.')[0], module)}" for module, name in sorted(found)]


@functools.cache
def _source(package: str, module: str) -> str:
    """A digest of a module that no distribution's version stands for (a user's own file); empty for installed ones."""
    spec = importlib.util.find_spec(module) if module in sys.modules or package in sys.modules else None
    origin = spec.origin if spec is not None else None
    if origin is None or not origin.endswith(".py") or "site-packages" in origin or origin.startswith(sys.base_prefix):
        return ""
    return hashlib.sha256(Path(origin).read_bytes()).hexdigest()
