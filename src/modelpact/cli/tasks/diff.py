"""`task=diff`: what changed between two contracts, and whom it breaks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelpact._internal.files import write_atomically
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.output_file import check_writable
from modelpact.cli.tasks.base import Task
from modelpact.errors import CompatibilityError, ConfigError, LoadError
from modelpact.security.integrity import IntegrityPolicy
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from modelpact.cli.render.diff_report import DiffReport
    from modelpact.types import Signature

__all__ = ["DiffTask"]

_FORMS = (
    "Write models:/name/1, models:/name@alias, models:/<model_id>, runs:/<run_id>/model, a model's folder, its MLmodel file, "
    "or a contract in YAML."
)


class DiffTask(Task):
    """Compares two contracts, and fails where the new one breaks who relies on the old.

    Attributes:
        old: The contract that people rely on: a model's URI, its folder or `MLmodel` file, or a written contract.
        new: The one that is to follow it, in the same forms.
        mode: What must hold: `backward`: who calls the old can call the new; `forward`: who calls the new can call the old;
            `full`: both; `none`: nothing is asked.
        policy: What the enforcer converts: what loses nothing, what MLflow converts, or nothing (`strict`).
        extra: What it does with columns that a contract does not know.
        format: A table to read, JSON, JUnit XML for a build server, or Markdown for a pull request.
        out: The file to write, whole or not at all; None for standard output.
        integrity: What happens if a stored signature is not the one that was published: it is refused (`strict`), it is compared
            with a warning (`warn`), or nobody looks (`off`).
        tracking: The store.
    """

    old: str = Field(min_length=1)
    new: str = Field(min_length=1)
    mode: Literal["none", "backward", "forward", "full"] = "backward"
    policy: Literal["mlflow", "lossless", "strict"] = "lossless"
    extra: Literal["ignore", "warn", "forbid"] = "ignore"
    format: Literal["table", "json", "junit", "markdown"] = "table"
    out: str | None = Field(default=None, min_length=1)
    integrity: IntegrityPolicy = "strict"
    tracking: Tracking

    def run(self, folder: Path) -> float | None:
        from modelpact.cli.render.diff_report import DiffReport
        from modelpact.signature import diff, filter_breaking

        if self.policy == "mlflow" and self.extra == "forbid":
            raise ConfigError(
                "task.policy=mlflow leaves extra columns out, as MLflow does, and cannot refuse them",
                remedy="Choose task.policy=lossless, or task.extra=warn.",
            )
        if self.out is not None:
            check_writable(self.out, "task.out")
        old, new = (
            _signature(where, f"task.{key}", self)
            for key, where in (("old", self.old), ("new", self.new))
        )
        changes = diff(old, new, self.policy, self.extra)
        found = DiffReport(
            self.old,
            self.new,
            self.mode,
            self.policy,
            self.extra,
            changes,
            filter_breaking(changes, self.mode),
        )
        self._show(found)
        if found.broken:
            raise CompatibilityError(
                f"{self.new} breaks {self.mode} compatibility with {self.old}: {found.counts}",
                remedy=f"Change the new contract where it breaks, or choose another task.mode; {_MEANS[self.mode]}.",
                changes=found.broken,
                mode=self.mode,
            )
        return None

    def _show(self, found: DiffReport) -> None:
        if self.out is not None:
            write_atomically(Path(self.out), found.text(self.format))
            echo(f"wrote {self.out}: {found.counts}")
        elif self.format != "table":
            echo(found.text(self.format).rstrip("\n"))
        elif found.changes:
            show_table(found.title, found.HEADERS, found.rows())
        else:
            echo(found.title)


_MEANS = {
    "none": "none asks for nothing",
    "backward": "backward asks that who calls the old can call the new, and read its answers",
    "forward": "forward asks that who calls the new can call the old, and read its answers",
    "full": "full asks for backward and forward",
}


def _signature(where: str, key: str, task: DiffTask) -> Signature:
    """The signature of a stored model, or of a written contract.

    Raises:
        ConfigError: There is nothing of that name, or the contract is malformed.
        LoadError: There is no such model, or it has no signature.
        StoreError: The store cannot be opened.
    """
    from modelpact.cli.stored_model import find_model, open_store, read_metadata
    from modelpact.signature import load

    path = Path(where)
    if path.is_file() and path.name != "MLmodel":
        return load(path)
    if path.is_dir() and not (path / "MLmodel").is_file():
        raise ConfigError(
            f"{key}={where} is a folder without an MLmodel file: it is no model's",
            remedy=_FORMS,
            path=where,
        )
    if not path.exists() and not re.match(r"[a-z0-9-]{2,}:", where):
        raise ConfigError(
            f"{key}={where}: there is no such file or folder", remedy=_FORMS, path=where
        )
    uri = str(path.parent) if path.is_file() else where
    with open_store(uri, task.tracking):
        signature: Signature | None = read_metadata(find_model(uri), task.integrity).signature
    if signature is None:
        raise LoadError(
            f"{key}={where} has no signature: there is nothing to compare",
            remedy=f"Give it one, as a new version: task=resign task.uri={uri} signer=infer data=...",
            uri=where,
        )
    return signature
