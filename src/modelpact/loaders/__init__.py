"""Loaders: one class per way to load a saved model, each with a config file in `conf/loader`."""

from __future__ import annotations

from modelpact.loaders.adapter import Adapter
from modelpact.loaders.loaders import BuiltinLoader, CustomLoader, Loader

__all__ = ["Adapter", "BuiltinLoader", "CustomLoader", "Loader"]
