"""Tracking: one class per kind of MLflow store, each with a config file in `conf/tracking`."""

from __future__ import annotations

from modelpact.tracking.tracking import ServerTracking, SqliteTracking, Store, Tracking

__all__ = ["ServerTracking", "SqliteTracking", "Store", "Tracking"]
