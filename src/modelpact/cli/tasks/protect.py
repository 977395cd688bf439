"""`task=protect`: protect an alias, so that only a promotion or a rollback moves it."""

from __future__ import annotations

from modelpact.cli.tasks.alias_task import AliasTask
from modelpact.registry.aliases import Aliases

__all__ = ["ProtectTask"]


class ProtectTask(AliasTask):
    """Protects an alias for all users of the store, or lifts the protection.

    Attributes:
        name: The registered model.
        alias: The alias; it need not exist yet.
        lift: Lift the protection.
        why: The reason, for the history.
        tracking: The store.
    """

    lift: bool = False

    def change(self, aliases: Aliases) -> str:
        event = aliases.protect(self.alias, not self.lift, why=self.why)
        state = "not protected" if self.lift else "protected"
        return f"{self.alias} of {self.name} is {state}{', as before' if event is None else ''}"
