"""Savers: one class per way to save a model, each with a config file in `conf/saver`."""

from __future__ import annotations

from modelpact.savers.savers import BuiltinSaver, CustomSaver, Saver

__all__ = ["BuiltinSaver", "CustomSaver", "Saver"]
