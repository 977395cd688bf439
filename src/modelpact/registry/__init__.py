"""MLflow's model registry: what it holds under a name, what may follow that, and how a version is made and taken back."""

from __future__ import annotations

from modelpact.registry.compatibility_report import CompatibilityReport, Waiver
from modelpact.registry.creation import Undo, create_version, defer_to_existing, move_aliases
from modelpact.registry.gate import Gate, require_contract
from modelpact.registry.versions import (
    COMPATIBILITY_TAG,
    VersionNotFound,
    list_versions,
    read_signature,
    read_version_signature,
)

__all__ = [
    "COMPATIBILITY_TAG",
    "CompatibilityReport",
    "Gate",
    "Undo",
    "VersionNotFound",
    "Waiver",
    "create_version",
    "defer_to_existing",
    "list_versions",
    "move_aliases",
    "read_signature",
    "read_version_signature",
    "require_contract",
]
