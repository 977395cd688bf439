"""`task=promote`: move an alias to a version that passes the promotion rules."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from modelpact._internal.signals import held_signals
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.stored_model import find_model, open_store, registered_name
from modelpact.cli.tasks.base import Task
from modelpact.errors import AliasError, ConfigError, PromotionError
from modelpact.registry.aliases import (
    Aliases,
    AliasState,
    RuleResult,
    check_reason,
    format_version,
)
from modelpact.registry.names import check_alias
from modelpact.registry.promotion_rules import PromotionCriteria, RuleName, check_promotion
from modelpact.tracking import Tracking

__all__ = ["PromoteTask"]


class PromoteTask(Task):
    """Moves an alias to a version that passes the promotion rules.

    Attributes:
        uri: The version: `models:/name/3`, `models:/name@challenger`, `models:/name/latest`.
        alias: The alias to move.
        why: The reason, for the history.
        metric: The metric that must improve; None for the only one that both versions have.
        better: The direction of improvement; None for scikit-learn's scorers, where higher is
            better.
        min_gain: The minimum improvement; 0.0 means any improvement, a negative value tolerates
            that much regression.
        compatibility: The required compatibility of the contracts, as in `task=diff`.
        force: Rules that may fail; requires a reason in `why`.
        tracking: The store.
    """

    uri: str = Field(min_length=1)
    alias: str
    why: str = ""
    metric: str | None = Field(default=None, min_length=1)
    better: Literal["higher", "lower"] | None = None
    min_gain: float = Field(default=0.0, allow_inf_nan=False)
    compatibility: Literal["none", "backward", "forward", "full"] = "backward"
    force: list[RuleName] = []
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from mlflow import MlflowClient

        name = self._check_options()
        with open_store(self.uri, self.tracking):
            number = int(find_model(self.uri).uri.rpartition("/")[2])
            aliases = Aliases(MlflowClient(), name)
            state = aliases.settled_state(self.alias)
            if state.current == number:
                aliases.finish(self.alias)
                echo(f"{self.alias} of {name} already names version {number}")
                return None
            results = self._check_rules(aliases, state, number)
            with held_signals():
                aliases.move(
                    self.alias,
                    number,
                    by="promote",
                    expected=state.current,
                    why=self.why,
                    rules=results,
                    forced=[one.name for one in results if self._outcome(one) == "forced"],
                )
                before = format_version(state.current)
                echo(f"{self.alias} of {name}: {before} -> version {number}")
        return None

    def _check_options(self) -> str:
        """Check what needs no access to the store, and return the name of the registered model."""
        check_alias(self.alias, "task.alias")
        check_reason(self.why, "task.why")
        name = registered_name(self.uri)
        if name is None:
            raise ConfigError(
                f"task.uri={self.uri} does not name a version of a registered model",
                remedy="Write models:/name/3, models:/name@alias or models:/name/latest.",
            )
        if self.force and not self.why.strip():
            raise ConfigError(
                f"task.force=[{','.join(self.force)}] requires a reason",
                remedy="Add one for the history: 'task.why=\"...\"'",
            )
        return name

    def _check_rules(self, aliases: Aliases, state: AliasState, number: int) -> list[RuleResult]:
        """Apply the rules and print the results.

        Raises:
            PromotionError: A rule failed that is not forced.
        """
        new, champion = aliases.version(number), aliases.version(state.current)
        if new is None:
            raise AliasError(
                f"version {number} of {state.name} was deleted in the meantime",
                remedy="Choose another version.",
                alias=self.alias,
            )
        criteria = PromotionCriteria(self.metric, self.better, self.min_gain, self.compatibility)
        results = check_promotion(aliases.client, new, champion, criteria)
        outcomes = {result.name: self._outcome(result) for result in results}
        rows = [(result.name, outcomes[result.name], result.detail) for result in results]
        now = format_version(state.current)
        title = f"{state.name} version {number} for {self.alias}, which names {now}"
        show_table(title, ("rule", "result", "detail"), rows)
        failed = [result for result in results if outcomes[result.name] == "failed"]
        if failed:
            raise self._rejection(state, number, results, failed)
        return results

    def _outcome(self, result: RuleResult) -> Literal["ok", "forced", "failed"]:
        if result.ok:
            return "ok"
        return "forced" if result.name in self.force else "failed"

    def _rejection(
        self,
        state: AliasState,
        number: int,
        results: list[RuleResult],
        failed: list[RuleResult],
    ) -> PromotionError:
        names = dict.fromkeys([*self.force, *(result.name for result in failed)])
        lines = "\n".join(f"  {result.name}: {result.detail}" for result in failed)
        return PromotionError(
            f"version {number} of {state.name} was not promoted to {self.alias}, "
            f"which still names {format_version(state.current)}:\n{lines}",
            remedy="Publish a version that passes, or override the rules on the record: "
            f"task.force=[{','.join(names)}] 'task.why=\"...\"'",
            alias=self.alias,
            rules=results,
        )
