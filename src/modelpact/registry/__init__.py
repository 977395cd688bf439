"""MLflow's model registry: what it holds under a name, what may follow that, and how a version is made and taken back."""

from __future__ import annotations

from modelpact.registry.admission import Admission, Exemption
from modelpact.registry.create import Undo, create_version, give_way, move_aliases
from modelpact.registry.gate import Gate, require_contract
from modelpact.registry.versions import (
    COMPATIBILITY,
    VersionGone,
    contract,
    list_versions,
    read_signature,
)

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
    "list_versions",
    "move_aliases",
    "read_signature",
    "require_contract",
]
