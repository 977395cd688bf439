"""Logs in an MLflow store that are only ever appended to, with compare-and-set: whoever writes a key first has written it.

MLflow has no compare-and-set of its own. But of a run's params there is one to a key in the database: the second value is
refused, by SQLite, PostgreSQL or whatever a server keeps its tables in. So a ledger is a run, and its lines are params. There is
one for each thing that is logged, and all are found through one more, the index: a ledger of the ids of the others. The index
itself is named by an experiment, since of two experiments of one name the database refuses the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelpact._internal.text import truncate
from modelpact.errors import StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

__all__ = [
    "EXPERIMENT",
    "INDEX_EXPERIMENT",
    "LONGEST",
    "AppendLog",
    "find_log",
    "get_or_create_log",
    "list_subjects",
]

EXPERIMENT, INDEX_EXPERIMENT = "modelpact aliases", "modelpact aliases: index"
"""The experiment that the runs are in, and the one whose tag says which of them is the index."""

LONGEST = 6000
"""Characters of a line: what MLflow takes as the value of a param; more it would cut."""

_INDEX_RUN, _SUBJECT = "modelpact.index", "modelpact.subject"
_NOTE = "Written by modelpact: the runs here hold the history of aliases, each move a param. Without them it is lost."


@dataclass(frozen=True, slots=True)
class AppendLog:
    """One log.

    Attributes:
        client: MLflow's client for the store.
        run_id: The run that holds it.
    """

    client: MlflowClient
    run_id: str

    def read(self) -> dict[str, str]:
        """All lines by their key."""
        return dict(self.client.get_run(self.run_id).data.params)

    def write(self, key: str, line: str) -> bool:
        """Write a line, unless there is another one under that key.

        A line that is written twice, because the store's answer was lost, counts as written by both; so make each one unique.

        Returns:
            Whether the line under that key is this one.

        Raises:
            MlflowException: The store refused it, and not because there is another line.
        """
        from mlflow.exceptions import MlflowException

        try:
            self.client.log_param(self.run_id, key, line)
        except MlflowException as error:
            there = self.read().get(key) if error.error_code == "INVALID_PARAMETER_VALUE" else None
            if there is None:
                raise
            return there == line
        return True


def find_log(client: MlflowClient, subject: str) -> AppendLog | None:
    """The ledger of a subject; None where there is none yet.

    Raises:
        StoreError: The index was deleted.
    """
    index = _index(client)
    run_id = None if index is None else index.read().get(_key(subject))
    return None if run_id is None else AppendLog(client, run_id)


def list_subjects(client: MlflowClient) -> Iterator[str]:
    """The subjects of all ledgers of a store.

    Raises:
        StoreError: The index was deleted.
    """
    index = _index(client)
    for run_id in [] if index is None else index.read().values():
        subject = client.get_run(run_id).data.tags.get(_SUBJECT)
        if subject is not None:
            yield subject


def get_or_create_log(client: MlflowClient, subject: str, title: str) -> AppendLog:
    """The ledger of a subject, made where there is none; of several processes that make one, all get the same.

    Args:
        client: MLflow's client for the store.
        subject: What it is about, in any characters.
        title: The run's name for people.

    Raises:
        StoreError: The index was deleted.
    """
    found = find_log(client, subject)
    if found is not None:
        return found
    index = _index(client) or _made_index(client)
    own = _made_run(client, title, {_SUBJECT: subject})
    if index.write(_key(subject), own.run_id):
        return own
    client.delete_run(own.run_id)
    return AppendLog(client, index.read()[_key(subject)])


def _key(subject: str) -> str:
    """A subject as a param's name, which may hold few characters."""
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()


def _index(client: MlflowClient) -> AppendLog | None:
    experiment = _experiment(client, INDEX_EXPERIMENT)
    if experiment is None:
        return None
    run_id = experiment.tags.get(_INDEX_RUN)
    if run_id is None:
        raise StoreError(
            f"the experiment {INDEX_EXPERIMENT!r} does not say which run is the index: its tag {_INDEX_RUN} is gone",
            remedy=f"Set that tag to the id of the run named index in the experiment {EXPERIMENT!r}.",
        )
    return AppendLog(client, run_id)


def _made_index(client: MlflowClient) -> AppendLog:
    from mlflow.exceptions import MlflowException

    own = _made_run(client, "index", {})
    try:
        client.create_experiment(
            INDEX_EXPERIMENT, tags={_INDEX_RUN: own.run_id, "mlflow.note.content": _NOTE}
        )
    except (
        MlflowException
    ) as error:  # somebody else was faster, or this did it and the answer was lost
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    index = _index(client)
    if index is None:
        raise StoreError(
            f"the experiment {INDEX_EXPERIMENT!r} was made and cannot be found",
            remedy="Do the same again.",
        )
    if index.run_id != own.run_id:
        client.delete_run(own.run_id)
    return index


def _home(client: MlflowClient) -> str:
    from mlflow.exceptions import MlflowException

    found = _experiment(client, EXPERIMENT)
    if found is None:
        try:
            return str(client.create_experiment(EXPERIMENT, tags={"mlflow.note.content": _NOTE}))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = _experiment(client, EXPERIMENT)
    if found is None:
        raise StoreError(
            f"the experiment {EXPERIMENT!r} was made and cannot be found",
            remedy="Do the same again.",
        )
    return str(found.experiment_id)


def _experiment(client: MlflowClient, name: str) -> Experiment | None:
    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {name!r} was deleted, and with it the history of all aliases",
            remedy=f"Restore it: mlflow experiments restore -x {found.experiment_id}",
            experiment=name,
        )
    return found


def _made_run(client: MlflowClient, title: str, tags: dict[str, str]) -> AppendLog:
    run = client.create_run(_home(client), run_name=truncate(title, 200), tags=tags)
    client.update_run(run.info.run_id, status="FINISHED")  # set_terminated would print an address
    return AppendLog(client, str(run.info.run_id))
