"""MLflow's model registry: read versions, compare contracts, create versions and undo that."""

from __future__ import annotations

from modelpact.registry.compatibility_report import CompatibilityReport, Waiver
from modelpact.registry.creation import (
    UndoStack,
    create_version,
    defer_to_existing,
    move_aliases,
)
from modelpact.registry.descriptions import describe_model
from modelpact.registry.gate import Gate, require_contract
from modelpact.registry.versions import (
    CHECKS_TAG,
    COMPATIBILITY_TAG,
    VersionNotFound,
    list_versions,
    read_signature,
    read_version_signature,
)

__all__ = [
    "CHECKS_TAG",
    "COMPATIBILITY_TAG",
    "CompatibilityReport",
    "Gate",
    "UndoStack",
    "VersionNotFound",
    "Waiver",
    "create_version",
    "defer_to_existing",
    "describe_model",
    "list_versions",
    "move_aliases",
    "read_signature",
    "read_version_signature",
    "require_contract",
]
