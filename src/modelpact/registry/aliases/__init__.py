"""Aliases of registered models, moved under compare-and-set with a history, in any MLflow store.

The history of a registered model's aliases is a ledger, and the number of a move is the key that it is written under: whoever
writes it first has moved the alias, everybody else is told. Only then is MLflow's registry told, and the mover looks at the
history again until what he told the registry is what the history ends with; so one who is slow cannot undo a later move. One who
is killed in between leaves a move that the next mover, or `task=repair`, finishes.
"""

from __future__ import annotations

from modelpact.registry.aliases.alias_history import AliasHistory
from modelpact.registry.aliases.alias_writer import Aliases, check_unprotected, find_unfinished
from modelpact.registry.aliases.events import AliasEvent, AliasState, RuleResult, check_reason

__all__ = [
    "AliasEvent",
    "AliasHistory",
    "AliasState",
    "Aliases",
    "RuleResult",
    "check_reason",
    "check_unprotected",
    "find_unfinished",
]
