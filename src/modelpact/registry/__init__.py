"""MLflow's model registry: what it holds under a name, what may follow that, and how a version is made and taken back."""

from __future__ import annotations

from modelpact.registry.admissions import Admission, Exemption
from modelpact.registry.contracts import (
    COMPATIBILITY,
    VersionGone,
    contract,
    read_signature,
    versions,
)
from modelpact.registry.creation import Undo, create_version, give_way, move_aliases
from modelpact.registry.gate import Gate, require_contract

__all__ = [
    "COMPATIBILITY",
    "Admission",
    "Exemption",
    "Gate",
    "Undo",
    "VersionGone",
    "contract",
    "create_version",
    "give_way",
    "move_aliases",
    "read_signature",
    "require_contract",
    "versions",
]
