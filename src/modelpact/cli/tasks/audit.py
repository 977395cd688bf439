"""`task=audit`: compare registered versions with what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from modelpact._internal.counts import format_count
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.progress import Progress
from modelpact.cli.tasks.base import Task
from modelpact.errors import IntegrityError
from modelpact.registry.version_audit import audit_store
from modelpact.tracking import Tracking

__all__ = ["AuditTask"]


class AuditTask(Task):
    """Compares the files, signature and source of registered versions with what was published.

    Attributes:
        name: The registered model; None for all.
        format: A table, or JSON.
        tracking: The store.
    """

    name: str | None = None
    format: Literal["table", "json"] = "table"
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        with Progress() as progress:
            progress.stage("list the versions")
            audit = audit_store(self.tracking, self.name, progress.show)
        if self.format == "json":
            echo(audit.to_json())
        else:
            show_table(audit.title, ("name", "version", "finding", "detail"), audit.rows())
        if audit.failed:
            versions = format_count(len(audit.versions), "version")
            verb = "is" if len(audit.failed) == 1 else "are"
            raise IntegrityError(
                f"{len(audit.failed):,} of {versions} {verb} not as published",
                remedy="Restore the files, or publish again. Loaders reject such versions unless "
                "loader.integrity is warn or off.",
                versions=tuple((version.name, version.version) for version in audit.failed),
            )
        return None
