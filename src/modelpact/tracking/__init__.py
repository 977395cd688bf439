"""Tracking: one class per kind of MLflow store, each with a config file in `conf/tracking`."""

from __future__ import annotations

from modelpact.tracking.base import Store, Tracking
from modelpact.tracking.mlflow_settings import MlflowTracking
from modelpact.tracking.server import ServerTracking
from modelpact.tracking.sqlite import SqliteTracking

__all__ = ["MlflowTracking", "ServerTracking", "SqliteTracking", "Store", "Tracking"]
