"""`task=rollback`: an alias names what it named before."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from modelpact.cli.render.console import echo
from modelpact.cli.stored_model import open_store
from modelpact.cli.tasks.base import Task
from modelpact.errors import AliasError
from modelpact.registry.aliases import Aliases, AliasState, check_reason
from modelpact.registry.names import check_alias
from modelpact.tracking import Tracking

__all__ = ["RollbackTask"]


class RollbackTask(Task):
    """Lets an alias name the version that it named before; once more, the one before that.

    Attributes:
        name: The registered model.
        alias: What is rolled back.
        version: One that it named before, to go back to; None for the last of those.
        why: For the history.
        tracking: The store.
    """

    name: str = Field(min_length=1)
    alias: str
    version: int | None = Field(default=None, ge=1)
    why: str = ""
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from mlflow import MlflowClient

        check_alias(self.alias, "task.alias")
        check_reason(self.why, "task.why")
        with open_store(f"models:/{self.name}", self.tracking):
            aliases = Aliases(MlflowClient(), self.name)
            state = aliases.settled_state(self.alias)
            target = self._target(state)
            aliases.move(self.alias, target, by="rollback", expected=state.current, why=self.why)
        now = "no version" if state.current is None else f"version {state.current}"
        echo(f"{self.alias} of {self.name}: {now} -> version {target}")
        return None

    def _target(self, state: AliasState) -> int:
        earlier = state.earlier()
        if self.version is not None and self.version not in earlier:
            now = " now" if self.version == state.current else ""
            raise AliasError(
                f"{self.alias} of {self.name} {'names' if now else 'did not name'} version {self.version}{now or ' before'}",
                remedy=f"It goes back to {_listed(earlier)}; task=promote moves it to any other version."
                if earlier
                else f"There is none to go back to: task=promote task.uri=models:/{self.name}/<version> task.alias={self.alias}.",
                alias=self.alias,
            )
        if not earlier:
            what = (
                "was never moved"
                if state.current is None
                else f"named nothing before version {state.current}"
            )
            raise AliasError(
                f"{self.alias} of {self.name} {what}: there is nothing to go back to",
                remedy=f"Choose a version: task=promote task.uri=models:/{self.name}/<version> task.alias={self.alias}.",
                alias=self.alias,
            )
        return self.version or earlier[0]


def _listed(versions: list[int]) -> str:
    return (
        f"version {versions[0]}"
        if len(versions) == 1
        else f"one of {', '.join(map(str, versions[:20]))}"
    )
