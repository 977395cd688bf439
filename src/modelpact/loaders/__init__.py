"""Loaders load a saved model. One class per form, each with a config file in `conf/loader`."""

from __future__ import annotations

from modelpact.loaders.adapter import Adapter
from modelpact.loaders.base import Loader
from modelpact.loaders.builtin_loader import BuiltinLoader
from modelpact.loaders.custom_loader import CustomLoader

__all__ = ["Adapter", "BuiltinLoader", "CustomLoader", "Loader"]
