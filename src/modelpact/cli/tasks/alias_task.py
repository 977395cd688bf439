"""The base class of tasks that change one alias of a registered model."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from pydantic import Field

from modelpact._internal.signals import held_signals
from modelpact.cli.render.console import echo
from modelpact.cli.stored_model import open_store
from modelpact.cli.tasks.base import Task
from modelpact.registry.aliases import Aliases, check_reason
from modelpact.registry.names import check_alias
from modelpact.tracking import Tracking

__all__ = ["AliasTask"]


class AliasTask(Task):
    """A task that changes one alias of a registered model.

    Attributes:
        name: The registered model.
        alias: The alias.
        why: The reason, for the history.
        tracking: The store.
    """

    name: str = Field(min_length=1)
    alias: str
    why: str = ""
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from mlflow import MlflowClient

        check_alias(self.alias, "task.alias")
        check_reason(self.why, "task.why")
        with open_store(f"models:/{self.name}", self.tracking), held_signals():
            echo(self.change(Aliases(MlflowClient(), self.name)))
        return None

    @abstractmethod
    def change(self, aliases: Aliases) -> str:
        """Change the alias and return one line that describes the change."""
