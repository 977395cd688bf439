"""`MlflowTracking`: the store that MLflow itself would use."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from modelpact._internal import mlflow_compat
from modelpact.errors import ConfigError
from modelpact.tracking.base import (
    DEFAULT_EXPERIMENT,
    ExperimentName,
    Store,
    Tracking,
    hide_credentials,
)
from modelpact.tracking.server import ServerTracking
from modelpact.tracking.sqlite import SqliteTracking

__all__ = ["MlflowTracking"]

DEFAULT_URI = "sqlite:///mlflow.db"


class MlflowTracking(Tracking):
    """The store, registry and experiment of MLflow's own settings.

    `mlflow.set_tracking_uri`, `MLFLOW_TRACKING_URI` and the active run name the store; without
    them it is `mlflow.db` in the working folder. `mlflow.set_registry_uri` and
    `MLFLOW_REGISTRY_URI` name the registry. `mlflow.set_experiment`, `MLFLOW_EXPERIMENT_NAME`,
    `MLFLOW_EXPERIMENT_ID` and the active run name the experiment; without them it is `modelpact`.

    Attributes:
        uri: Another store; None for that of MLflow's settings.
        experiment: Another experiment; None for that of MLflow's settings.
    """

    uri: str | None = None
    experiment: ExperimentName | None = None

    def resolve_uri(self) -> str:
        return self.target().resolve_uri()

    def mlflow_uri(self) -> str:
        return self.target().mlflow_uri()

    def display_uri(self) -> str:
        return self.target().display_uri()

    def file(self) -> Path | None:
        return self.target().file()

    def prepare(self) -> None:
        self.target().prepare()

    @contextlib.contextmanager
    def open(self) -> Iterator[Store]:
        with self.target().open() as store:
            yield store

    def target(self) -> Tracking:
        """Return the store that the settings name now.

        Raises:
            ConfigError: They name a file or a folder, which MLflow no longer writes to.
        """
        if self.uri is not None:
            return self._create("tracking.uri", self.uri)
        uri = mlflow_compat.current_tracking_uri() or DEFAULT_URI
        target = self._create("MLFLOW_TRACKING_URI", uri)
        target._registry_uri = os.environ.get("MLFLOW_REGISTRY_URI")
        if self.experiment is None:
            target._experiment_id = mlflow_compat.current_experiment()
        return target

    def _create(self, source: str, uri: str) -> Tracking:
        if uri.startswith("file:") or not re.match(r"\w+(\+\w+)?://|env:|databricks", uri):
            raise _not_a_store(source, uri)
        kind = SqliteTracking if uri.startswith("sqlite:") else ServerTracking
        experiment = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME")
        target = kind(
            uri=uri,
            experiment=experiment or DEFAULT_EXPERIMENT,
            artifact_location=self.artifact_location,
        )
        return target.read_only() if self._is_read_only else target


def _not_a_store(source: str, uri: str) -> ConfigError:
    return ConfigError(
        f"{source}={hide_credentials(uri)!r} is neither a database nor a server",
        remedy="Write sqlite:///mlflow.db, postgresql://user@host/database or http://host:5000. "
        "MLflow no longer writes to folders; `mlflow migrate-filestore` moves their runs.",
        key="tracking.uri",
    )
