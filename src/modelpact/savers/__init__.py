"""Savers store a model in MLflow. One class per form, each with a config file in `conf/saver`."""

from __future__ import annotations

from modelpact.savers.base import Saver
from modelpact.savers.builtin_saver import BuiltinSaver
from modelpact.savers.custom_saver import CustomSaver

__all__ = ["BuiltinSaver", "CustomSaver", "Saver"]
