"""`task=rollback`: move an alias back to a version that it named before."""

from __future__ import annotations

from pydantic import Field

from modelpact.cli.tasks.alias_task import AliasTask
from modelpact.errors import AliasError
from modelpact.registry.aliases import Aliases, AliasState, format_version

__all__ = ["RollbackTask"]


class RollbackTask(AliasTask):
    """Moves an alias back to the previous version; a second rollback goes one version further.

    Attributes:
        name: The registered model.
        alias: The alias to roll back.
        version: An earlier version to go back to; None for the previous one.
        why: The reason, for the history.
        tracking: The store.
    """

    version: int | None = Field(default=None, ge=1)

    def change(self, aliases: Aliases) -> str:
        state = aliases.settled_state(self.alias)
        target = self._target(state)
        aliases.move(self.alias, target, by="rollback", expected=state.current, why=self.why)
        before = format_version(state.current)
        return f"{self.alias} of {self.name}: {before} -> version {target}"

    def _target(self, state: AliasState) -> int:
        earlier = state.earlier()
        if self.version is None and earlier:
            return earlier[0]
        if self.version is not None and self.version in earlier:
            return self.version
        listed = ", ".join(map(str, earlier[:20]))
        promote = f"task=promote task.uri=models:/{self.name}/<version> task.alias={self.alias}"
        raise AliasError(
            f"cannot roll back {self.alias} of {self.name}: {self._obstacle(state)}",
            remedy=f"Earlier versions: {listed}. For any other version: {promote}."
            if earlier
            else f"Choose a version with {promote}.",
            alias=self.alias,
        )

    def _obstacle(self, state: AliasState) -> str:
        if self.version is not None:
            if self.version == state.current:
                return f"it names version {self.version} already"
            return f"it never named version {self.version}"
        if state.current is None:
            return "it was never moved"
        return f"it named no version before version {state.current}"
