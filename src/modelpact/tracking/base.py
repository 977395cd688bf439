"""`Tracking`, the base class of tracking stores, and `Store`, an open store."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, PrivateAttr

from modelpact._internal.guards import convert_errors
from modelpact._internal.text import truncate
from modelpact.errors import PactError, StoreError
from modelpact.security import secrets
from modelpact.tracking import remote_store
from modelpact.types import Step

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

__all__ = ["DEFAULT_EXPERIMENT", "ExperimentName", "Store", "Tracking", "hide_credentials"]

DEFAULT_EXPERIMENT = "modelpact"
"""The experiment of runs for which none is named."""

ExperimentName = Annotated[str, Field(min_length=1, max_length=500)]
"""The name of an experiment, within MLflow's limits."""

_REMEDIES = {
    r"readonly database|read-only": "The file or its folder is read-only: change the permissions,"
    " or choose another store with tracking.uri=...",
    r"No Experiment with id": "MLflow is set to an experiment of another store: choose one with"
    " mlflow.set_experiment, MLFLOW_EXPERIMENT_NAME or tracking.experiment=...",
    r"No module named": "Install the database driver, such as psycopg2-binary for PostgreSQL"
    " or pymysql for mysql+pymysql://.",
    r"password|authenticat|error code 40[13]|no pg_hba": "Set the credentials in the environment:"
    " MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD for a server, PGPASSWORD for"
    " PostgreSQL; or put the whole URI there: tracking.uri=env:NAME.",
}
"""The remedy for each kind of failure, by a pattern of its text."""


@dataclass(frozen=True, slots=True)
class Store:
    """An open tracking store.

    Attributes:
        client: The MLflow client of the store.
        experiment_id: The experiment of new runs; empty if it does not exist in a store that is
            only read.
        experiment: Its name.
        uri: The URI without credentials.
        registry_uri: The URI of the registry without credentials.
    """

    client: MlflowClient
    experiment_id: str
    experiment: str
    uri: str
    registry_uri: str


