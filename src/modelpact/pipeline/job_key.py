"""The key of a job: a digest of its configuration, its data and the code of its steps."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import marshal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cloudpickle

from modelpact._internal.files import temporary_folder
from modelpact._internal.import_closure import (
    PACKAGE,
    PACKAGE_FOLDER,
    import_closure,
    imported_names,
)
from modelpact.models import Model
from modelpact.security.manifest import Manifest
from modelpact.types import Step

__all__ = ["digest_fitted", "job_key"]


def job_key(name: str, steps: Mapping[str, Step], data_digest: str) -> str:
    """Return the key of a job; equal keys mean equal results.

    The key depends on the code of the steps: the modules of modelpact that they import, and the
    files of the user's own classes.

    Args:
        name: The registered model.
        steps: The steps that determine the result, by group. Options that do not change it, such
            as paths and secrets, are excluded (see `Step.excluded_from_key`).
        data_digest: A digest of the data.

    Returns:
        A SHA-256 digest in hex.
    """
    names: set[str] = set()
    own_files: dict[str, str] = {}
    for kind in _step_classes(steps):
        if kind.__module__.partition(".")[0] == PACKAGE:
            names.add(kind.__module__)
        elif kind.__module__ not in own_files:
            place, source = _own_source(kind)
            own_files[place] = hashlib.sha256(source).hexdigest()
            names |= imported_names(source.decode(errors="replace"))
    content = {
        "name": name,
        "steps": {group: step.identity() for group, step in steps.items()},
        "data": data_digest,
        "code": [_digest_closure(frozenset(names), PACKAGE_FOLDER), own_files],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_fitted(model: Model) -> str:
    """Return a digest of the state of a model that is not fitted by the job."""
    import joblib

    native = model.native_model()
    if "pyfunc" in model.flavors:
        # joblib hashes the name of a class only, and fails if it cannot be imported by name.
        return hashlib.sha256(cloudpickle.dumps(native)).hexdigest()
    if native is not None:
        return str(joblib.hash(native))
    with temporary_folder() as folder:
        model.dump(folder)
        return Manifest.from_folder(folder).digest


def _step_classes(steps: Mapping[str, Step]) -> Iterator[type[Step]]:
    """Yield the classes of steps with their base classes."""
    for step in steps.values():
        for kind in type(step).__mro__:
            if issubclass(kind, Step):
                yield kind


def _own_source(kind: type[Step]) -> tuple[str, bytes]:
    """Return the module of a class and its file; of a class without a file, its name and code."""
    try:
        return kind.__module__, Path(inspect.getfile(kind)).read_bytes()
    # The class was defined in a notebook or a prompt.
    except (OSError, TypeError):
        methods = filter(inspect.isfunction, vars(kind).values())
        code = b"".join(_function_source(inspect.unwrap(method)) for method in methods)
        return f"{kind.__module__}.{kind.__qualname__}", code


def _function_source(function: Callable[..., object]) -> bytes:
    try:
        return inspect.getsource(function).encode()
    # A prompt keeps no source.
    except OSError:
        return marshal.dumps(function.__code__)


@functools.cache
def _digest_closure(names: frozenset[str], folder: Path) -> str:
    """Return the digest of the modules of modelpact that an import of `names` loads."""
    sha = hashlib.sha256()
    for module, path in import_closure(names, folder).items():
        sha.update(module.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()
