"""`task=protect`: an alias that only a promotion or a rollback may move."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from modelpact.cli.render.console import echo
from modelpact.cli.stored_model import open_store
from modelpact.cli.tasks.base import Task
from modelpact.registry.aliases import Aliases, check_reason
from modelpact.registry.names import check_alias
from modelpact.tracking import Tracking

__all__ = ["ProtectTask"]


class ProtectTask(Task):
    """Protects an alias, for everybody who uses the store, or lifts that; its history says so.

    Attributes:
        name: The registered model.
        alias: What is protected; it need not exist yet.
        lift: Take the protection away.
        why: For the history.
        tracking: The store.
    """

    name: str = Field(min_length=1)
    alias: str
    lift: bool = False
    why: str = ""
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from mlflow import MlflowClient

        check_alias(self.alias, "task.alias")
        check_reason(self.why, "task.why")
        with open_store(f"models:/{self.name}", self.tracking):
            line = Aliases(MlflowClient(), self.name).protect(
                self.alias, not self.lift, why=self.why
            )
        already = "" if line is not None else ", as it was"
        echo(f"{self.alias} of {self.name} is {'not ' if self.lift else ''}protected{already}")
        return None
