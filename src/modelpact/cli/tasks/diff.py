"""`task=diff`: compare two contracts and report breaking changes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from modelpact._internal.user_files import describe_irregular
from modelpact.cli.render.console import echo, show_table
from modelpact.cli.render.output_file import check_writable, write_text
from modelpact.cli.stored_model import read_signature
from modelpact.cli.tasks.base import Task, check_policy
from modelpact.errors import CompatibilityError, ConfigError
from modelpact.security.integrity import IntegrityPolicy
from modelpact.tracking import Tracking

if TYPE_CHECKING:
    from modelpact.cli.render.diff_report import DiffReport
    from modelpact.types import Signature

__all__ = ["DiffTask"]

_FORMS = (
    "Write models:/name/1, models:/name@alias, models:/<model_id>, runs:/<run_id>/model, "
    "a model's folder, its MLmodel file, or a contract in YAML."
)

_MEANINGS = {
    "none": "none has no requirements",
    "backward": "backward means that callers of the old contract can use the new one",
    "forward": "forward means that callers of the new contract can use the old one",
    "full": "full means backward and forward",
}


class DiffTask(Task):
    """Compares two contracts, and fails if the new one breaks callers of the old one.

    Attributes:
        old: The existing contract: a model's URI, its folder or `MLmodel` file, or a contract in
            YAML.
        new: The new contract, in the same forms.
        mode: The required compatibility: `backward` (callers of the old contract can use the new
            one), `forward` (callers of the new one can use the old one), `full` (both), `none`.
        policy: The allowed conversions: lossless ones, MLflow's, or none (`strict`).
        extra: What the enforcer does with columns that are not in the contract.
        format: A table, JSON, JUnit XML for a build server, or Markdown for a pull request.
        out: The output file; None for standard output.
        integrity: What to do if a stored signature is not the published one: fail (`strict`),
            warn, or skip the comparison (`off`).
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

        check_policy(self.policy, self.extra)
        check_writable(self.out, "task.out")
        old = self._read_contract(self.old, "task.old")
        new = self._read_contract(self.new, "task.new")
        changes = diff(old, new, self.policy, self.extra)
        report = DiffReport(
            old=self.old,
            new=self.new,
            mode=self.mode,
            policy=self.policy,
            extra=self.extra,
            changes=changes,
            broken=filter_breaking(changes, self.mode),
        )
        self._show(report)
        if report.broken:
            raise CompatibilityError(
                f"{self.new} breaks {self.mode} compatibility with {self.old}: {report.counts}",
                remedy="Change the new contract, or choose another task.mode; "
                f"{_MEANINGS[self.mode]}.",
                changes=report.broken,
                mode=self.mode,
            )
        return None

    def _show(self, report: DiffReport) -> None:
        if self.out is not None or self.format != "table":
            write_text(self.out, report.text(self.format), f"wrote {self.out}: {report.counts}")
        elif report.changes:
            show_table(report.title, report.HEADERS, report.rows())
        else:
            echo(report.title)

    def _read_contract(self, source: str, key: str) -> Signature:
        """Read the signature of a stored model, or a contract in YAML.

        Raises:
            ConfigError: The source does not exist, or the contract is malformed.
            LoadError: The model does not exist, or has no signature.
            StoreError: The store cannot be opened.
        """
        from modelpact.signature import load

        path = Path(source)
        if os.path.isfile(path) and path.name != "MLmodel":
            return load(path)
        _check_exists(path, source, key)
        uri = str(path.parent) if os.path.isfile(path) else source
        return read_signature(uri, self.tracking, self.integrity)


def _check_exists(path: Path, source: str, key: str) -> None:
    if os.path.isdir(path) and not (path / "MLmodel").is_file():
        raise ConfigError(
            f"{key}={source} is not a model: it has no MLmodel file",
            remedy=_FORMS,
            path=source,
        )
    problem = describe_irregular(path)
    if problem not in {None, "is a folder"} and not re.match(r"[a-z0-9-]{2,}:", source):
        raise ConfigError(f"{key}={source} {problem}", remedy=_FORMS, path=source)
