"""`task=promote`: an alias moves to a version that passes the rules, and its history says so."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from modelpact.cli.render.console import echo, show_table
from modelpact.cli.stored_model import find_model, open_store, registered_name
from modelpact.cli.tasks.base import Task
from modelpact.errors import AliasError, ConfigError, PromotionError
from modelpact.registry.aliases import Aliases, AliasState, RuleResult, check_reason
from modelpact.registry.names import check_alias
from modelpact.registry.promotion_rules import PromotionCriteria, RuleName, check_promotion
from modelpact.tracking import Tracking

__all__ = ["PromoteTask"]


class PromoteTask(Task):
    """Moves an alias to a version by rule.

    Attributes:
        uri: The version: `models:/name/3`, `models:/name@challenger`, `models:/name/latest`.
        alias: What is to name it.
        why: For the history.
        metric: What must be better than that of the version that the alias names; None for the only one that there is.
        better: Which way; None for scikit-learn's, whose scorers are all the better the higher.
        min_gain: By how much at least; 0.0: at all; less: so much worse is taken.
        compatibility: What must hold between both contracts: as in `task=diff`.
        force: Rules that may be broken, with a reason in `why`.
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

        name = self._name()
        with open_store(self.uri, self.tracking):
            client = MlflowClient()
            number = int(find_model(self.uri).uri.rpartition("/")[2])
            aliases = Aliases(client, name)
            state = aliases.settled_state(self.alias)
            if state.current == number:
                aliases.finish(self.alias)
                echo(f"{self.alias} of {name} names version {number} already")
                return None
            new, champion = aliases.version(number), aliases.version(state.current)
            if new is None:
                raise AliasError(
                    f"version {number} of {name} was deleted meanwhile",
                    remedy="Choose another.",
                    alias=self.alias,
                )
            rules = check_promotion(
                client,
                new,
                champion,
                PromotionCriteria(self.metric, self.better, self.min_gain, self.compatibility),
            )
            self._show(state, number, rules)
            self._refuse_broken(state, number, rules)
            aliases.move(
                self.alias,
                number,
                by="promote",
                expected=state.current,
                why=self.why,
                rules=rules,
                forced=self._forced(rules),
            )
        echo(f"{self.alias} of {name}: {_called(state.current)} -> {_called(number)}")
        return None

    def _name(self) -> str:
        """The registered model; refused here is what needs no look into the store."""
        check_alias(self.alias, "task.alias")
        check_reason(self.why, "task.why")
        name = registered_name(self.uri)
        if name is None:
            raise ConfigError(
                f"task.uri={self.uri} names no version of a registered model",
                remedy="Write models:/name/3, models:/name@alias or models:/name/latest.",
            )
        if self.force and not self.why.strip():
            raise ConfigError(
                f"task.force=[{','.join(self.force)}] needs a reason",
                remedy="It is kept in the history: 'task.why=\"...\"'",
            )
        return name

    def _forced(self, rules: list[RuleResult]) -> list[str]:
        return [rule.name for rule in rules if not rule.ok and rule.name in self.force]

    def _show(self, state: AliasState, number: int, rules: list[RuleResult]) -> None:
        forced = self._forced(rules)
        rows = [
            [
                rule.name,
                "ok" if rule.ok else "forced" if rule.name in forced else "broken",
                rule.detail,
            ]
            for rule in rules
        ]
        now = "nothing yet" if state.current is None else f"version {state.current}"
        show_table(
            f"{state.name} version {number} for {self.alias}, which names {now}",
            ["rule", "result", "figures"],
            rows,
        )

    def _refuse_broken(self, state: AliasState, number: int, rules: list[RuleResult]) -> None:
        broken = [rule for rule in rules if not rule.ok and rule.name not in self.force]
        if broken:
            names = [*self.force, *(rule.name for rule in broken)]
            lines = "\n".join(f"  {rule.name}: {rule.detail}" for rule in broken)
            raise PromotionError(
                f"version {number} of {state.name} was not promoted to {self.alias}, "
                f"which still names {_called(state.current)}:\n{lines}",
                remedy="Publish a version that passes; or pass over it, on the record: "
                f"task.force=[{','.join(dict.fromkeys(names))}] 'task.why=\"...\"'",
                alias=self.alias,
                rules=rules,
            )


def _called(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"