class Tracking(Step, ABC):
    """The MLflow store for runs, models and versions.

    Attributes:
        uri: MLflow's tracking URI.
        experiment: The experiment of new runs; created if it does not exist.
        artifact_location: The artifact location of a new experiment, such as `s3://bucket/folder`;
            None for the default of the store.
    """

    excluded_from_key = frozenset({"uri", "experiment", "artifact_location"})

    uri: str | None
    experiment: ExperimentName | None = DEFAULT_EXPERIMENT
    artifact_location: str | None = Field(default=None, min_length=1)

    _registry_uri: str | None = PrivateAttr(default=None)
    _experiment_id: str | None = PrivateAttr(default=None)
    _is_read_only: bool = PrivateAttr(default=False)

    @abstractmethod
    def prepare(self) -> None:
        """Check that the store can be opened, and create it if it is a file.

        Raises:
            StoreError: The store cannot be reached, created or written.
        """

    def target(self) -> Tracking:
        """Return the store without references to MLflow's settings, which may change."""
        return self

    def read_only(self) -> Self:
        """Return the same store, which `open` then does not write to: it creates no experiment."""
        copy = self.model_copy()
        copy._is_read_only = True
        return copy

    def resolve_uri(self) -> str:
        """Return the URI; a reference to an environment variable is resolved.

        Raises:
            ModelConfigError: The variable is not set.
        """
        uri = self.uri or ""
        return secrets.resolve(uri, "tracking.uri") if secrets.referenced_variable(uri) else uri

    def mlflow_uri(self) -> str:
        """Return the URI to pass to MLflow."""
        return self.resolve_uri()

    def display_uri(self) -> str:
        """Return the URI for messages, without credentials; a reference stays a reference."""
        return hide_credentials(self.uri or "")

    def file(self) -> Path | None:
        """Return the SQLite file of the store; None for a server."""
        return None

    @contextlib.contextmanager
    def open(self) -> Iterator[Store]:
        """Open the store, and point MLflow's global tracking and registry URIs to it.

        MLflow's retries are bounded within the context. A password in the URI is passed in the
        environment variable of MLflow or of the database driver, because MLflow's errors repeat
        the URI.

        Raises:
            ConfigError: The URI does not fit this class.
            StoreError: The store cannot be reached, created or written, its schema belongs to
                another MLflow version, or it failed later.
        """
        uri, variables = remote_store.split_credentials(self.mlflow_uri())
        with remote_store.set_environment(variables), remote_store.bounded_retries():
            self.prepare()
            with self.known_schema(), _global_uris(uri, self._registry_uri or uri):
                store = self._connect(uri)
                with convert_errors(self._store_error):
                    yield store

    def known_schema(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that saves MLflow the checks of the schema."""
        return contextlib.nullcontext()

    def schema_lock(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which only this process creates the tables of the store."""
        return contextlib.nullcontext()

    def _connect(self, uri: str) -> Store:
        from mlflow import MlflowClient

        # Errors of MLflow, SQLAlchemy and alembic, and of a missing database driver.
        with convert_errors(self._open_error, unless=PactError), self.schema_lock():
            registry_uri = self._registry_uri or uri
            client = MlflowClient(uri, registry_uri)
            experiment_id, name = self._choose_experiment(client)
            shown = self.display_uri()
            registry = shown if registry_uri == uri else hide_credentials(registry_uri)
            return Store(client, experiment_id, name, shown, registry)

    def _choose_experiment(self, client: MlflowClient) -> tuple[str, str]:
        """Return the id and the name of the experiment."""
        name = self.experiment or DEFAULT_EXPERIMENT
        if self._experiment_id is not None:
            experiment = client.get_experiment(self._experiment_id)
        elif self._is_read_only:
            found = client.get_experiment_by_name(name)
            if found is None:
                return "", name
            experiment = _check_experiment(found, self.artifact_location)
        else:
            experiment = _find_or_create_experiment(client, name, self.artifact_location)
        return experiment.experiment_id, experiment.name

    def _open_error(self, error: Exception) -> StoreError:
        text = self._without_credentials(remote_store.store_failure(error) or str(error))
        shown = self.display_uri()
        return StoreError(
            f"cannot open the store {shown}: {truncate(text, 300)}",
            remedy=self._open_remedy(text),
            uri=shown,
        )

    def _open_remedy(self, text: str) -> str:
        if "out-of-date database schema" in text:
            return f"Back it up, then run: mlflow db upgrade {self.display_uri()}"
        for pattern, remedy in _REMEDIES.items():
            if re.search(pattern, text):
                return remedy
        return "Check tracking.uri, and that the store is running."

    def _store_error(self, error: Exception) -> StoreError | None:
        """Return the error of a store that failed while it was used.

        None if the store did not fail, or if `error` reports the failure already.
        """
        failure = remote_store.store_failure(error)
        reported = isinstance(error, StoreError) and error.uri is not None
        if not failure or reported or getattr(error, "not_undone", None):
            return None
        shown = self.display_uri()
        return StoreError(
            f"the store {shown} failed: {self._without_credentials(failure)}",
            remedy="No version was registered. Make sure that the store is running, then run the"
            " same command again; resume a sweep with resume=true.",
            uri=shown,
        )

    def _without_credentials(self, text: str) -> str:
        uri = self.resolve_uri()
        try:
            password = urlsplit(uri).password or ""
        except ValueError:
            password = ""
        bare, _ = remote_store.split_credentials(uri)
        shown = text.replace(uri, self.display_uri()).replace(bare, self.display_uri())
        return secrets.redact_values(shown, [unquote(password), password])


def hide_credentials(uri: str) -> str:
    """Return a URI without user, password and query.

    Example:
        >>> hide_credentials("postgresql://ann:secret@db/mlflow")
        'postgresql://***@db/mlflow'
    """
    # A path cannot contain a user.
    if uri.startswith("sqlite:///"):
        return uri
    return re.sub(r"\?.*", "?***", re.sub(r"(?<=//).*@", "***@", uri))


@contextlib.contextmanager
def _global_uris(uri: str, registry_uri: str) -> Iterator[None]:
    import mlflow

    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    with remote_store.restored_environment(names) as environment:
        tracking = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(registry_uri)
        try:
            yield
        finally:
            # None resets MLflow's tracking URI. MLflow keeps the registry URI in the environment.
            mlflow.set_tracking_uri(tracking)  # type: ignore[arg-type]
            mlflow.set_registry_uri(environment["MLFLOW_REGISTRY_URI"] or "")


def _find_or_create_experiment(
    client: MlflowClient, name: str, location: str | None = None
) -> Experiment:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return client.get_experiment(client.create_experiment(name, location))
        # Another process created it between the two calls, or MLflow rejects the name.
        except MlflowException:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    return _check_experiment(experiment, location)


def _check_experiment(experiment: Experiment, location: str | None) -> Experiment:
    """Return an experiment that runs can be written to.

    Raises:
        StoreError: It is deleted, or has another artifact location.
    """
    name = experiment.name
    if experiment.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {name!r} is deleted",
            remedy=f"Restore it (mlflow experiments restore -x {experiment.experiment_id}),"
            " or choose another one with tracking.experiment=...",
            experiment=name,
        )
    if location is not None:
        _check_location(name, location, experiment.artifact_location.rstrip("/"))
    return experiment


def _check_location(name: str, location: str, found: str) -> None:
    if found not in {location.rstrip("/"), str(Path(location).absolute())}:
        raise StoreError(
            f"the artifact location of the experiment {name!r} is {hide_credentials(found)}"
            " and cannot be changed",
            remedy="Omit tracking.artifact_location, or choose another experiment:"
            " tracking.experiment=...",
            experiment=name,
        )
