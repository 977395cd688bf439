"""Append-only logs in an MLflow store, with compare-and-set on each key.

MLflow has no compare-and-set, but its database accepts only one value per param of a run: SQLite,
PostgreSQL or whatever a server uses rejects the second one. A log is therefore a run, and its lines
are params. There is one log per subject. The index, one more log, maps subjects to runs. The index
itself is named by a tag of an experiment, because experiment names are unique.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelpact._internal.mlflow_errors import suppress_codes
from modelpact._internal.text import truncate
from modelpact.errors import StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

__all__ = [
    "EXPERIMENT",
    "INDEX_EXPERIMENT",
    "MAX_LINE_LENGTH",
    "AppendLog",
    "find_log",
    "get_or_create_log",
    "list_subjects",
]

EXPERIMENT = "modelpact aliases"
"""The experiment of the runs."""

INDEX_EXPERIMENT = "modelpact aliases: index"
"""The experiment with a tag that names the run of the index."""

MAX_LINE_LENGTH = 6000
"""Characters of a line; MLflow truncates longer params."""

_INDEX_RUN_TAG, _SUBJECT_TAG = "modelpact.index", "modelpact.subject"

_NOTE = (
    "Written by modelpact: the runs of this experiment hold the history of aliases, "
    "one event per param. If you delete them, the history is lost."
)


@dataclass(frozen=True, slots=True)
class AppendLog:
    """The log of one subject.

    Attributes:
        client: A client for the store.
        run_id: The run that holds the log.
    """

    client: MlflowClient
    run_id: str

    def read(self) -> dict[str, str]:
        """Return all lines by key."""
        return dict(self.client.get_run(self.run_id).data.params)

    def write(self, key: str, line: str) -> bool:
        """Write a line, unless the key has another line.

        Make each line unique: if the response of the store is lost and the line is written again,
        an equal line counts as written by both.

        Returns:
            Whether the line under that key is this one.

        Raises:
            MlflowException: The store failed for another reason.
        """
        from mlflow.exceptions import MlflowException

        try:
            self.client.log_param(self.run_id, key, line)
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            existing = self.read().get(key)
            if existing is None:
                raise
            return existing == line
        return True


def find_log(client: MlflowClient, subject: str) -> AppendLog | None:
    """Return the log of a subject, or None if there is none yet.

    Raises:
        StoreError: The index was deleted.
    """
    index = _find_index(client)
    run_id = None if index is None else index.read().get(_key(subject))
    return None if run_id is None else AppendLog(client, run_id)


def list_subjects(client: MlflowClient) -> Iterator[str]:
    """Yield the subjects of all logs of a store.

    Raises:
        StoreError: The index was deleted.
    """
    index = _find_index(client)
    for run_id in [] if index is None else index.read().values():
        subject = client.get_run(run_id).data.tags.get(_SUBJECT_TAG)
        if subject is not None:
            yield subject


def get_or_create_log(client: MlflowClient, subject: str, title: str) -> AppendLog:
    """Return the log of a subject, and create it if needed.

    Several processes that create a log at once get the same one.

    Args:
        client: A client for the store.
        subject: The subject, in any characters.
        title: The name of the run, for MLflow's UI.

    Raises:
        StoreError: The index was deleted.
    """
    found = find_log(client, subject)
    if found is not None:
        return found
    index = _find_index(client) or _create_index(client)
    own = _create_run(client, title, {_SUBJECT_TAG: subject})
    if index.write(_key(subject), own.run_id):
        return own
    client.delete_run(own.run_id)
    return AppendLog(client, index.read()[_key(subject)])


def _key(subject: str) -> str:
    # the names of params allow few characters
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()


def _find_index(client: MlflowClient) -> AppendLog | None:
    experiment = _find_experiment(client, INDEX_EXPERIMENT)
    if experiment is None:
        return None
    run_id = experiment.tags.get(_INDEX_RUN_TAG)
    if run_id is None:
        raise StoreError(
            f"the experiment {INDEX_EXPERIMENT!r} has lost its tag {_INDEX_RUN_TAG}, "
            "which names the run of the index",
            remedy=f"Set the tag to the id of the run 'index' in the experiment {EXPERIMENT!r}.",
        )
    return AppendLog(client, run_id)


def _create_index(client: MlflowClient) -> AppendLog:
    own = _create_run(client, "index", {})
    tags = {_INDEX_RUN_TAG: own.run_id, "mlflow.note.content": _NOTE}
    # it exists if another process was faster, or the response to this one was lost
    with suppress_codes("RESOURCE_ALREADY_EXISTS"):
        client.create_experiment(INDEX_EXPERIMENT, tags=tags)
    index = _find_index(client)
    if index is None:
        raise _vanished(INDEX_EXPERIMENT)
    if index.run_id != own.run_id:
        client.delete_run(own.run_id)
    return index


def _get_or_create_experiment(client: MlflowClient) -> str:
    found = _find_experiment(client, EXPERIMENT)
    if found is None:
        with suppress_codes("RESOURCE_ALREADY_EXISTS"):
            client.create_experiment(EXPERIMENT, tags={"mlflow.note.content": _NOTE})
        found = _find_experiment(client, EXPERIMENT)
    if found is None:
        raise _vanished(EXPERIMENT)
    return str(found.experiment_id)


def _find_experiment(client: MlflowClient, name: str) -> Experiment | None:
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {name!r} was deleted, and with it the history of all aliases",
            remedy=f"Restore it: mlflow experiments restore -x {found.experiment_id}",
            experiment=name,
        )
    return found


def _vanished(name: str) -> StoreError:
    return StoreError(
        f"the experiment {name!r} was created and cannot be found", remedy="Try again."
    )


def _create_run(client: MlflowClient, title: str, tags: dict[str, str]) -> AppendLog:
    experiment_id = _get_or_create_experiment(client)
    run = client.create_run(experiment_id, run_name=truncate(title, 200), tags=tags)
    # set_terminated would print the address of the store
    client.update_run(run.info.run_id, status="FINISHED")
    return AppendLog(client, str(run.info.run_id))
