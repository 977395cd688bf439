"""Lazy exports of packages (PEP 562): a name is imported when it is first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy"]


def lazy(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package, and set its `__dir__`.

    Args:
        package: The package that exports the names.
        homes: The module that defines each name, relative to the package.
    """
    namespace = vars(sys.modules[package])

    def import_name(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name], package), name)
        namespace[name] = value
        return value

    namespace["__dir__"] = lambda: sorted({*namespace, *homes})
    return import_name
