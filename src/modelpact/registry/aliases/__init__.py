"""Aliases of registered models, moved with compare-and-set and a history, in any MLflow store.

The history is an append-only log with numbered events. The number is a unique key, so of several
processes that move an alias at once, one writes the event and the others get an error. The writer
updates MLflow's registry afterwards, re-reads the history, and retries until both agree; a slow
writer therefore cannot undo a later move. If a writer is killed in between, the next move or
`task=repair` applies the event.
"""

from __future__ import annotations

from modelpact.registry.aliases.alias_history import AliasHistory
from modelpact.registry.aliases.alias_writer import (
    Aliases,
    check_unprotected,
    current_user,
    find_unfinished,
    format_version,
)
from modelpact.registry.aliases.events import AliasEvent, AliasState, RuleResult, check_reason

__all__ = [
    "AliasEvent",
    "AliasHistory",
    "AliasState",
    "Aliases",
    "RuleResult",
    "check_reason",
    "check_unprotected",
    "current_user",
    "find_unfinished",
    "format_version",
]
