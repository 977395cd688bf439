"""The history of a registered model's aliases, read together with MLflow's registry."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from modelpact._internal.mlflow_errors import suppress_codes
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

APPLIED = "applied"
"""The suffix of the key which marks that an event was applied to the registry."""

_PAUSES = (0.0, 0.3)
"""Seconds between reads, in which a slow writer may apply its move."""


class AliasHistory:
    """The aliases of one registered model and their history.

    Args:
        client: A client for the store.
        name: The registered model.

    Raises:
        AliasError: The registered model does not exist.
    """

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client = client
        self.name = name
        with self._translate_errors():
            self._created = self._get_model().creation_timestamp
            self._log = append_log.find_log(client, self.subject)

    @classmethod
    def find(cls, client: MlflowClient, name: str) -> Self | None:
        """Return the aliases of a registered model, or None if the model does not exist."""
        return None if find_registered_model(client, name) is None else cls(client, name)

    @property
    def subject(self) -> str:
        """The subject of the log; a model that was deleted and created again has another one."""
        return f"{self.name}\n{self._created}"

    def states(self) -> list[AliasState]:
        """Return the state of each alias that exists or existed, in alphabetical order.

        Raises:
            AliasError: The store rejected the request, or an event cannot be read.
        """
        with self._translate_errors():
            # writers append to the history first, so it is read first
            lines = self._read_lines()
            registered = self._get_model().aliases
            known = {self._parse(key, line).alias for key, line in lines.items() if _is_event(key)}
            return [
                self._state(alias, lines, registered.get(alias))
                for alias in sorted(known | set(registered))
            ]

    def state(self, alias: str) -> AliasState:
        """Return the state of an alias, which need not exist.

        Raises:
            AliasError: The store rejected the request, or an event cannot be read.
        """
        with self._translate_errors():
            lines = self._read_lines()
            return self._state(alias, lines, self._get_model().aliases.get(alias))

    def settled_state(self, alias: str) -> AliasState:
        """Return the state of an alias after concurrent writers have applied their moves.

        An alias that seems to be moved outside of modelpact is read again for a short time, because
        a concurrent writer may be about to apply a move.

        Raises:
            AliasError: The store rejected the request, or an event cannot be read.
        """
        state, pauses = self.state(alias), list(_PAUSES)
        while state.outside and state.last is not None and pauses:
            time.sleep(pauses.pop(0))
            again = self.state(alias)
            if (len(again.moves), again.registered) != (len(state.moves), state.registered):
                pauses = list(_PAUSES)
            state = again
        return state

    def version(self, number: int | None) -> Version | None:
        """Return a version of the model; None if it does not exist, or for the number None.

        Raises:
            AliasError: The store rejected the request.
        """
        if number is not None:
            with self._translate_errors(), suppress_codes("RESOURCE_DOES_NOT_EXIST"):
                return self.client.get_model_version(self.name, str(number))
        return None

    def _last_move(self, alias: str) -> AliasEvent | None:
        return self._state(alias, self._read_lines(), None).last

    def _state(self, alias: str, lines: dict[str, str], registered: object) -> AliasState:
        prefix = _key(alias)
        moves: list[AliasEvent] = []
        while (line := lines.get(key := f"{prefix}.{len(moves) + 1}")) is not None:
            moves.append(self._parse(key, line))
        applied = frozenset(
            move.number for move in moves if f"{prefix}.{move.number}.{APPLIED}" in lines
        )
        version = None if registered is None else int(str(registered))
        return AliasState(self.name, alias, moves, version, applied)

    def _parse(self, key: str, line: str) -> AliasEvent:
        run_id = getattr(self._log, "run_id", "")
        return AliasEvent.parse(line, f"param {key} of run {run_id}")

    def _write_line(self, alias: str, key: str, line: str) -> bool:
        """Write a line about an alias; return whether the line under that key is this one."""
        with self._translate_errors():
            if self._log is None:
                self._log = append_log.get_or_create_log(self.client, self.subject, self.name)
            return self._log.write(f"{_key(alias)}.{key}", line)

    def _read_lines(self) -> dict[str, str]:
        # another process may have created the log meanwhile
        if self._log is None:
            self._log = append_log.find_log(self.client, self.subject)
        return {} if self._log is None else self._log.read()

    def _get_model(self) -> RegisteredModel:
        model = find_registered_model(self.client, self.name)
        if model is None:
            message, remedy = describe_unknown_model(self.client, self.name)
            raise AliasError(message, remedy=remedy, name=self.name)
        return model

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise an AliasError for a request that the store rejects; let failures of it pass."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            if remote_store.store_failure(error):
                raise
            raise AliasError(
                f"the store rejected a request for the aliases of {self.name}: "
                f"{truncate(error, 300)}",
                remedy=f"The history is in the experiments {append_log.EXPERIMENT!r} and "
                f"{append_log.INDEX_EXPERIMENT!r}: restore what was deleted there, "
                "and give users who move aliases permission to edit both.",
                name=self.name,
            ) from error


def _key(alias: str) -> str:
    # the names of params are shorter than the longest alias
    if len(alias) <= 200:
        return alias
    return f"{alias[:100]}.{hashlib.sha256(alias.encode()).hexdigest()}"


def _is_event(key: str) -> bool:
    return key.rpartition(".")[2].isdecimal()
