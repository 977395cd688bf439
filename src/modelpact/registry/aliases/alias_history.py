"""The history of a registered model's aliases, read beside what the registry says."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from modelpact._internal.text import truncate
from modelpact.errors import AliasError
from modelpact.registry.aliases import append_log
from modelpact.registry.aliases.events import AliasEvent, AliasState
from modelpact.registry.registered_models import describe_unknown_model, find_registered_model
from modelpact.tracking import remote_store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

    from modelpact.types import Version

__all__ = ["APPLIED", "AliasHistory"]

APPLIED = "told"
"""The end of the key that says that the registry was told of a move."""

_PAUSES = (0.0, 0.3)  # seconds, in which a slow mover mends what looks as if it were moved outside


class AliasHistory:
    """What became of the aliases of one registered model.

    Args:
        client: MLflow's client for the store.
        name: The registered model.

    Raises:
        AliasError: There is no such model.
    """

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client = client
        self.name = name
        with self.refusals():
            self._created = self._model().creation_timestamp
            self._ledger = append_log.find_log(client, self.subject)

    @classmethod
    def of(cls, client: MlflowClient, name: str) -> Self | None:
        """The aliases of a registered model; None where there is no such model."""
        return None if find_registered_model(client, name) is None else cls(client, name)

    @property
    def subject(self) -> str:
        """What its history is about: one that was deleted, and made again under its name, is another model."""
        return f"{self.name}\n{self._created}"

    def states(self) -> list[AliasState]:
        """Each alias that there is or was, by its name.

        Raises:
            AliasError: The store refused, or what it has is not to be read.
        """
        with self.refusals():
            lines = self._lines()  # first: the registry is told after the history
            registered = self._model().aliases
            known = {
                AliasEvent.of(line, f"param {key} of run {self._run_id}").alias
                for key, line in lines.items()
                if _is_move(key)
            }
            return [
                self._state(alias, lines, registered.get(alias))
                for alias in sorted(known | set(registered))
            ]

    def state(self, alias: str) -> AliasState:
        """One alias; it need not exist.

        Raises:
            AliasError: The store refused, or what it has is not to be read.
        """
        with self.refusals():
            lines = self._lines()
            return self._state(alias, lines, self._model().aliases.get(alias))

    def settled_state(self, alias: str) -> AliasState:
        """One alias; looked at again where it seems to be moved outside, which may be the doing of a mover who is at it just now.

        Raises:
            AliasError: The store refused, or what it has is not to be read.
        """
        state, pauses = self.state(alias), list(_PAUSES)
        while state.outside and state.last is not None and pauses:
            time.sleep(pauses.pop(0))
            again = self.state(alias)
            if (len(again.moves), again.registered) != (len(state.moves), state.registered):
                pauses = list(_PAUSES)
            state = again
        return state

    def read(self, alias: str) -> AliasState:
        """The history of an alias, without a look at the registry."""
        return self._state(alias, self._lines(), None)

    def version(self, number: int | None) -> Version | None:
        """A version of the model; None where there is none of that number, or it was deleted.

        Raises:
            AliasError: The store refused.
        """
        from mlflow.exceptions import MlflowException

        with self.refusals():
            try:
                return (
                    None
                    if number is None
                    else self.client.get_model_version(self.name, str(number))
                )
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

    def _state(self, alias: str, lines: dict[str, str], registered: object) -> AliasState:
        prefix = _key(alias)
        moves: list[AliasEvent] = []
        while (line := lines.get(f"{prefix}.{len(moves) + 1}")) is not None:
            moves.append(
                AliasEvent.of(line, f"param {prefix}.{len(moves) + 1} of run {self._run_id}")
            )
        told = frozenset(
            move.number for move in moves if f"{prefix}.{move.number}.{APPLIED}" in lines
        )
        return AliasState(
            self.name, alias, moves, None if registered is None else int(str(registered)), told
        )

    @property
    def _run_id(self) -> str:
        return "" if self._ledger is None else self._ledger.run_id

    def write(self, alias: str, key: str, line: str) -> bool:
        """Write a line about an alias; returns whether it is there now, and not somebody else's under that key.

        Raises:
            AliasError: The store refused.
        """
        with self.refusals():
            if self._ledger is None:
                self._ledger = append_log.get_or_create_log(self.client, self.subject, self.name)
            return self._ledger.write(f"{_key(alias)}.{key}", line)

    def _lines(self) -> dict[str, str]:
        if self._ledger is None:  # somebody may have made it since
            self._ledger = append_log.find_log(self.client, self.subject)
        return {} if self._ledger is None else self._ledger.read()

    def _model(self) -> RegisteredModel:
        model = find_registered_model(self.client, self.name)
        if model is None:
            message, remedy = describe_unknown_model(self.client, self.name)
            raise AliasError(message, remedy=remedy, name=self.name)
        return model

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
        """Say what a store refused; one that failed is told by whoever opened it."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            if remote_store.store_failure(error):
                raise
            raise AliasError(
                f"the store refused what the aliases of {self.name} need: {truncate(error, 300)}",
                remedy=f"Their history is in the experiments {append_log.EXPERIMENT!r} and {append_log.INDEX_EXPERIMENT!r}: "
                "restore what was deleted there, and let those who move aliases write to them.",
                name=self.name,
            ) from error


def _key(alias: str) -> str:
    """What the keys of an alias begin with; a param's name is shorter than the longest alias."""
    return (
        alias
        if len(alias) <= 200
        else f"{alias[:100]}.{hashlib.sha256(alias.encode()).hexdigest()}"
    )


def _is_move(key: str) -> bool:
    return key.rpartition(".")[2].isdecimal()
